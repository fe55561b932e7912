# SPDX-License-Identifier: BSD-2-Clause
"""RoomPool: rooms made ahead of need, so that handing one out waits for nobody."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import aiohttp
from loguru import logger

from pipecat_daily_rest._core import arguments, settings
from pipecat_daily_rest._core.callers_line import callers_line
from pipecat_daily_rest._core.secret import secret
from pipecat_daily_rest._core.waiting import both, carry_out
from pipecat_daily_rest._rest.helper import DailyRESTHelper
from pipecat_daily_rest._rooms.bounds import Bounds
from pipecat_daily_rest._rooms.pool_batch import Made
from pipecat_daily_rest._rooms.pool_stock import Plan, PoolStats, Stock
from pipecat_daily_rest._rooms.provision import UntilTheEnd, make_room
from pipecat_daily_rest._rooms.provisioned import ProvisionedRoom
from pipecat_daily_rest._rooms.room_spec import RoomRequest
from pipecat_daily_rest._rooms.room_tokens import RoomTokens, TokenSource
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
            params: The rooms, without a name and an ``exp``; private unless they say otherwise.
                Not changed.
            size: How many rooms are kept ready.
            max_size: How many may be: a pool that was found empty keeps twice as many ready from
                then on, and one fewer with each that nobody needed. ``size`` when None.
            lifetime: Seconds or a ``timedelta`` that a room has left at least when it is handed
                out, and that its tokens open it from then on; 1 hour when None.
            ttl: Seconds or a ``timedelta`` that a room waits at the most. ``ttl + lifetime`` after
                it was made Daily ends a room by itself and puts everybody out.
            bot: Properties of the bots' tokens. Not changed.
            user: Properties of the users' tokens. Not changed.
            name_prefix: How the rooms' names begin.
            token_source: ``local`` signs tokens on this machine where that is possible; ``api`` has
                Daily make them, which a hand-out waits for.
            daily: A helper to use; it stays open.
            api_key: The API key; ``DAILY_API_KEY`` when None.
            api_url: The base URL of the API; ``DAILY_API_URL`` when None, else Daily's own.
            aiohttp_session: A session to borrow; it stays open.
            now: The present in unix seconds, for tests.

        Raises:
            DailyConfigError: The arguments do not fit.
        """
        self._request = RoomRequest(
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
        self._request.check()
        arguments.function("now", now)
        self._lifetime = self._request.seconds()
        self._now = now
        self._bounds = Bounds()
        least = arguments.at_least("size", size, 1)
        self._plan = Plan(
            body=self._body(),
            prefix=name_prefix,
            size=least,
            max_size=least if max_size is None else arguments.at_least("max_size", max_size, least),
            lifetime=self._lifetime,
            ttl=settings.seconds("ttl", ttl),
            now=now,
        )
        self._helper: DailyRESTHelper | None = None
        self._stock: Stock | None = None
        self._open = False
        self._users = 0  # of the helper: the pool, and each block

    def _body(self) -> dict[str, Any]:
        given = self._request.params
        if given is not None and (given.name or given.properties.exp is not None):
            msg = (
                "params: the rooms of a pool get their own names and expiries: leave out name and "
                "exp, and pass name_prefix, lifetime and ttl."
            )
            raise DailyConfigError(msg)
        body, _, _ = self._request.room()
        return body

    @property
    def stats(self) -> PoolStats:
        """The pool's numbers at this moment; those of the last time when it is not open."""
        return self._stock.stats if self._stock is not None else PoolStats(target=self._plan.size)

    @asynccontextmanager
    async def room(
        self,
        *,
        bot: DailyMeetingTokenProperties | None = None,
        user: DailyMeetingTokenProperties | None = None,
    ) -> AsyncIterator[ProvisionedRoom]:
        """Hand out a room with a token for the bot and one for the user; it is deleted at the end.

        The tokens are made now. When no room is ready, one is made on the spot, as by
        `provisioned_room`.

        Args:
            bot: Properties of this bot's token; the pool's when None. Not changed.
            user: Properties of this user's token; the pool's when None. Not changed.

        Yields:
            The room.

        Raises:
            DailyConfigError: The pool is not open, or the arguments do not fit.
            DailyError: No room was ready and none could be made, or a token could not be.
        """
        helper, stock = self._helper, self._stock
        if not self._open or helper is None or stock is None:
            msg = "The pool is not open: use it within `async with RoomPool() as pool:`."
            raise DailyConfigError(msg)
        request = replace(
            self._request, bot=bot or self._request.bot, user=user or self._request.user
        )
        request.check()
        self._users += 1
        try:
            taken = stock.take()
            if taken is None:
                logger.info("The pool is empty: a room is made on the spot")
                stock.count(misses=1)
                room = await make_room(helper, request, self._bounds)
            else:
                room = await self._hand_out(taken, helper, stock, request)
            async with UntilTheEnd(room, self._bounds):
                yield room
        finally:
            await self._leave(helper)

    async def _hand_out(
        self, taken: Made, helper: DailyRESTHelper, stock: Stock, request: RoomRequest
    ) -> ProvisionedRoom:
        room, ownership = taken.room, taken.ownership
        tokens = self._tokens(helper, room.name)
        try:
            bot = tokens.properties(request.bot, owner=True)
            user = tokens.properties(request.user, owner=False)
            bot_token, user_token = await tokens.pair(bot, user, helper.api.deadline())
        except BaseException:
            await stock.put_back(taken)
            raise
        stock.count(hits=1)
        ownership.opened_at = callers_line()
        return ProvisionedRoom(
            url=room.url,
            name=room.name,
            bot_token=bot_token,
            user_token=user_token,
            expires_at=ownership.expires_at,
            owned=True,
            room=room,
            _tokens=tokens,
            _ownership=ownership,
        )

    def _tokens(self, helper: DailyRESTHelper, name: str) -> RoomTokens:
        """Its tokens end before the room does, which has ``lifetime`` left at least."""
        end = self._now() + self._lifetime
        return RoomTokens(helper, self._request.token_source, name, end, room_ejects=True)

    async def __aenter__(self) -> Self:
        """Make the first rooms, and wait for them.

        When Daily is away the pool opens all the same. It goes on trying, and so does what asks
        for a room meanwhile.

        Raises:
            DailyConfigError: There is no key, ``DAILY_ROOM_URL`` is set, or the tokens' properties
                do not fit.
            DailyError: Daily refuses the key or the rooms.
        """
        if self._stock is not None:
            msg = "A pool is entered once: make another one."
            raise DailyConfigError(msg)
        if settings.room_url() is not None:
            msg = (
                "DAILY_ROOM_URL is set, and all sessions of the pool would share that room: unset "
                "it, or use provisioned_room()."
            )
            raise DailyConfigError(msg)
        helper = self._request.daily or self._request.helper()
        tokens = self._tokens(helper, self._plan.order()[1])
        bot = tokens.properties(self._request.bot, owner=True)
        user = tokens.properties(self._request.user, owner=False)
        stock = Stock(self._plan, helper.api, self._bounds, callers_line())
        self._helper, self._stock, self._users = helper, stock, 1
        try:
            await both(stock.begin(), tokens.warm(bot, user))
        except BaseException:
            await carry_out(lambda: self._end(helper, stock), name="end a room pool")
            raise
        stock.keep()
        self._open = True
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Delete the rooms that wait. One that was handed out ends with its own block."""
        helper, stock = self._helper, self._stock
        if helper is not None and stock is not None:
            await carry_out(lambda: self._end(helper, stock), name="end a room pool")

    async def _end(self, helper: DailyRESTHelper, stock: Stock) -> None:
        self._open = False
        await stock.end()
        await self._leave(helper)

    async def _leave(self, helper: DailyRESTHelper) -> None:
        self._users -= 1
        if not self._users and self._request.daily is None:
            await helper.aclose()
