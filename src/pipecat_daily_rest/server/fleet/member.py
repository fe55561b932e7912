# SPDX-License-Identifier: BSD-2-Clause
"""This server in its fleet: its signs of life, what others ask of it, what it knows of its rooms."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

from loguru import logger

from pipecat_daily_rest._bot.bot_traceback import shown
from pipecat_daily_rest._core.timings import Timings
from pipecat_daily_rest._http.redis_slots import RedisAway
from pipecat_daily_rest.server.bot_user import bot_user_id
from pipecat_daily_rest.server.fleet.directory import Directory
from pipecat_daily_rest.server.fleet.lookout import Lookout
from pipecat_daily_rest.server.fleet.present import Present
from pipecat_daily_rest.server.fleet.sweep import alone
from pipecat_daily_rest.server.presence import Look, Users


class Member:
    """Keeps this server alive for the others, and hears of them.

    Parameters:
        away: Whether Redis does not respond.
    """

    def __init__(
        self,
        directory: Directory,
        lookout: Lookout,
        *,
        prefix: str,
        told_again: Callable[[], tuple[list[str], dict[str, str]]],
        stop: Callable[[str], object],
    ) -> None:
        """Initialize; ``stop`` is called with what another server asks this one to stop."""
        self._directory = directory
        self._lookout = lookout
        self._prefix = prefix
        self._told_again = told_again
        self._stop = stop
        self._times = Timings.current()
        self._tasks: list[asyncio.Task[Any]] = []
        self._known: list[str] = []  # the tags of all servers
        self._joined = False
        self._renew_at = 0.0
        self._seen_at = ""
        self._seen: dict[str, Present] = {}
        self._news = asyncio.Event()
        self._looked = 0.0
        self._failed = False
        self.away = False

    async def join(self) -> None:
        """Be alive from now on. That Redis is away is no error."""
        self._looked = asyncio.get_running_loop().time()
        await self._try()
        self._tasks = [
            asyncio.create_task(self._keep(), name="this server in its fleet"),
            asyncio.create_task(self._lookout.run(), name="lookout of the fleet"),
        ]

    async def leave(self, *, rooms_left: bool) -> None:
        """Be gone; with rooms left, for the lookout to sweep them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(RedisAway):
            await self._directory.leave(rooms_left=rooms_left)

    async def adopt(self, tags: Collection[str]) -> bool:
        """Leave the rooms of servers that died to the fleet; False when Redis does not respond."""
        try:
            _, self._known = await self._directory.renew(others=tags)
        except RedisAway:
            return False
        return True

    async def next_look(self, ask: Look) -> Users | None:
        """Wait for the lookout's next look, and give who is in the rooms of this server.

        While Redis is away, ``ask`` is awaited instead, so seldom that it does not matter how many
        servers do.
        """
        loop = asyncio.get_running_loop()
        self._news.clear()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._times.fleet_look):
                    await self._news.wait()
                self._looked = loop.time()
                return {
                    f"{self._prefix}-{session_id}": [
                        *([bot_user_id(session_id)] if each.bot_since is not None else ()),
                        *[None] * each.people,
                    ]
                    for session_id, each in self._seen.items()
                }
            gap = alone(self._times.fleet_look, self._known)
            if self.away and loop.time() - self._looked >= gap:
                self._looked = loop.time()
                return await ask()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._times.fleet_tick)
            await self._try()

    async def _try(self) -> None:
        try:
            await self._tick()
        except RedisAway:
            self.away = True
        except Exception as exc:
            if not self._failed:
                logger.error("This server's part in its fleet fails.\n{}", shown(exc))
            self._failed = True
        else:
            self._failed = False

    async def _tick(self) -> None:
        """Do what is due."""
        now = asyncio.get_running_loop().time()
        if self.away or now >= self._renew_at:
            await self._renew()
            self._renew_at = now + self._times.fleet_renew
        alive, asked = await self._directory.stops()
        if not alive:
            self._renew_at = now  # Redis has lost its data, or its clock was changed
        for what in asked:
            self._stop(what)
        seen = await self._directory.seen()
        if seen is not None and seen[0] != self._seen_at:
            self._seen_at, self._seen = seen
            self._news.set()

    async def _renew(self) -> None:
        sessions, starts = self._told_again()
        given: dict[str, Any] = {"sessions": sessions, "starts": starts}
        known, tags = await self._directory.renew(back=self.away, **given)
        if self._joined and not known:
            # Redis has lost its data, and with it the servers that have died since.
            _, tags = await self._directory.renew(others=self._known, **given)
        self._known, self._joined, self.away = tags, True, False
