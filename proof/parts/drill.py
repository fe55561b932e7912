# SPDX-License-Identifier: BSD-2-Clause
"""A server as Pipecat's examples write it loses calls and rooms; the session server loses none.

`pipecat-daily-rest drill --max-sessions 6 --bot-process` with both servers and the same bot: Daily
answers 429 for 10 s, does not answer for 20 s, a bot's process is killed, eleven calls are started at
once, and SIGTERM comes while three calls run. The other server is `benchmarks/servers_fastapi.py`:
FastAPI, a room by Pipecat's helper, a subprocess for each bot, which the end of the lifespan
terminates. *Cut* are calls that ended before their callers hung up, *left* rooms that were still there
60 s later, or at the server's end.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipecat_daily_rest.drill import Outcome, Plan, run
from proof.figures import Check, Figures, Table

_ROOT = Path(__file__).parents[2]
BOT = _ROOT / "proof" / "drilled_bot.py"
_FASTAPI = _ROOT / "benchmarks" / "servers_fastapi.py"
_MOST = 6
_OURS = ("-m", "pipecat_daily_rest", "serve", str(BOT), "--port", "{port}", "--drain", "600")


def ours(**options: Any) -> Plan:
    """Plan the drills of the session server."""
    command = (*_OURS, "--max-sessions", str(_MOST))
    return _plan(command, **options)


def fastapi(**options: Any) -> Plan:
    """Plan the drills of a server as Pipecat's examples write it."""
    return _plan((str(_FASTAPI), "{port}", str(BOT)), **options)


def _plan(command: tuple[str, ...], **options: Any) -> Plan:
    given = {"max_sessions": _MOST, "bot_process": True, **options}
    return Plan(command=(sys.executable, *command), **given)


def figures(found: Sequence[Outcome], others: Sequence[Outcome]) -> Figures:
    """Give what became of both servers' calls."""
    checks = [
        Check(
            "the session server comes through all drills",
            ", ".join(f"{each.drill}: {each.state}" for each in found),
            all(each.state == "ok" for each in found),
        )
    ]
    rows = [
        (
            ours.drill,
            *(f"{each.cut} of {each.calls}, {each.left}" for each in (ours, other)),
            *(f"{each.seconds:.1f} s" for each in (ours, other)),
            other.found,
        )
        for ours, other in zip(found, others, strict=True)
    ]
    columns = ("package: cut, left", "FastAPI: cut, left", "package: seconds", "FastAPI: seconds")
    return Figures(checks, [Table(("drill", *columns, "what FastAPI did"), rows)])


async def prove() -> Figures:
    """Drill both."""
    return figures(await run(ours()), await run(fastapi()))
