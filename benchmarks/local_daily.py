# SPDX-License-Identifier: BSD-2-Clause
"""One LocalDaily in a process of its own, so that its work does not count as the client's."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Self
from weakref import WeakSet

from aiohttp import web

from benchmarks.account import Account
from benchmarks.child import Child, serve
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.rest.limits import Limiter, Limits

LATENCY = 0.05  # seconds
CONNECT = 2 * LATENCY  # seconds; TCP and TLS 1.3 take a round trip each


class Daily(Child):
    """The other process, while the block runs."""

    account: Account

    def __init__(self) -> None:
        super().__init__("local_daily")

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.account = Account(**await self.do("account"))
        return self

    async def reset(
        self, *, latency: float = LATENCY, limits: bool = False, connect: float = 0.0
    ) -> None:
        """Drop all rooms and requests, and behave like this from now on."""
        await self.do("reset", latency=latency, limits=limits, connect=connect)

    async def stats(self) -> dict[str, int]:
        """``rooms``: how many exist; ``passed``, ``refused``: requests since the reset."""
        return await self.do("stats")

    async def seed(self, names: list[str], *, age: float = 0.0) -> None:
        """Make rooms without requests, as old as that many seconds."""
        await self.do("seed", names=names, age=age)


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
        """Delay the first request on a connection by the time that setting it up would take."""
        if self._connect and request.transport not in self._known:
            self._known.add(request.transport)
            await asyncio.sleep(self._connect)
        return await self._serve(request, path, respond)

    async def account(self) -> dict[str, str]:
        return {"url": self._daily.api_url, "key": self._daily.api_key}

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
    async with LocalDaily() as daily:
        await serve(_Served(daily))


if __name__ == "__main__":
    asyncio.run(_main())
