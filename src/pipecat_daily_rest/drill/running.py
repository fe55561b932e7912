# SPDX-License-Identifier: BSD-2-Clause
"""Runs the drills, one after the other."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from pipecat_daily_rest.drill.drills import DRILLS, why_not
from pipecat_daily_rest.drill.outcome import DrillError, Outcome
from pipecat_daily_rest.drill.plan import Plan
from pipecat_daily_rest.drill.server import Server
from pipecat_daily_rest.errors import DailyConfigError


async def run(plan: Plan, begins: Callable[[str], object] = lambda _: None) -> list[Outcome]:
    """Run the drills of a plan.

    A server that came through a drill goes on to the next one. After a fault there is a new one,
    with a new local Daily.

    Args:
        plan: What is drilled, and how.
        begins: Called with the name of each drill before it begins.

    Returns:
        What came of each drill.

    Raises:
        DailyConfigError: The server does not start, or does not use the local Daily.
    """
    if os.name == "nt":
        msg = "A drill sends SIGTERM, which Windows has not: run it on Linux or macOS."
        raise DailyConfigError(msg)
    outcomes = []
    async with AsyncExitStack() as stack:
        server: Server | None = None
        has_run = False
        for name, drill in DRILLS.items():
            if plan.only and name not in plan.only:
                continue
            outcome = Outcome(name, skipped=why_not(name, plan))
            outcomes.append(outcome)
            if outcome.skipped:
                continue
            begins(name)
            try:
                if server is None:
                    server = await stack.enter_async_context(_server(plan, again=has_run))
                    has_run = True
                await drill(server, outcome)
            except DrillError as exc:
                outcome.faults.append(str(exc))
            if server is not None and (outcome.faults or server.ended):
                await stack.aclose()
                server = None
    return outcomes


@asynccontextmanager
async def _server(plan: Plan, *, again: bool) -> AsyncIterator[Server]:
    """Start a server; one that does not start again is a fault of the drill that needs it."""
    async with AsyncExitStack() as stack:
        try:
            server = await stack.enter_async_context(Server(plan))
        except DailyConfigError as exc:
            if not again:
                raise
            msg = f"The server does not start again. {exc}"
            raise DrillError(msg) from exc
        yield server
