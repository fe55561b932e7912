# SPDX-License-Identifier: BSD-2-Clause
"""What tests of the session server share."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipecat_daily_rest.server import Ended, ProcessLauncher, SessionSpec, TaskLauncher

BEHAVE = Path(__file__).parents[1] / "server" / "bots" / "behave.py"
STAY = {"do": "stay"}

LAUNCHERS: dict[str, Callable[[], Any]] = {
    "task": lambda: "task",
    "fork": lambda: ProcessLauncher(fork=True),
    "spawn": lambda: ProcessLauncher(fork=False),
    "another": lambda: "serving:OneLauncher",
}


class OneLauncher:
    """A launcher of somebody else's: whatever it is told it passes on to another one."""

    capacity = 5

    def __init__(self) -> None:
        self._other = TaskLauncher()

    async def open(self, bots: Any, running: Any) -> None:
        await self._other.open(bots, running)

    async def start(self, spec: SessionSpec) -> None:
        await self._other.start(SessionSpec(**json.loads(json.dumps(spec.to_json()))))

    async def stop(self, session_id: str, grace: float) -> None:
        await self._other.stop(session_id, grace)

    async def ended(self, session_id: str) -> Ended:
        return await self._other.ended(session_id)

    async def drain(self, grace: float) -> None:
        await self._other.drain(grace)


async def until(condition: Callable[[], Any]) -> None:
    """Wait for what tells nobody that it has happened."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def state_of(pid: int) -> str:
    """The state of a process by its letter in /proc: Z once it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def family(pid: int) -> list[int]:
    """The processes that one has started, and those that these have started."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # it has just ended
            for child in map(int, task.read_text().split()):
                found += [child, *family(child)]
    return found


async def all_gone(pids: list[int]) -> None:
    """Wait until so many processes have ended."""
    await until(lambda: all(state_of(pid) == "Z" for pid in pids))
