# SPDX-License-Identifier: BSD-2-Clause
"""The processes of a server: those that it has started, and those that these have started."""

import asyncio
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_KILLED = 10.0  # seconds in which a process that was killed has to end
_POLL = 0.02  # seconds between two looks


class _Process(NamedTuple):
    parent: int
    group: int
    began: str  # tells a process from a later one with the same id


class ProcessTree:
    """A process that leads a group of its own, and all that came of it.

    A process that has lost its parent belongs to it by its group, because it was seen before, or by
    a mark in the environment that it began with, which only Linux tells.
    """

    def __init__(self, root: int, *, mark: str = "") -> None:
        self.root = root
        self._mark = f"\0{mark}\0".encode() if mark else None
        self._seen: dict[int, str] = {}
        self._leader = _all().get(root)

    def look(self) -> set[int]:
        """Give the processes of the tree that run now."""
        running = _all()
        self._seen = {
            pid: began
            for pid, began in self._seen.items()
            if pid in running and running[pid].began == began
        }
        found = set(self._seen)
        leader = running.get(self.root)
        if leader is None or (self._leader is not None and leader.began == self._leader.began):
            # An id names a group as long as somebody is in it, and no process gets it meanwhile.
            found |= {pid for pid, process in running.items() if process.group == self.root}
        if self._mark is not None:
            found |= {pid for pid in running.keys() - found if self._mark in _environment(pid)}
        while more := {pid for pid, each in running.items() if each.parent in found} - found:
            found |= more
        self._seen |= {pid: running[pid].began for pid in found}
        return found

    async def kill(self) -> None:
        """Kill what runs of it, and wait until it has ended."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + _KILLED
        while (running := self.look()) and loop.time() < give_up:
            for pid in running:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(_POLL)


def _environment(pid: int) -> bytes:
    """Give what a process got as its environment; nothing where that is somebody else's."""
    try:
        return b"\0" + (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return b""


def _all() -> dict[int, _Process]:
    """Give the processes of this machine that have not ended."""
    if (_PROC / "self" / "stat").exists():
        return dict(filter(None, map(_read, _PROC.iterdir())))
    command = ("ps", "-A", "-o", "pid=,ppid=,pgid=,stat=,lstart=")
    listed = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    lines = (line.split(None, 4) for line in listed.stdout.splitlines())
    return {
        int(pid): _Process(int(parent), int(group), began)
        for pid, parent, group, state, began in lines
        if not state.startswith("Z")
    }


def _read(folder: Path) -> tuple[int, _Process] | None:
    if not folder.name.isdigit():
        return None
    try:
        state, parent, group, *rest = (folder / "stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):  # it has just ended
        return None
    return None if state == "Z" else (int(folder.name), _Process(int(parent), int(group), rest[16]))
