# SPDX-License-Identifier: BSD-2-Clause
import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.rules.claims import sign
from warm import Forked, Warm

BOT = Path(__file__).with_name("pipecat_bot.py")

# The beginning of a `program`: it prints JSON lines, and waits for completions.
BEGIN = """
import json, math, queue, struct, sys, threading, time
from daily import *

lock = threading.Lock()

def tell(*what):
    with lock:  # prints of two threads would mix
        print(json.dumps(what), flush=True)

class Handler(EventHandler):
    pass

def watch(name):
    def on_event(self, *args):
        tell(name, *args)
        if threading.current_thread() is threading.main_thread():
            tell("wrong thread")
    return on_event

for name in dir(EventHandler):
    if name.startswith("on_"):
        setattr(Handler, name, watch(name))

def wait(call, *args, **options):
    done = queue.Queue()
    call(*args, completion=lambda *a: done.put(a), **options)
    return done.get(timeout=40)

def tone(hz, seconds, rate, channels=1):
    samples = [int(9000 * math.sin(2 * math.pi * hz * i / rate)) for i in range(int(rate * seconds))]
    return struct.pack(f"<{len(samples) * channels}h", *[s for s in samples for _ in range(channels)])

Daily.init()
url, token = sys.argv[1:3]
client = CallClient(event_handler=Handler())
client.set_user_name("Robot")
"""


class Bot:
    """A bot's process, and what it has printed."""

    def __init__(self, process: Forked) -> None:
        self.process = process
        self.lines: list[list[Any]] = []
        self._news = asyncio.Condition()
        self._errors = asyncio.create_task(process.stderr.read())
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for line in self.process.stdout:
            async with self._news:
                self.lines.append(json.loads(line))
                self._news.notify_all()
        async with self._news:
            self.lines.append(["closed"])
            self._news.notify_all()

    async def tells(
        self,
        what: str,
        where: Callable[..., bool] = lambda *_: True,
        timeout: float = 40.0,  # noqa: ASYNC109
    ) -> list[Any]:
        """Give the first matching line, and wait for it if need be."""
        found: list[Any] = []

        def look() -> bool:
            found[:] = [r for w, *r in self.lines if w == what and where(*r)]
            return bool(found) or self.lines[-1:] == [["closed"]]

        try:
            async with asyncio.timeout(timeout), self._news:
                await self._news.wait_for(look)
        except TimeoutError:
            pass
        assert found, f"no {what!r} among {self.lines[-20:]}"
        return found[0]

    async def ends(self) -> str:
        """Wait for its end, and give its log."""
        await self._reader
        assert await self.process.wait() == 0, (await self._errors).decode()
        return (await self._errors).decode()

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await asyncio.gather(
            self.process.wait(), self._reader, self._errors, return_exceptions=True
        )


@pytest.fixture
def url(local_daily: LocalDaily) -> str:
    """A public room."""
    local_daily.state.rooms.create("demo", "public", {})
    return f"{local_daily.url}/demo"


@pytest.fixture
def token(local_daily: LocalDaily) -> Callable[..., str]:
    def token(**properties: Any) -> str:
        state = local_daily.state
        return sign(
            properties, api_key=state.domain.api_key, domain_id=state.domain.id, issued_at=0
        )

    return token


@pytest.fixture
async def start(
    local_daily: LocalDaily, warm: Warm
) -> AsyncIterator[Callable[..., Awaitable[Bot]]]:
    """Starts a bot: ``await start(url, token, *options)``, or a program of its own."""
    async with AsyncExitStack() as stack:

        async def start(*arguments: str, code: str | None = None) -> Bot:
            what = (BOT,) if code is None else ("-c", code)
            process = await warm.start(*what, *arguments, env={**os.environ, **local_daily.env()})
            bot = Bot(process)
            stack.push_async_callback(bot.kill)
            return bot

        yield start


@pytest.fixture
def program(url: str, start: Any) -> Callable[..., Awaitable[Bot]]:
    """Starts a program that uses the client: ``await program(code, token=…, url=…)``."""

    async def program(code: str, *, token: str = "", url: str = url) -> Bot:
        return await start(url, token, code=BEGIN + code)

    return program
