# SPDX-License-Identifier: BSD-2-Clause
import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

BOTS = Path(__file__).parent / "bots"
COMMAND = [sys.executable, "-m", "pipecat_daily_rest"]


class Program:
    """A real process whose output is read as it comes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.out = ""
        self.err = ""
        self._news = asyncio.Event()
        self._readers = [
            asyncio.create_task(self._read(process.stdout, "out")),
            asyncio.create_task(self._read(process.stderr, "err")),
        ]

    async def _read(self, stream, name) -> None:
        while chunk := await stream.read(4096):
            setattr(self, name, getattr(self, name) + chunk.decode(errors="replace"))
            self._news.set()

    async def says(self, pattern: str, *, stream: str = "out") -> str:
        """Wait until a line matches; give its first group, or all of it."""
        while (found := re.search(pattern, getattr(self, stream), re.MULTILINE)) is None:
            if all(reader.done() for reader in self._readers):
                pytest.fail(f"{pattern!r} was never said:\n{self.out}\n{self.err}")
            self._news.clear()
            if re.search(pattern, getattr(self, stream), re.MULTILINE) is None:
                news = asyncio.create_task(self._news.wait())
                await asyncio.wait({news, *self._readers}, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
        return found[1] if found.re.groups else found[0]

    def signal(self, number: signal.Signals = signal.SIGINT) -> None:
        self.process.send_signal(number)

    async def ended(self) -> int:
        code = await self.process.wait()
        await asyncio.gather(*self._readers)
        return code

    async def aclose(self) -> None:
        if self.process.returncode is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.ended()


@pytest.fixture
async def start(tmp_path):
    """Starts a process, by default in an empty folder, in a process group of its own."""
    programs = []

    async def start(*command, env=None, cwd=tmp_path) -> Program:
        process = await asyncio.create_subprocess_exec(
            *map(str, command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
            start_new_session=True,
        )
        programs.append(Program(process))
        return programs[-1]

    yield start
    for program in programs:
        await program.aclose()


@pytest.fixture
def run_bot(start, local_daily):
    """Starts `run` with one of the bots against the test's own local Daily."""

    async def run_bot(name, *options, env=None) -> Program:
        return await start(
            *COMMAND, "run", BOTS / f"{name}.py", *options, env={**local_daily.env(), **(env or {})}
        )

    return run_bot
