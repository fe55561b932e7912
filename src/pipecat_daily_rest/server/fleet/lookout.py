# SPDX-License-Identifier: BSD-2-Clause
"""The one server of a fleet that looks at the rooms for all, and deletes those of servers that died.

Daily's limits are the account's: 400 servers that each ask who is in which room would take more than
all of them.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Collection
from datetime import UTC, datetime
from typing import Protocol

from loguru import logger

from pipecat_daily_rest._bot.bot_traceback import shown
from pipecat_daily_rest._core import room_names
from pipecat_daily_rest._core.timings import Timings
from pipecat_daily_rest._http.redis_slots import RedisAway
from pipecat_daily_rest.answers import DailyPresence
from pipecat_daily_rest.errors import DailyError
from pipecat_daily_rest.models import DailyRoomObject
from pipecat_daily_rest.server.fleet.directory import Directory
from pipecat_daily_rest.server.fleet.present import by_owner
from pipecat_daily_rest.server.fleet.sweep import Sweep


class Rooms(Protocol):
    """The rooms of the account."""

    async def presence(self) -> dict[str, list[DailyPresence]]:
        """Tell who is in which room."""

    def list_rooms(self) -> AsyncIterator[DailyRoomObject]:
        """List all rooms."""

    async def delete_all(self, names: Collection[str]) -> Collection[str]:
        """Delete rooms, and give those that could not be deleted."""


class Lookout:
    """Looks at the rooms whenever this server is elected to."""

    def __init__(
        self,
        directory: Directory,
        rooms: Rooms,
        *,
        prefix: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Initialize; ``now`` gives unix seconds."""
        self._directory = directory
        self._rooms = rooms
        self._prefix = prefix
        self._now = now
        self._times = Timings.current()
        self._sweep = self._new_sweep()

    def _new_sweep(self) -> Sweep:
        return Sweep(self._times.fleet_young)

    async def run(self) -> None:
        """Look for ever, as often as it is this server's turn."""
        gap = self._times.fleet_look
        while True:
            began = asyncio.get_running_loop().time()
            looked = False
            try:
                looked = await self._directory.elect()
                if looked:
                    await self.look()
                else:
                    self._sweep = self._new_sweep()  # what it saw is of another time
            except RedisAway:
                self._sweep = self._new_sweep()
            except DailyError as exc:
                logger.warning("The rooms of the fleet are unknown for now: {}", exc)
            except Exception as exc:
                logger.error("A look at the rooms of the fleet failed.\n{}", shown(exc))
            took = asyncio.get_running_loop().time() - began
            # The others take over soon, and not all at once.
            pause = gap - took if looked else gap * random.uniform(0.2, 0.4)  # noqa: S311
            await asyncio.sleep(max(0.0, pause))

    async def look(self) -> None:
        """Look once, tell all servers, and delete what nobody owns any more.

        Raises:
            RedisAway: Redis does not respond.
            DailyError: Daily gave no usable answer.
        """
        rooms = by_owner(await self._rooms.presence(), self._prefix)
        if (told := await self._directory.publish(rooms)) is None:
            self._sweep = self._new_sweep()
            return
        owners, calm = told
        with_bot = {
            f"{self._prefix}-{session_id}"
            for of in rooms.values()
            for session_id, each in of.items()
            if each.bot_since is not None
        }
        if gone := self._sweep.look(owners, with_bot, calm=calm):
            if empty := self._sweep.found(await self._find(gone), self._now()):
                await self._directory.forget(empty)
        if names := self._sweep.deletable(self._now()):
            failed = await self._rooms.delete_all(names)
            deleted = [name for name in names if name not in failed]
            self._sweep.deleted(deleted)
            logger.info("Deleted {} room(s) of servers that died", len(deleted))

    async def _find(self, tags: Collection[str]) -> dict[str, dict[str, float | None]]:
        found: dict[str, dict[str, float | None]] = {tag: {} for tag in tags}
        async for room in self._rooms.list_rooms():
            tag = room_names.session_tag(room.name.removeprefix(f"{self._prefix}-"))
            if tag in found and room_names.is_session(room.name, self._prefix, tag):
                found[tag][room.name] = _made(room)
        return found


def _made(room: DailyRoomObject) -> float | None:
    try:
        made = datetime.fromisoformat(room.created_at)
    except ValueError:
        return None
    return (made if made.tzinfo else made.replace(tzinfo=UTC)).timestamp()
