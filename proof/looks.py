# SPDX-License-Identifier: BSD-2-Clause
"""What a soak sees of its processes: what they hold, and whether that grows."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from statistics import linear_regression
from typing import Any, TypeVar

Seen = TypeVar("Seen")


def held(pid: int) -> dict[str, int]:
    """Count the descriptors and the threads of a process."""
    folder = Path(f"/proc/{pid}")
    return {
        "descriptors": len(list((folder / "fd").iterdir())),
        "threads": len(list((folder / "task").iterdir())),
    }


def resident(pid: int | str = "self") -> int:
    """Give the memory of a process, in kB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 10


def slope(looks: Sequence[Any], name: str) -> float:
    """Give by how much a figure grows in a round, by least squares."""
    rounds = [look.round for look in looks]
    if len(set(rounds)) < 2:
        return 0.0
    return linear_regression(rounds, [getattr(look, name) for look in looks]).slope


async def settled(
    look: Callable[[], Awaitable[Seen]],
    rests: Callable[[Seen, Seen], bool],
    *,
    every: float,
    within: float,
) -> Seen:
    """Look ``every`` so many seconds until ``rests`` is true of a look and the next one."""
    end = time.monotonic() + within
    last = await look()
    while time.monotonic() < end:
        await asyncio.sleep(every)
        now = await look()
        if rests(last, now):
            return now
        last = now
    return last


class Hour:
    """Almost an hour, or SOAK_SECONDS; its first half is the warm-up."""

    def __init__(self) -> None:
        self.seconds = float(os.environ.get("SOAK_SECONDS", "3300"))
        self._began = time.monotonic()

    def goes_on(self, rounds: int) -> bool:
        """Whether another round begins."""
        return time.monotonic() - self._began < self.seconds

    def is_warm(self, rounds: int) -> bool:
        """Whether the warm-up is over."""
        return time.monotonic() - self._began > self.seconds / 2
