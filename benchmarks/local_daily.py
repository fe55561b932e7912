# SPDX-License-Identifier: BSD-2-Clause
"""One LocalDaily in a process of its own, so that its work does not count as the client's.

The parent tells it what to do in JSON lines on stdin, and it answers on stdout. It ends when its
stdin does.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Self
from weakref import WeakSet

from aiohttp import web
from loguru import logger

from benchmarks.account import Account
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.rest.limits import Limiter, Limits

LATENCY = 0.05  # seconds
CONNECT = 2 * LATENCY  # seconds; TCP and TLS 1.3 take a round trip each


class Daily:
    """The other process, while the block runs."""

    account: Account

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "benchmarks.local_daily"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.getcwd()},
            start_new_session=True,
            limit=2**24,
        )
        hello = await self._answer()
        self.account = Account(hello["url"], hello["key"])
        return self

    async def __aexit__(self, *_: object) -> None:
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _do(self, what: str, **options: Any) -> Any:
        self._process.stdin.write(json.dumps([what, options]).encode() + b"\n")
        return await self._answer()

    async def _answer(self) -> Any:
        line = await self._process.stdout.readline()
        if not line:
            msg = "The local Daily of the benchmarks has ended."
            raise RuntimeError(msg)
        return json.loads(line)

    async def reset(
        self, *, latency: float = LATENCY, limits: bool = False, connect: float = 0.0
    ) -> None:
        """Forget all rooms and requests, and behave so from now on."""
        await self._do("reset", latency=latency, limits=limits, connect=connect)

    async def stats(self) -> dict[str, int]:
        """``rooms``: how many exist; ``passed``, ``refused``: requests since the reset."""
        return await self._do("stats")

    async def seed(self, names: list[str], *, age: float = 0.0) -> None:
        """Make rooms without requests, as old as that many seconds."""
        await self._do("seed", names=names, age=age)


class _Served:
    """The LocalDaily of this process."""

    def __init__(self, daily: LocalDaily) -> None:
        self._daily = daily
        self._connect = 0.0
        self._known: WeakSet[Any] = WeakSet()
        self._serve = daily.faults.serve
        daily.faults.serve = self._serve_late  # type: ignore[method-assign]

    async def _serve_late(
        self, request: web.Request, path: str, respond: Callable[[], web.Response]
    ) -> web.StreamResponse | None:
        """The first request on a connection waits for what setting it up would have taken."""
        if self._connect and request.transport not in self._known:
            self._known.add(request.transport)
            await asyncio.sleep(self._connect)
        return await self._serve(request, path, respond)

    async def reset(self, *, latency: float, limits: bool, connect: float) -> None:
        daily = self._daily
        for room in list(daily.state.domain.rooms.values()):
            daily.state.rooms.delete(room)
        daily.requests.clear()
        daily.state.log.entries.clear()
        daily.latency, self._connect = latency, connect
        rates = Limits() if limits else None
        daily.parts.limits = Limiter(rates, daily.state.choices, daily.state.clock)

    async def stats(self) -> dict[str, int]:
        daily = self._daily
        return {
            "rooms": len(daily.rooms),
            "passed": daily.limits.passed.total(),
            "refused": daily.limits.refused.total(),
        }

    async def seed(self, *, names: list[str], age: float) -> None:
        for name in names:
            room = self._daily.state.rooms.create(name, "private", {"exp": time.time() + 3600})
            room.created_at -= age


async def _main() -> None:
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader(limit=2**24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    async with LocalDaily() as daily:
        served = _Served(daily)
        _say({"url": daily.api_url, "key": daily.api_key})
        while line := await commands.readline():
            what, options = json.loads(line)
            command: Callable[..., Awaitable[Any]] = getattr(served, what)
            _say(await command(**options))


def _say(answer: Any) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    logger.remove()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main())
