# SPDX-License-Identifier: BSD-2-Clause
"""Real processes whose output is read as it comes.

What a test starts has the signals of a program in a terminal, also where the tests themselves were
started in the background (SIGINT and SIGQUIT are ignored then, and a child inherits it) or under
nohup (SIGHUP): the conftest calls `heed_signals()`, so however a test starts a program, with
`start()` or subprocess, there is nothing to do. A program that is to inherit an ignored signal gets
it by a command: ``start("nohup", sys.executable, …)`` or ``start("sh", "-c", "trap '' INT; exec …")``.
"""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from warm import Forked, Warm, may_be

# Makes the terminal on stdin the controlling one, so that Ctrl-C reaches the group, then goes on.
IN_TERMINAL = [
    sys.executable,
    "-c",
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execvp(sys.argv[1], sys.argv[1:])",
]


def heed_signals() -> None:
    """Ignore by a handler what was inherited ignored: a child has the default then."""
    for number in (signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # asyncio's runner asks for it


class Program:
    """A real process whose output is read as it comes."""

    def __init__(self, process: asyncio.subprocess.Process | Forked, terminal: int = -1) -> None:
        self.process = process
        self.terminal = terminal
        self.out = ""
        self.err = ""
        self._news = asyncio.Event()
        if terminal >= 0:
            self._readers = [asyncio.create_task(self._read_terminal())]
        else:
            self._readers = [
                asyncio.create_task(self._read(process.stdout, "out")),
                asyncio.create_task(self._read(process.stderr, "err")),
            ]

    async def _read_terminal(self) -> None:
        while True:
            try:
                chunk = await asyncio.to_thread(os.read, self.terminal, 4096)
            except OSError:  # every process that had it has ended
                break
            self.out += chunk.decode(errors="replace")
            self._news.set()
        os.close(self.terminal)

    async def _read(self, stream, name) -> None:
        while chunk := await stream.read(4096):
            setattr(self, name, getattr(self, name) + chunk.decode(errors="replace"))
            self._news.set()

    async def says(self, pattern: str, *, stream: str = "out", groups: bool = False):
        """Wait until a line matches; give its first group, all groups, or all of it."""
        while (found := re.search(pattern, getattr(self, stream), re.MULTILINE)) is None:
            if all(reader.done() for reader in self._readers):
                pytest.fail(f"{pattern!r} was never said:\n{self.out}\n{self.err}")
            self._news.clear()
            if re.search(pattern, getattr(self, stream), re.MULTILINE) is None:
                news = asyncio.create_task(self._news.wait())
                await asyncio.wait({news, *self._readers}, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
        if groups:
            return found.groups()
        return found[1] if found.re.groups else found[0]

    def type(self, keys: bytes) -> None:
        """Type into the terminal of a process that has one."""
        os.write(self.terminal, keys)

    def children(self) -> list[int]:
        """Give the processes that it has started."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        if not children.exists():
            pytest.skip("needs /proc/PID/task/TID/children")
        return [int(child) for child in children.read_text().split()]

    def signal(self, number: signal.Signals = signal.SIGINT) -> None:
        # Not send_signal(): it reaps a process that has just ended, and its exit code is lost.
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, number)

    async def ended(self) -> int:
        code = await self.process.wait()
        await asyncio.gather(*self._readers)
        return code

    async def aclose(self) -> None:
        if self.process.returncode is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.ended()


@asynccontextmanager
async def processes(folder: Path, warm: Warm | None = None) -> AsyncIterator[Any]:
    """Starts processes, by default in this folder, each in a process group of its own.

    With a warm Python they are its forks, where that makes no difference; ``forked=False`` where
    it does.
    """
    programs = []

    async def start(*command, env=None, cwd=folder, terminal=False, forked=True) -> Program:
        env = {**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})}
        if warm is not None and forked and not terminal and may_be(command, env):
            programs.append(Program(await warm.start(*command[1:], env=env, cwd=cwd, stdin=False)))
            return programs[-1]
        ours, theirs = os.openpty() if terminal else (-1, -1)
        process = await asyncio.create_subprocess_exec(
            *IN_TERMINAL[: 0 if not terminal else None],
            *map(str, command),
            stdin=theirs if terminal else subprocess.DEVNULL,
            stdout=theirs if terminal else subprocess.PIPE,
            stderr=theirs if terminal else subprocess.PIPE,
            cwd=cwd,
            env=env,
            start_new_session=True,
        )
        if terminal:
            os.close(theirs)
        programs.append(Program(process, ours))
        return programs[-1]

    try:
        yield start
    finally:
        for program in programs:
            await program.aclose()
            print(
                f"{program.out[-3000:]}\n{program.err[-3000:]}"
            )  # pytest shows it of a failed test
