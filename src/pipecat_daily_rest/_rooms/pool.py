# SPDX-License-Identifier: BSD-2-Clause
"""RoomPool: rooms made ahead of need, so that a session need not wait for one."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import aiohttp
from loguru import logger

from pipecat_daily_rest._core import arguments, room_names, settings
from pipecat_daily_rest._core.callers_line import callers_line
from pipecat_daily_rest._core.secret import secret
from pipecat_daily_rest._core.waiting import both, carry_out
from pipecat_daily_rest._http.api import API
from pipecat_daily_rest._rest.helper import DailyRESTHelper
from pipecat_daily_rest._rooms.bounds import Bounds
from pipecat_daily_rest._rooms.pool_batch import PoolRoom
from pipecat_daily_rest._rooms.provision import UntilTheEnd, make_room
from pipecat_daily_rest._rooms.provisioned import ProvisionedRoom
from pipecat_daily_rest._rooms.room_spec import RoomSpec
from pipecat_daily_rest._rooms.room_tokens import RoomTokens, TokenSource
from pipecat_daily_rest._rooms.waiting_rooms import PoolPlan, PoolStats, WaitingRooms
from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.models import DailyMeetingTokenProperties, DailyRoomParams

DEFAULT_TTL = 600.0  # seconds


class RoomPool:
    """Rooms made ahead of need: handing one out, with both its tokens, needs no request.

    ::

        async with RoomPool(size=5) as pool:
            async with pool.room() as room:
                ...
    """

    def __init__(
        self,
        params: DailyRoomParams | None = None,
        *,
        size: int = 5,
        max_size: int | None = None,
        lifetime: timedelta | float | None = None,
        ttl: timedelta | float = DEFAULT_TTL,
        bot: DailyMeetingTokenProperties | None = None,
        user: DailyMeetingTokenProperties | None = None,
        name_prefix: str = "pipecat",
        token_source: TokenSource = "local",  # noqa: S107 - a choice, not a token
        daily: DailyRESTHelper | None = None,
        api_key: str | None = None,
        api_url: str | None = None,
        aiohttp_session: aiohttp.ClientSession | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Initialize; the rooms are made when the pool is entered.

        Args:
            params: The rooms' parameters, without a name and an ``exp``; the rooms are private
                unless they say otherwise. Not changed.
            size: How many rooms are kept ready.
            max_size: How many at the most: a pool that was found empty keeps twice as many ready
                from then on, and one fewer for each room that nobody needed. ``size`` when None.
            lifetime: Seconds or a ``timedelta`` that a room has left at least when it is handed
                out, and that its tokens are valid from then on; 1 hour when None.
            ttl: Seconds or a ``timedelta`` that a room waits at the most. Daily ends a room, and
                ejects everyone, ``ttl + lifetime`` after it was made.
            bot: Properties of the bots' tokens. Not changed.
            user: Properties of the users' tokens. Not changed.
            name_prefix: How the rooms' names begin.
            token_source: ``local`` signs tokens on this machine where that is possible; ``api`` has
                Daily create them, and then `room` waits for that.
            daily: A helper to use; it stays open.
            api_key: The API key; ``DAILY_API_KEY`` when None.
            api_url: The base URL of the API; ``DAILY_API_URL`` when None, else Daily's own.
            aiohttp_session: An aiohttp session to borrow; it stays open.
            now: The present in unix seconds, for tests.

        Raises:
            DailyConfigError: The arguments do not fit.
        """
        self._spec = RoomSpec(
            params=params,
            lifetime=lifetime,
            bot=bot,
            user=user,
            name_prefix=name_prefix,
            token_source=token_source,
            daily=daily,
            api_key=secret(api_key),
            api_url=api_url,
            aiohttp_session=aiohttp_session,
        )
        self._spec.check()
        arguments.function("now", now)
        self._lifetime = self._spec.seconds()
        self._now = now
        self._bounds = Bounds()
        least = arguments.at_least("size", size, 1)
        self._plan = PoolPlan(
            body=self._body(),
            make_name=self._make_name,
            size=least,
            max_size=least if max_size is None else arguments.at_least("max_size", max_size, least),
            lifetime=self._lifetime,
            ttl=settings.seconds("ttl", ttl),
            now=now,
        )
        self._helper: DailyRESTHelper | None = None
        self._rooms: WaitingRooms | None = None
        self._open = False
        self._users = 0  # of the helper: the pool and each block; the last one closes it

    def _body(self) -> dict[str, Any]:
        given = self._spec.params
        if given is not None and (given.name or given.properties.exp is not None):
            msg = (
                "params: the rooms of a pool get their own names and expiries: leave out name and "
                "exp, and pass name_prefix, lifetime and ttl."
            )
            raise DailyConfigError(msg)
        return self._spec.body()

    @property
    def stats(self) -> PoolStats:
        """The pool's numbers at this moment; those of its end once it is closed."""
        waiting = self._rooms
        return PoolStats(target=self._plan.size) if waiting is None else waiting.stats

    @asynccontextmanager
    async def room(
        self,
        *,
        bot: DailyMeetingTokenProperties | None = None,
        user: DailyMeetingTokenProperties | None = None,
    ) -> AsyncIterator[ProvisionedRoom]:
        """Hand out a room with a token for the bot and one for the user; it is deleted at the end.

        The tokens are created now. When no room is ready, one is made on the spot, as
        `provisioned_room` does.

        Args:
            bot: Properties of this bot's token; the pool's when None. Not changed.
            user: Properties of this user's token; the pool's when None. Not changed.

        Yields:
            The room.

        Raises:
            DailyConfigError: The pool is not open, or the arguments do not fit.
            DailyError: No room was ready and none could be made, or a token could not be created.
        """
        _, waiting = self._opened()
        async with self._room_of(waiting.take(), bot=bot, user=user) as room:
            yield room

    def _make_name(self) -> str:
        return room_names.make_name(self._spec.name_prefix, pool=True)

    def _take(self) -> PoolRoom | None:
        """Take a room without waiting; None when none is ready."""
        return None if self._rooms is None else self._rooms.take()

    @asynccontextmanager
    async def _room_of(
        self,
        taken: PoolRoom | None,
        *,
        bot: DailyMeetingTokenProperties | None = None,
        user: DailyMeetingTokenProperties | None = None,
    ) -> AsyncIterator[ProvisionedRoom]:
        """Hand out a room that was taken, or make one on the spot when it is None."""
        helper, waiting = self._opened()
        spec = replace(self._spec, bot=bot or self._spec.bot, user=user or self._spec.user)
        spec.check()
        self._users += 1
        try:
            if taken is None:
                logger.info("The pool is empty: a room is made on the spot")
                waiting.count(misses=1)
                room = await make_room(helper.api, spec, self._bounds)
            else:
                room = await self._hand_out(taken, helper.api, waiting, spec)
            async with UntilTheEnd(room, self._bounds):
                yield room
        finally:
            await self._leave(helper)

    def _opened(self) -> tuple[DailyRESTHelper, WaitingRooms]:
        if not self._open or self._helper is None or self._rooms is None:
            msg = "The pool is not open: use it within `async with RoomPool() as pool:`."
            raise DailyConfigError(msg)
        return self._helper, self._rooms

    async def _hand_out(
        self, taken: PoolRoom, api: API, waiting: WaitingRooms, spec: RoomSpec
    ) -> ProvisionedRoom:
        tokens = self._tokens(api, taken.room.name)
        try:
            pair = await tokens.begin_both(*tokens.specs(spec.bot, spec.user), api.deadline())
        except BaseException:
            await waiting.put_back(taken)
            raise
        waiting.count(hits=1)
        taken.ownership.opened_at = callers_line()
        return ProvisionedRoom.of(taken.room, tokens, pair, ownership=taken.ownership)

    def _tokens(self, api: API, name: str) -> RoomTokens:
        """Its tokens end before the room does, which has ``lifetime`` left at least."""
        end = self._now() + self._lifetime
        return RoomTokens(api, self._spec.token_source, name, end, room_ejects=True)

    async def __aenter__(self) -> Self:
        """Make the first rooms, and wait for them.

        When Daily is away the pool opens all the same. It goes on trying, and so does what asks
        for a room meanwhile.

        Raises:
            DailyConfigError: There is no key, ``DAILY_ROOM_URL`` is set, or the tokens' properties
                do not fit.
            DailyError: Daily refuses the key or the rooms.
        """
        if self._rooms is not None:
            msg = "A pool can be entered only once: make another one."
            raise DailyConfigError(msg)
        if settings.room_url() is not None:
            msg = (
                "DAILY_ROOM_URL is set, and all sessions of the pool would share that room: unset "
                "it, or use provisioned_room()."
            )
            raise DailyConfigError(msg)
        helper = self._spec.daily or self._spec.new_helper()
        tokens = self._tokens(helper.api, self._plan.new_body()["name"])
        specs = tokens.specs(self._spec.bot, self._spec.user)
        waiting = WaitingRooms(self._plan, helper.api, self._bounds, callers_line())
        self._helper, self._rooms, self._users = helper, waiting, 1
        try:
            await both(waiting.begin(), tokens.warm(*specs))
        except BaseException:
            await carry_out(lambda: self._end(helper, waiting), name="end a room pool")
            raise
        waiting.start_refilling()
        self._open = True
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Delete the rooms that wait. One that was handed out ends with its own block."""
        helper, waiting = self._helper, self._rooms
        if helper is not None and waiting is not None:
            await carry_out(lambda: self._end(helper, waiting), name="end a room pool")

    async def _end(self, helper: DailyRESTHelper, waiting: WaitingRooms) -> None:
        self._open = False
        await waiting.end()
        await self._leave(helper)

    async def _leave(self, helper: DailyRESTHelper) -> None:
        self._users -= 1
        if not self._users and self._spec.daily is None:
            await helper.aclose()
