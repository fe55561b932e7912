# SPDX-License-Identifier: BSD-2-Clause
"""Who is in the rooms of the sessions: one request tells it for all of them.

In a fleet one server asks for all. The bot is told from people by a ``user_id`` of ours in its
token. Presence lags, so two looks have to agree before a session is ended for it.

Reference: https://docs.daily.co/reference/rest-api/presence
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from loguru import logger

from pipecat_daily_rest._rest.helper import DailyRESTHelper
from pipecat_daily_rest.errors import DailyError, DailyNotFoundError
from pipecat_daily_rest.server.session import EndReason

INTERVAL = 15.0  # seconds between two looks

Users: TypeAlias = Mapping[str, Collection[str | None]]
"""The ``user_id`` of each who is in a room, by the room's name."""
Look: TypeAlias = Callable[[], Awaitable[Users | None]]
NextLook: TypeAlias = Callable[[Look], Awaitable[Users | None]]


@dataclass(eq=False, kw_only=True)
class Watched:
    """A room that is looked at.

    Parameters:
        room: The room's name.
        bot: The ``user_id`` of its bot.
        since: When the session began, in seconds of the event loop.
        join_timeout: Seconds after which a room that nobody has joined ends; None for never.
        empty_timeout: Seconds after which a room that everybody has left ends; None for never.
        end: Called with the reason.
    """

    room: str
    bot: str
    since: float
    join_timeout: float | None
    empty_timeout: float | None
    end: Callable[[EndReason], None]
    joined: bool = False
    empty_since: float | None = None
    looks: int = 0  # that agree that no person is there
    bot_seen: bool = False
    without_bot: int = 0  # looks that agree that the bot has gone

    def look(self, users: Iterable[str | None], now: float) -> EndReason | None:
        """Take note of who is there, and tell why the session is to end, if it is."""
        there = list(users)
        people = [user for user in there if user != self.bot]
        if self.bot in there:
            self.bot_seen, self.without_bot = True, 0
        elif self.bot_seen and not there:
            self.without_bot += 1
        if people:
            self.joined, self.empty_since, self.looks = True, None, 0
            return None
        self.looks += 1
        if self.empty_since is None:
            self.empty_since = now
        if self.looks < 2:
            return None
        if not self.joined:
            late = self.join_timeout is not None and now - self.since >= self.join_timeout
            return EndReason.NOBODY_JOINED if late else None
        gone = self.empty_timeout is not None and now - self.empty_since >= self.empty_timeout
        return EndReason.EVERYBODY_LEFT if gone else None


class PresenceWatch:
    """Looks who is in all watched rooms, as long as there are any."""

    def __init__(
        self,
        helper: Callable[[], DailyRESTHelper],
        interval: float = INTERVAL,
        *,
        fleet: Callable[[], NextLook | None] = lambda: None,
    ) -> None:
        """Initialize; it looks at nothing yet.

        ``interval`` is the seconds between two looks of this server. ``fleet`` gives the function
        that waits for the next look of its fleet; None where it has none.
        """
        self._helper = helper
        self._interval = interval
        self._fleet = fleet
        self._rooms: dict[str, Watched] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, watched: Watched) -> None:
        """Look at a room from now on."""
        self._rooms[watched.room] = watched
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="presence of sessions")

    def remove(self, room: str) -> None:
        """Look at a room no longer."""
        self._rooms.pop(room, None)
        if not self._rooms and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        while self._rooms:
            if (next_look := self._fleet()) is not None:
                rooms = await next_look(self._look)
            else:
                await asyncio.sleep(self._interval)
                rooms = await self._look()
            if rooms is not None:
                await self._note(self._helper(), rooms)

    async def _look(self) -> Users | None:
        """Ask Daily; None when it gave no usable answer."""
        try:
            rooms = await self._helper().presence()
        except DailyError as exc:
            logger.warning("The presence of the sessions is unknown for now: {}", exc)
            return None
        return {name: [each.userId for each in there] for name, there in rooms.items()}

    async def _note(self, helper: DailyRESTHelper, rooms: Users) -> None:
        now = asyncio.get_running_loop().time()
        for watched in list(self._rooms.values()):
            users = rooms.get(watched.room, ())
            reason = watched.look(users, now)
            if reason is None and watched.without_bot == 2 and await self._gone(helper, watched):
                reason = EndReason.ROOM_GONE
            if reason is not None:
                watched.end(reason)

    async def _gone(self, helper: DailyRESTHelper, watched: Watched) -> bool:
        try:
            await helper.get_room(watched.room)
        except DailyNotFoundError:
            return True
        except DailyError:
            watched.without_bot = 1  # the next look asks again
        return False
