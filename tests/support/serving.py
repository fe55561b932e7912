# SPDX-License-Identifier: BSD-2-Clause
"""What tests of the session server share."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipecat_daily_rest.server import ProcessLauncher

BEHAVE = Path(__file__).parents[1] / "server" / "bots" / "behave.py"
STAY = {"do": "stay"}

LAUNCHERS: dict[str, Callable[[], Any]] = {
    "task": lambda: "task",
    "fork": lambda: ProcessLauncher(fork=True),
    "spawn": lambda: ProcessLauncher(fork=False),
}


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
