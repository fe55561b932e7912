# SPDX-License-Identifier: BSD-2-Clause
"""What this machine has, and what processes use of it. Only Linux tells."""

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pipecat_daily_rest.server.launched_child import memory_of

_PROC = Path("/proc")
_CGROUP = Path("/sys/fs/cgroup")
_IDLE = (3, 4)  # of the CPU's times in /proc/stat: idle, and waiting for a disk
_GUEST = 8  # from here on they are contained in others


class Process(NamedTuple):
    """A process: its parent, the session of processes it belongs to, its seconds of CPU."""

    parent: int
    session: int
    cpu: float


@dataclass(frozen=True)
class Look:
    """What was used until a moment.

    Parameters:
        at: When, in seconds of the monotonic clock.
        busy: Seconds of CPU that the whole machine has used.
        processes: Each process by its id.
    """

    at: float
    busy: float
    processes: dict[int, Process]


def cores() -> float:
    """Give how many cores this process may use: a container may have a part of one."""
    if hasattr(os, "sched_getaffinity"):
        count: float = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    with suppress(OSError, ValueError):  # without a limit it says "max"
        quota, period = (_CGROUP / "cpu.max").read_text().split()
        count = min(count, int(quota) / int(period))
    return count


def memory() -> int | None:
    """Give the bytes of memory that this process may use; None where nobody tells."""
    found = []
    with suppress(OSError, ValueError):
        found.append(int((_CGROUP / "memory.max").read_text()))
    with suppress(OSError, ValueError, IndexError):
        found.append(int((_PROC / "meminfo").read_text().split()[1]) * 1024)
    return min(found, default=None)


def look() -> Look | None:
    """Look at all processes; None where nobody tells."""
    try:
        tick = os.sysconf("SC_CLK_TCK")
        times = [int(each) for each in (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:]]
    except (OSError, ValueError, AttributeError):
        return None
    busy = sum(each for at, each in enumerate(times[:_GUEST]) if at not in _IDLE) / tick
    found = {}
    for path in _PROC.glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            # After the name in brackets: the state, the parent, the group, the session.
            fields = path.read_text(errors="replace").rpartition(")")[2].split()
            ticks = sum(map(int, fields[11:15]))  # with those of children that have ended
            found[int(path.parent.name)] = Process(int(fields[1]), int(fields[3]), ticks / tick)
    return Look(time.monotonic(), busy, found)


def family(processes: dict[int, Process], root: int) -> set[int]:
    """Give a process with all that it and its children have started."""
    children: dict[int, list[int]] = {}
    for pid, process in processes.items():
        children.setdefault(process.parent, []).append(pid)
    found, ahead = set(), [root]
    while ahead:
        found.add(pid := ahead.pop())
        ahead += children.get(pid, ())
    return found


def resident(pids: Iterable[int]) -> int:
    """Give the bytes of memory of processes; each counts its share of what it has with others."""
    return sum(memory_of(pid) or 0 for pid in pids)
