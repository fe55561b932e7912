# SPDX-License-Identifier: BSD-2-Clause
"""A fleet in one process and in virtual time: its Redis and its Daily are in memory.

The Redis does what the scripts of `server/fleet/directory.py` do; a test compares both.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from pipecat_daily_rest._core import room_names
from pipecat_daily_rest._core.timings import Timings
from pipecat_daily_rest._http.redis_slots import RedisAway
from pipecat_daily_rest.answers import DailyPresence
from pipecat_daily_rest.models import DailyRoomObject
from pipecat_daily_rest.server.bot_user import bot_user_id
from pipecat_daily_rest.server.fleet.directory import Directory
from pipecat_daily_rest.server.fleet.lookout import Lookout
from pipecat_daily_rest.server.fleet.member import Member
from virtual import now

PREFIX = "pipecat"
BOT_ENDS = 5.0  # seconds after its server's death in which a bot leaves


class MemoryRedis:
    """What a fleet has in Redis.

    Parameters:
        up: Whether it responds.
    """

    def __init__(self) -> None:
        self.up = True
        self.lose()

    def lose(self) -> None:
        """Lose all data."""
        self.owners: dict[str, float] = {}
        self.calm = 0.0
        self.lookout: tuple[str, float] = ("", 0.0)
        self.presence: dict[str, Any] = {}
        self.at = ""
        self.stops: dict[str, list[str]] = {}


class MemoryDirectory(Directory):
    """The directory of one server in it."""

    def __init__(self, redis: MemoryRedis, tag: str) -> None:
        self.tag = tag
        self._memory = redis
        self._times = Timings.current()

    @property
    def _there(self) -> MemoryRedis:
        if not self._memory.up:
            raise RedisAway
        return self._memory

    async def renew(self, *, back=False, sessions=(), starts=None, others=()):
        redis = self._there
        known = self.tag in redis.owners
        last = max(redis.owners.values(), default=0.0) - self._times.fleet_lease
        if not redis.owners or (back and now() - last > self._times.fleet_renew):
            redis.calm = now() + self._times.fleet_calm
        redis.owners[self.tag] = now() + self._times.fleet_lease
        for tag in others:
            redis.owners.setdefault(tag, now())
        return known, sorted(redis.owners, key=lambda tag: (redis.owners[tag], tag))

    async def leave(self, *, rooms_left):
        redis = self._there
        if rooms_left:
            redis.owners[self.tag] = now()
        else:
            redis.owners.pop(self.tag, None)
        if redis.lookout[0] == self.tag:
            redis.lookout = ("", 0.0)

    async def forget(self, tags):
        for tag in tags:
            self._there.owners.pop(tag, None)

    async def stops(self):
        redis = self._there
        return redis.owners.get(self.tag, 0.0) > now(), redis.stops.pop(self.tag, [])

    async def ask_stop(self, tag, what):
        if self._there.owners.get(tag, 0.0) <= now():
            return False
        self._there.stops.setdefault(tag, []).append(what)
        return True

    async def elect(self):
        redis = self._there
        if redis.lookout[1] <= now():
            redis.lookout = (self.tag, now() + 2 * self._times.fleet_look)
        return redis.lookout[0] == self.tag

    async def publish(self, rooms):
        redis = self._there
        if redis.lookout[0] != self.tag or redis.lookout[1] <= now():
            return None
        redis.lookout = (self.tag, now() + 2 * self._times.fleet_look)
        redis.presence = {tag: rooms.get(tag, {}) for tag in redis.owners}
        redis.at = f"{now()}"
        return {tag: until > now() for tag, until in redis.owners.items()}, redis.calm > now()

    async def seen(self):
        redis = self._there
        return (redis.at, redis.presence[self.tag]) if self.tag in redis.presence else None


class MemoryDaily:
    """Rooms, and who is in them; presence lags.

    Parameters:
        rooms: When each room was made, by its name.
        gone: When each room was deleted.
        asked: How often it was asked for what.
    """

    def __init__(self, lag: float = 25.0, ahead: float = 0.0) -> None:
        self.rooms: dict[str, float] = {}
        self.gone: dict[str, float] = {}
        self.asked: dict[str, int] = {"presence": 0, "list": 0}
        self._lag = lag
        self._ahead = ahead  # of the servers' clocks
        self._there: list[tuple[str, str | None, float, list[float]]] = []

    def join(self, name: str, user_id: str | None = None) -> list[float]:
        """Have somebody join; append a time to what is given for when they leave."""
        left: list[float] = []
        self._there.append((name, user_id, now(), left))
        return left

    async def presence(self) -> dict[str, list[DailyPresence]]:
        self.asked["presence"] += 1
        await asyncio.sleep(0.2)
        seen = now() - self._lag
        found: dict[str, list[DailyPresence]] = {}
        for name, user_id, joined, left in self._there:
            gone = [*left, self.gone.get(name, now() + 1)]
            if joined <= seen < min(gone):
                found.setdefault(name, []).append(DailyPresence(room=name, userId=user_id))
        return found

    async def list_rooms(self) -> AsyncIterator[DailyRoomObject]:
        self.asked["list"] += 1
        for name, made in list(self.rooms.items()):
            at = datetime.fromtimestamp(made + self._ahead, UTC).isoformat()
            yield DailyRoomObject(name=name, url=f"https://x.daily.co/{name}", created_at=at)

    async def delete_all(self, names: Collection[str]) -> Collection[str]:
        await asyncio.sleep(0.2)
        for name in names:
            if self.rooms.pop(name, None) is not None:
                self.gone[name] = now()
        return []


class Server:
    """One server of the fleet, as far as the others see it."""

    def __init__(self, redis: MemoryRedis, daily: MemoryDaily) -> None:
        self.tag = room_names.random_part(8)
        self._daily = daily
        self._bots: list[list[float]] = []
        self.stopped: list[str] = []
        directory = MemoryDirectory(redis, self.tag)
        self.member = Member(
            directory,
            Lookout(directory, daily, prefix=PREFIX, now=now),
            prefix=PREFIX,
            told_again=lambda: ([], {}),
            stop=self.stopped.append,
        )

    def room(self, *, bot: bool = False, person: bool = False) -> str:
        """Make a room, and have a bot or a person join it."""
        session_id = room_names.session_part(self.tag)
        name = f"{PREFIX}-{session_id}"
        self._daily.rooms[name] = now()
        if bot:
            self._bots.append(self._daily.join(name, bot_user_id(session_id)))
        if person:
            self._daily.join(name)
        return name

    def pause(self) -> None:
        """Stand still, as a process that is stopped."""
        for task in self.member._tasks:
            task.cancel()

    async def go_on(self) -> None:
        """Go on after a pause."""
        await self.member.join()

    def kill(self) -> None:
        """Die: bots leave soon after."""
        self.pause()
        for left in self._bots:
            left.append(now() + BOT_ENDS)


async def end(servers: Collection[Server]) -> None:
    """End what is left of a fleet."""
    for server in servers:
        server.pause()
        with suppress(RedisAway):
            await server.member.leave(rooms_left=False)
