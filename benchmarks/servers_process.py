# SPDX-License-Identifier: BSD-2-Clause
"""A server in a process of its own, and the bots that it has started."""

import asyncio
import json
import math
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import aiohttp

from benchmarks.account import Account
from pipecat_daily_rest._core import daily_module

_ROOT = Path(__file__).parents[1]
_BOT = _ROOT / "benchmarks" / "servers_bot.py"
_LATE = 300.0  # seconds after which something hangs
_REQUEST = {"createDailyRoom": True}


@dataclass(frozen=True)
class Kind:
    """A way to serve bots.

    Parameters:
        label: What the page calls it.
        command: The arguments of Python, with ``{port}``.
        waiting: How many processes of bots wait ready.
    """

    label: str
    command: tuple[str, ...]
    waiting: int = 0


def package(label: str, *options: str, warm: int, most: int) -> Kind:
    """This package's server."""
    command = ("-m", "pipecat_daily_rest", "serve", str(_BOT), "--port", "{port}")
    limits = ("--max-sessions", str(most), "--warm", str(warm))
    return Kind(label, (*command, *limits, "--log-level", "WARNING", *options), warm)


FASTAPI = Kind("FastAPI, a subprocess for each bot", ("-m", "benchmarks.servers_fastapi", "{port}"))


@dataclass(frozen=True)
class Started:
    """Seconds from the request to its answer, from there to the bot's first line, and both."""

    answer: float
    bot: float

    @property
    def whole(self) -> float:
        return self.answer + self.bot


@dataclass(eq=False)
class _Bot:
    """The process of a bot, from the end of its imports to its own end."""

    pid: int
    writer: asyncio.StreamWriter
    url: str | None = None  # once it runs
    at: float = math.nan
    joined: bool = False


class Server:
    """A server, while the block runs."""

    def __init__(self, kind: Kind, account: Account) -> None:
        self.kind = kind
        self._account = account
        self._bots: set[_Bot] = set()
        self._changed = asyncio.Condition()

    @property
    def waiting(self) -> list[int]:
        """The processes that wait for a session."""
        return [bot.pid for bot in self._bots if bot.url is None]

    @property
    def running(self) -> list[int]:
        """The processes that have one."""
        return [bot.pid for bot in self._bots if bot.url is not None]

    async def __aenter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        where = f"{self._folder.name}/bots"
        self._wire = await asyncio.start_unix_server(self._listen, where)
        self._errors = tempfile.TemporaryFile()
        path = os.pathsep.join([daily_module.python_path(), str(_ROOT)])
        port = _free_port()
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, *(part.format(port=port) for part in self.kind.command)),
            cwd=self._folder.name,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._errors,
            stderr=self._errors,
            env={
                **os.environ,
                "DAILY_API_URL": self._account.url,
                "DAILY_API_KEY": self._account.key,
                "BENCHMARK_BOTS": where,
                "PIPECAT_DAILY_STATE": self._folder.name,
                "PYTHONPATH": path,
            },
        )
        self._client = aiohttp.ClientSession(
            f"http://127.0.0.1:{port}", connector=aiohttp.TCPConnector(limit=0)
        )
        await self._answers()
        await self.at_rest()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()
        for bot in self._bots:
            bot.writer.close()
        if self._process.returncode is None:
            self._process.terminate()
        await asyncio.wait_for(self._process.wait(), _LATE)
        self._wire.close()
        self._errors.close()
        self._folder.cleanup()

    async def start(self, count: int) -> list[Started]:
        """Start sessions, all at once, and wait until their bots run."""
        answers = await asyncio.gather(*(self._post() for _ in range(count)))
        urls = {url for _, _, url in answers}
        await self._until(lambda: urls <= {bot.url for bot in self._bots})
        began = {bot.url: bot.at for bot in self._bots}
        return [Started(spent, began[url] - at) for spent, at, url in answers]

    async def join(self) -> None:
        """Let the bots that run join their rooms."""
        running = [bot for bot in self._bots if bot.url is not None]
        for bot in running:
            bot.writer.write(b"join")
        await self._until(lambda: all(bot.joined for bot in running))

    async def end(self) -> None:
        """End the bots that run, and wait until all is as before."""
        ended = self.running
        for bot in self._bots:
            if bot.url is not None:
                bot.writer.write_eof()
        await self._until(lambda: not self.running)
        while memory_of(ended) > 0:  # noqa: ASYNC110 - they hung up, but their Python still ends
            await asyncio.sleep(0.05)
        await self.at_rest()

    async def at_rest(self) -> None:
        """Wait until as many processes wait ready as it keeps."""
        await self._until(lambda: len(self.waiting) >= self.kind.waiting)

    def memory(self) -> float:
        """Give the bytes of the server, and of all processes below it."""
        parents = {pid: parent for pid in _pids() if (parent := _parent(pid))}
        family = {self._process.pid}
        while more := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= more
        return memory_of(family)

    async def _post(self) -> tuple[float, float, str]:
        began = time.monotonic()
        async with self._client.post("/start", json=_REQUEST) as response:
            answer = await response.json()
            at = time.monotonic()
        if response.status != 200 or not answer["dailyToken"]:
            msg = f"{self.kind.label} started no session: {response.status}"
            raise RuntimeError(msg)
        return at - began, at, answer["dailyRoom"]

    async def _answers(self) -> None:
        """Wait until the server answers, whatever it says."""
        async with asyncio.timeout(_LATE):
            while self._process.returncode is None:
                with suppress(aiohttp.ClientError):
                    async with self._client.get("/livez"):
                        return
                await asyncio.sleep(0.05)
        self._errors.seek(0)
        shown = self._errors.read().decode("utf-8", "replace")[-3000:]
        msg = f"{self.kind.label} has ended:\n{shown}"
        raise RuntimeError(msg)

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hear what the process of a bot says."""
        bot = None
        with suppress(ConnectionError):
            while line := await reader.readline():
                said = json.loads(line)
                if bot is None:
                    bot = _Bot(said["pid"], writer)
                    self._bots.add(bot)
                bot.url, bot.at = said.get("url", bot.url), said.get("at", bot.at)
                bot.joined = said.get("joined", bot.joined)
                await self._tell()
        if bot is not None:
            self._bots.discard(bot)
            await self._tell()
        writer.close()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(_LATE), self._changed:
            await self._changed.wait_for(condition)


def memory_of(pids: Collection[int]) -> float:
    """Give the bytes of processes, as PSS: what several share counts for each in part."""
    return sum(_pss(pid) for pid in pids)


def _pss(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0 if Path("/proc").is_dir() else math.nan
    found = [int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")]
    return sum(found) * 1024.0  # one that has ended, but was not waited for, has none


def _pids() -> list[int]:
    with suppress(OSError):
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return []


def _parent(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
