# SPDX-License-Identifier: BSD-2-Clause
"""A thousand sessions under random faults, cancellations and kills leave no room.

Processes run sessions one after another: each provisions a room and deletes it. The local Daily fails
15 % of the requests, in every way it knows. Sessions end by themselves, by an error, or by one or two
cancellations; about every second process is killed. A killed process leaves one room at most, and one
sweep deletes them all. `CHAOS_SEED=7 CHAOS_SESSIONS=10000 make proof ONLY=sessions` runs more sessions,
with other faults.
"""

import asyncio
import os
import random
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipecat_daily_rest import sweep_rooms
from pipecat_daily_rest.local import LocalDaily
from programs import processes
from proof.figures import Check, Figures

WORKERS = 20
_LANES = 2  # processes at a time
_WORKER = Path(__file__).parents[1] / "session_worker.py"


@dataclass
class Ends:
    """What became of all the sessions."""

    sessions: int = 0
    killed: int = 0
    rooms: int = 0
    left: int = 0  # rooms, before the sweep
    missed: int = 0  # of these, or taken beside them
    after: int = 0  # rooms, after it


async def run(start: Any, daily: LocalDaily, *, seed: str, sessions: int, workers: int) -> Ends:
    """Run that many sessions in that many lives of processes, which `start` starts."""
    daily.chaos(seed, rate=0.15)
    ends = Ends()
    lanes = asyncio.Semaphore(_LANES)

    async def work(number: int) -> None:
        dice = random.Random(f"{seed}-{number}")  # noqa: S311 - to be repeated, not to be secret
        share = -(-sessions // workers)
        done = 0
        while done < share:
            left = share - done
            program = await start(
                sys.executable, _WORKER, f"{seed}-{number}-{done}", left, env=daily.env()
            )
            if dice.random() < 0.5:
                await program.says(rf"^{dice.randrange(1, max(2, left // 2))} ")
                program.signal(signal.SIGKILL)
            code = await program.ended()
            ends.killed += code == -signal.SIGKILL
            if code not in (0, -signal.SIGKILL):
                msg = f"A process of sessions ended with {code}:\n{program.err[-2000:]}"
                raise AssertionError(msg)
            done += program.out.count("\n")
        ends.sessions += done

    async def lane(number: int) -> None:
        async with lanes:
            await work(number)

    async with asyncio.TaskGroup() as group:
        for number in range(workers):
            group.create_task(lane(number))
    daily.faults.clear()
    ends.rooms = len({entry.room for entry in daily.state.log.entries if entry.what == "created"})
    left = set(daily.rooms)
    report = await sweep_rooms(min_age=0, pause=0, api_key=daily.api_key, api_url=daily.api_url)
    ends.left, ends.missed = len(left), len(left ^ set(report.deleted))
    ends.after = len(daily.rooms)
    return ends


def checks(ends: Ends, sessions: int) -> list[Check]:
    """Give what has to hold of them."""
    return [
        Check("sessions that ended", str(ends.sessions), ends.sessions >= sessions),
        Check("rooms that they made", str(ends.rooms), ends.rooms > sessions / 2),
        Check("processes that were killed", str(ends.killed), ends.killed > 0),
        Check(
            "rooms left by killed processes, one each at most",
            str(ends.left),
            ends.left <= ends.killed,
        ),
        Check(
            "rooms that the sweep missed, or deleted wrongly", str(ends.missed), ends.missed == 0
        ),
        Check("rooms left after the sweep", str(ends.after), ends.after == 0),
    ]


async def prove() -> Figures:
    """Run a thousand of them, or what the environment asks for."""
    seed = os.environ.get("CHAOS_SEED", "1")
    sessions = int(os.environ.get("CHAOS_SESSIONS", "1000"))
    with tempfile.TemporaryDirectory() as folder:
        async with processes(Path(folder)) as start, LocalDaily() as daily:
            ends = await run(start, daily, seed=seed, sessions=sessions, workers=WORKERS)
    return Figures(checks(ends, sessions))
