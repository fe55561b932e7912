# SPDX-License-Identifier: BSD-2-Clause
"""The code and the commands that a page shows, and a walk through them.

A line before a block of code says what becomes of it:

    <!-- run: plain -->          a program that runs; `local` and `shell`
                             run it on a local Daily
    <!-- file: NAME -->          a file of the walk's folder
    <!-- tested by: tests/… -->  another test runs it
    <!-- not run: WHY -->

A `console` block without such a line is walked: its commands run in one folder, one after the other.
"""

import asyncio
import os
import re
import shlex
import signal
import sys
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
BLOCK = re.compile(
    r"(?:^<!-- (run|file|tested by|not run): (.+?) -->\n)?^```(\w*)\n(.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)\n?((?:(?!\$ ).*\n)*)", re.MULTILINE)
# What nobody runs in a test: the environment is there.
INSTALLS = re.compile(r"pip install |python3 -m venv |\. \.venv/bin/activate$")
# They go on until somebody stops them.
STAYS = re.compile(r"pipecat-daily-rest (run|demo --local|serve|local( --control)?$)")
EVER = re.compile(r":78[68]0")  # a port that may be taken


class Block(NamedTuple):
    """A block of code: what becomes of it, what goes with that, its language, its text."""

    mark: str
    about: str
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    """Give the blocks of code of a page, in their order."""
    return [Block(*found) for found in BLOCK.findall(page.read_text(encoding="utf-8"))]


def commands(console: str) -> list[tuple[str, list[str]]]:
    """Give the commands of a console, each with the lines that it shows."""
    return [
        (command, [line for line in shown.splitlines() if line])
        for command, shown in COMMAND.findall(console)
    ]


def extras(text: str) -> set[str]:
    """Give the extras of this package that a text has pip install."""
    named = re.findall(r"pipecat-daily-rest\[([\w,]+)\]", text)
    return {extra for names in named for extra in names.split(",")}


def pattern(line: str) -> str:
    """Give what finds a line that a page shows: `…` stands for anything."""
    return EVER.sub(r":\\d+", re.escape(line).replace("…", ".*").replace(r"\ ", " "))


def arguments(command: str) -> list[str | Path]:
    """Give a command of a page as it is started: our own run in this Python."""
    words = shlex.split(command, comments=True)
    ours = {"pipecat-daily-rest": "pipecat_daily_rest", "pytest": "pytest"}
    if words[0] in ours:
        return [sys.executable, "-m", ours[words[0]], *words[1:]]
    if words[0] == "python":
        return [sys.executable, *words[1:]]
    return ["sh", "-c", command]


class Walk:
    """A newcomer who goes through a page in an empty folder."""

    def __init__(self, start: Any, folder: Path) -> None:
        self._start = start
        self._folder = folder
        self._staying: list[Any] = []
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        self._env = {"PATH": path, "PIPECAT_DAILY_PORT": "0", "DAILY_API_KEY": ""}

    async def through(self, page: Path) -> int:
        """Write its files and run its commands; give how many have run."""
        ran = 0
        for block in blocks(page):
            if block.mark == "file":
                (self._folder / block.about).write_text(block.text)
            elif block.mark == "run":
                await self._program(block)
                ran += 1
            elif block.language == "console" and not block.mark:
                for command, shown in commands(block.text):
                    if not INSTALLS.match(command):
                        await self._command(command, shown)
                        ran += 1
        await asyncio.gather(*(self._stop(each) for each in self._staying))
        return ran

    async def _program(self, block: Block) -> None:
        (self._folder / "snippet.py").write_text(block.text)
        command = ["-m", "pipecat_daily_rest", "local", "--", sys.executable, "snippet.py"]
        words = {
            "plain": ["snippet.py"],
            "local": command,
            "shell": [*command[:-2], "sh", "snippet.py"],
        }
        program = await self._start(
            sys.executable, *words[block.about], cwd=self._folder, env=self._env
        )
        assert await program.ended() == 0, f"{block.text}\n{program.out}{program.err}"

    async def _command(self, command: str, shown: list[str]) -> None:
        env = dict(self._env)
        if command.startswith("pytest"):  # as slow as a machine may be
            command += " -p no:cacheprovider -o local_daily_factor=10"
            # anyio has a plugin for pytest, and a warm Python has imported it.
            command += " -W ignore::pytest.PytestAssertRewriteWarning"
        program = await self._start(*arguments(command), cwd=self._folder, env=env)
        stops = "^C" in shown
        for line in shown:
            if line == "^C":
                program.signal(signal.SIGINT)
            else:
                await self._says(program, line)
        if STAYS.match(command) and not stops:
            self._staying.append(program)
        else:
            assert await program.ended() == 0, f"{command}\n{program.out}{program.err}"

    async def _says(self, program: Any, line: str) -> None:
        """Wait until a line is said, wherever."""
        said = [
            asyncio.create_task(program.says(pattern(line), stream=stream))
            for stream in ("out", "err")
        ]
        done, _ = await asyncio.wait(said, return_when=asyncio.FIRST_COMPLETED)
        if all(each.exception() for each in done):
            done, _ = await asyncio.wait(said)
        for each in said:
            each.cancel()
        if all(each.cancelled() or each.exception() for each in done):
            raise AssertionError(f"nobody said {line!r}:\n{program.out}\n{program.err}")

    async def _stop(self, program: Any) -> None:
        program.signal(signal.SIGINT)
        assert await program.ended() == 0, program.out + program.err
