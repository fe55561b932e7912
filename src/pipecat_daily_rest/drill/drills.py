# SPDX-License-Identifier: BSD-2-Clause
"""The drills. Each has calls run, does something to the server, and looks what becomes of them."""

import asyncio
import math
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from pipecat_daily_rest.drill.call import Call
from pipecat_daily_rest.drill.outcome import DrillError, Outcome
from pipecat_daily_rest.drill.plan import Plan
from pipecat_daily_rest.drill.server import REFUSES, Server

Drill = Callable[[Server, Outcome], Awaitable[None]]

_MORE = 5  # starts beyond what the server takes


async def _storm(server: Server, outcome: Outcome) -> None:
    """Have Daily answer 429 to everything."""
    await _trouble(server, outcome, server.plan.storm, status=429)
    outcome.well = f"Daily answered 429 for {server.plan.storm:g} s."


async def _away(server: Server, outcome: Outcome) -> None:
    """Have Daily's REST API not answer."""
    await _trouble(server, outcome, server.plan.away, drop="before")
    outcome.well = f"Daily's REST API was away for {server.plan.away:g} s."


async def _trouble(server: Server, outcome: Outcome, seconds: float, **failure: Any) -> None:
    """Make all requests to Daily fail: calls end, go on and are asked for meanwhile."""
    calls = await server.start(server.plan.calls)
    outcome.calls = len(calls)
    ending, staying = calls[: -(-len(calls) // 2)], calls[-(-len(calls) // 2) :]
    for call in ending:
        call.hang_up()
    fault = server.daily.fail("*", "*", times=None, **failure)
    asking = asyncio.create_task(server.ask_again_and_again(seconds))
    try:
        await server.has_ended(seconds)
    except asyncio.CancelledError:
        asking.cancel()
        raise
    finally:
        fault.cancel()
    if server.ended:
        asking.cancel()
        outcome.cut = len(staying)
        msg = "Its process ended meanwhile."
        raise DrillError(msg)
    with _Seconds(outcome):
        answers = await asking  # the last may have been answered since
        if silent := [answer for answer in answers if answer.status is None]:
            outcome.faults.append(f"A start meanwhile got {silent[0]}.")
        calls += await server.join(answer for answer in answers if answer.started)
        calls.append(await server.start_again())
        _count_cut(outcome, calls)
        await _hang_up(server, outcome, calls)


async def _kill(server: Server, outcome: Outcome) -> None:
    """Kill the process of a bot."""
    calls = await server.start(server.plan.calls)
    outcome.calls = len(calls)
    victim, *others = calls
    pid = victim.process
    if pid is None or pid == server.pid or pid not in server.tree.look():
        msg = "No process was killed: the bot has none of its own below the server's."
        raise DrillError(msg)
    if any(call.process == pid for call in others):
        msg = "No process was killed: several bots share one."
        raise DrillError(msg)
    victim.over = True
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    with _Seconds(outcome):
        if not await server.until(lambda: not victim.exists):
            outcome.faults.append("The room of the killed bot is left.")
        calls.append(await server.start_again())
        _count_cut(outcome, calls)
    await _hang_up(server, outcome, calls)
    outcome.well = "The room of the killed bot was deleted, the others went on."


async def _more_starts(server: Server, outcome: Outcome) -> None:
    """Start more calls at once than the server takes."""
    most = server.plan.max_sessions or 0
    with _Seconds(outcome):
        answers = await asyncio.gather(*(server.ask() for _ in range(most + _MORE)))
    others = {answer.status for answer in answers if not answer.started}
    started = [answer for answer in answers if answer.started]
    while len(started) < most:  # a slot of an earlier call may be free a moment later
        answer = await server.ask_until_started()
        if not answer.started:
            break
        started.append(answer)
    if len(started) != most:
        only = "only " if len(started) < most else ""
        outcome.faults.append(f"It started {only}{len(started)} of {most}.")
    if None in others:
        outcome.faults.append("It did not answer each start.")
    if wrong := sorted(status for status in others if status not in (None, *REFUSES)):
        outcome.faults.append(f"It answered {wrong[0]} to a start, not 429 or 503.")
    calls = await server.join(started)
    _count_cut(outcome, calls)
    await _hang_up(server, outcome, calls)
    outcome.well = f"Of {len(answers)} starts at once it took {most}."


async def _sigterm(server: Server, outcome: Outcome) -> None:
    """Send SIGTERM while calls run."""
    plan = server.plan
    calls = await server.start(plan.calls)
    outcome.calls = len(calls)
    with _Seconds(outcome):
        server.terminate()
        if plan.talk > 0:
            ended = await server.has_ended(plan.talk)
            # What a process leaves behind ends with it in a container, and so do its calls.
            _count_cut(outcome, calls, ended=ended)
        for call in calls:
            call.hang_up()
        if not await server.has_ended(plan.within):
            outcome.faults.append(f"It had not ended {plan.within:g} s after its callers hung up.")
    await server.tree.kill()
    _count_left(server, outcome, [*server.daily.rooms])
    outcome.well = f"The calls went on for {plan.talk:g} s, then it ended."


DRILLS: Mapping[str, Drill] = {
    "storm": _storm,
    "away": _away,
    "kill": _kill,
    "more-starts": _more_starts,
    "sigterm": _sigterm,
}


def why_not(name: str, plan: Plan) -> str:
    """Say why a drill is skipped; "" where it is done."""
    if name == "more-starts" and plan.max_sessions is None:
        return "Say how many calls the server takes: --max-sessions."
    if name == "kill" and not plan.bot_process:
        return "Pass --bot-process if each bot has a process of its own."
    return ""


class _Seconds:
    """Counts the seconds of a block in an outcome."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._outcome.seconds += time.monotonic() - self._began


def _count_cut(outcome: Outcome, calls: Sequence[Call], *, ended: bool = False) -> None:
    """Count the calls that ended before their callers hung up."""
    live = [call for call in calls if not call.over]
    outcome.calls = len(calls)
    outcome.cut = sum(ended or not call.runs for call in live)
    if outcome.cut:
        outcome.faults.append(f"It cut {outcome.cut} of {len(live)} calls.")


async def _hang_up(server: Server, outcome: Outcome, calls: Sequence[Call]) -> None:
    """Have all callers hang up, and wait until their rooms are gone."""
    for call in calls:
        call.hang_up()
    await server.until(lambda: not server.left())
    _count_left(server, outcome, server.left())


def _count_left(server: Server, outcome: Outcome, left: Sequence[str]) -> None:
    outcome.left = len(left)
    if not left:
        return
    rooms = server.daily.rooms
    ends = [rooms[name].config.get("exp", math.inf) for name in left if name in rooms]
    stay = max(ends, default=math.inf) - server.daily.state.clock.now()
    how_long = "for ever" if stay == math.inf else f"for {stay / 60:.0f} more minutes"
    rooms_are = "1 room is" if len(left) == 1 else f"{len(left)} rooms are"
    outcome.faults.append(f"{rooms_are} left, {how_long}.")
