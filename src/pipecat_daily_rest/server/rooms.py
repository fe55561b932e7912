# SPDX-License-Identifier: BSD-2-Clause
"""The rooms of a server's sessions: named after their owner, so that a dead server's are swept."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Any, Self

from loguru import logger

from pipecat_daily_rest._core import arguments, room_names
from pipecat_daily_rest._rest.helper import DailyRESTHelper
from pipecat_daily_rest._rooms.bounds import Bounds
from pipecat_daily_rest._rooms.pool import RoomPool
from pipecat_daily_rest._rooms.pool_batch import PoolRoom
from pipecat_daily_rest._rooms.provision import provision
from pipecat_daily_rest._rooms.provisioned import ProvisionedRoom
from pipecat_daily_rest._rooms.room_spec import RoomSpec
from pipecat_daily_rest._rooms.waiting_rooms import PoolStats
from pipecat_daily_rest.errors import DailyConfigError, DailyError
from pipecat_daily_rest.models import (
    DailyMeetingTokenProperties,
    DailyRoomParams,
    DailyRoomProperties,
    DailyRoomSipParams,
)
from pipecat_daily_rest.server import lease
from pipecat_daily_rest.server.bot_user import bot_user_id
from pipecat_daily_rest.server.fleet.fleet import Fleet
from pipecat_daily_rest.server.start_request import StartRequest

LATER = 30.0  # seconds after which a deletion that failed is tried again
_AFTER = 120.0  # seconds that a room lives on after the longest session, should its server die


class _SessionPool(RoomPool):
    """A pool whose rooms are named as those of sessions."""

    def __init__(self, make_name: Callable[[], str], **options: Any) -> None:
        self._session_name = make_name
        super().__init__(**options)

    def _make_name(self) -> str:
        return self._session_name()

    def take(self) -> PoolRoom | None:
        """Take a room without waiting; None when none is ready."""
        taken = self._take()
        if taken is None and self._rooms is not None:
            self._rooms.count(misses=1)
        return taken

    def room_of(
        self, taken: PoolRoom, **tokens: DailyMeetingTokenProperties | None
    ) -> AbstractAsyncContextManager[ProvisionedRoom]:
        """Hand out a room that was taken, with its tokens, and delete it at the end."""
        return self._room_of(taken, **tokens)


class SessionRooms:
    """Makes the rooms of sessions, and sweeps those of dead servers."""

    def __init__(
        self,
        *,
        params: DailyRoomParams | None,
        pool: int,
        lifetime: float,
        name_prefix: str,
        daily: DailyRESTHelper | None,
        api_key: str | None,
        api_url: str | None,
        **fleet: Any,
    ) -> None:
        """Initialize; see `Sessions` for the arguments. ``lifetime`` is the longest session's.

        ``fleet`` are the arguments of `Fleet` that the rooms do not have themselves.
        """
        self._of_fleet = fleet
        self.fleet: Fleet | None = None  # where servers share a Redis
        given = RoomSpec(
            params=params, name_prefix=name_prefix, daily=daily, api_key=api_key, api_url=api_url
        )
        given.check()
        if params is not None and (params.name or params.properties.exp is not None):
            msg = "params: each session's room gets its own name and exp: leave both out."
            raise DailyConfigError(msg)
        self._given = given
        self._params = params or DailyRoomParams(privacy="private")
        self._lifetime = lifetime + _AFTER
        self._prefix = room_names.check_prefix(name_prefix)
        self._tag = lease.make_tag()
        self.workers: list[int] = []  # the processes of other workers of this server
        self._stack = AsyncExitStack()
        self._helper: DailyRESTHelper | None = None
        self._sweep: asyncio.Task[None] | None = None
        self._size = arguments.at_least("pool", pool, 0)
        self._pool: _SessionPool | None = None
        # Rooms that Daily has not deleted yet; None for one that may never have been made.
        self._left: dict[str, ProvisionedRoom | None] = {}
        self._late: asyncio.Task[None] | None = None
        self._taken: dict[str, PoolRoom] = {}  # by the session's id, until the room is handed out

    @property
    def helper(self) -> DailyRESTHelper:
        """The helper that sends the requests."""
        if self._helper is None:
            msg = "The sessions are not open: use them within `async with Sessions(…)`."
            raise DailyConfigError(msg)
        return self._helper

    @property
    def sip(self) -> DailyRoomSipParams | None:
        """How rooms are called by SIP, where the owner says so for all of them."""
        return self._params.properties.sip

    @property
    def counts(self) -> Counter[tuple[str, ...]]:
        """What the helper has sent, and the rooms that it has made; see `API`."""
        return Counter() if self._helper is None else self._helper.api.counts

    @property
    def pool_stats(self) -> PoolStats:
        """The numbers of the pool; zeros without one."""
        return PoolStats() if self._pool is None else self._pool.stats

    async def __aenter__(self) -> Self:
        """Open the helper, take this server's lease, begin to sweep the rooms of dead servers."""
        helper = self._given.daily
        if helper is None:
            helper = await self._stack.enter_async_context(self._given.helper())
        self._helper = helper
        redis = helper.api.account.pacer.fleet
        try:
            if redis is None and self._of_fleet["limit"] is not None:
                msg = "fleet_max_sessions needs DAILY_REDIS_URL, in which the fleet is counted."
                raise DailyConfigError(msg)
            await helper.warm()
        except DailyError as exc:
            if not exc.retryable:
                await self._stack.aclose()
                raise
            logger.warning("Daily cannot be reached for now: {}", exc)
        try:
            alive = lease.Lease(lease.Owner(self._tag, self._prefix, helper.api.account.digest))
            alive.take()
        except BaseException:
            await self._stack.aclose()
            raise
        self._stack.callback(lambda: alive.forget() if self._left else alive.release())
        self.workers = alive.workers()
        if redis is not None:
            self.fleet = Fleet(helper, redis, prefix=self._prefix, tag=self._tag, **self._of_fleet)
            # After the pool: its rooms are swept, should this process die meanwhile.
            self._stack.push_async_callback(self._leave, self.fleet)
            await self.fleet.member.join()
        if self._size:
            self._pool = _SessionPool(
                lambda: f"{self._prefix}-{room_names.session_part(self._tag)}",
                params=self._params,
                size=self._size,
                lifetime=self._lifetime,
                name_prefix=self._prefix,
                daily=helper,
            )
            try:
                await self._stack.enter_async_context(self._pool)
            except BaseException:
                await self._stack.aclose()
                raise
        self._sweep = asyncio.create_task(self._sweep_dead(alive), name="sweep of dead servers")
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the lease back and close the helper."""
        tasks = [each for each in (self._sweep, self._late) if each is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._stack.aclose()

    async def _leave(self, fleet: Fleet) -> None:
        await fleet.leave(rooms_left=bool(self._left))

    def reserve(self, request: StartRequest) -> str:
        """Give the id of a new session: its room's name after the prefix.

        A room that waits is taken now, before anything is awaited.

        Raises:
            DailyConfigError: The properties do not fit.
        """
        if request.create_room:
            self._lifetime_of(request)
        if self._pool is not None and request.create_room and request.room is None:
            if (taken := self._pool.take()) is not None:
                session_id = taken.room.name.removeprefix(f"{self._prefix}-")
                self._taken[session_id] = taken
                return session_id
        return room_names.session_part(self._tag)

    @asynccontextmanager
    async def room(self, session_id: str, request: StartRequest) -> AsyncIterator[ProvisionedRoom]:
        """Make the room of a session, with its tokens, and delete it at the end.

        A room that Daily does not delete then is deleted later, or swept by the next server.

        Raises:
            DailyConfigError: The properties do not fit.
            DailyError: It could not be made.
        """
        pooled = session_id in self._taken
        room = None
        try:
            async with self._making(session_id, request) as room:
                yield room
        except DailyError as exc:
            if room is None and exc.retryable and not pooled:
                self._delete_later(f"{self._prefix}-{session_id}")  # it may have been made
            raise
        finally:
            if room is not None and room.owned and not room.gone:
                self._delete_later(room.name, room)

    def _delete_later(self, name: str, room: ProvisionedRoom | None = None) -> None:
        self._left[name] = room
        if self._late is None or self._late.done():
            self._late = asyncio.create_task(self._delete_left(), name="late deletion of rooms")

    async def _delete_left(self) -> None:
        while self._left:
            await asyncio.sleep(LATER)
            for name in sorted(self._left):
                try:
                    await self.helper.delete_room_by_name(name)
                except DailyError as exc:
                    logger.debug("Room {} is not deleted yet: {}", name, exc)
                    break
                if (room := self._left.pop(name)) is not None and not room.gone:
                    self.counts["room", "deleted"] += 1

    def _making(
        self, session_id: str, request: StartRequest
    ) -> AbstractAsyncContextManager[ProvisionedRoom]:
        bot = DailyMeetingTokenProperties(user_id=bot_user_id(session_id))
        if (taken := self._taken.pop(session_id, None)) is not None and self._pool is not None:
            return self._pool.room_of(taken, bot=bot, user=request.token)
        params = self._params
        if request.room is not None:
            properties = {
                **params.properties.model_dump(exclude_unset=True),
                **request.room.model_dump(exclude_unset=True, exclude={"exp"}),
            }
            params = params.model_copy(update={"properties": DailyRoomProperties(**properties)})
        spec = RoomSpec(
            params=params,
            lifetime=self._lifetime_of(request),
            bot=bot,
            user=request.token,
            name_prefix=self._prefix,
            made_name=f"{self._prefix}-{session_id}",
            daily=self.helper,
        )
        return provision(spec, Bounds())

    def _lifetime_of(self, request: StartRequest) -> float:
        """Give the lifetime of a session's room in seconds.

        Raises:
            DailyConfigError: The room is to end too late, or the user's token after it.
        """
        lifetime = self._lifetime
        if request.room is not None and (exp := request.room.exp) is not None:
            lifetime = float(min(exp, 1e12)) - time.time()  # float() refuses a very large one
            if not 1 <= lifetime <= self._lifetime:
                msg = (
                    f"room.exp must be in the future, and within {self._lifetime:g} s: the longest "
                    "session. Leave it out to get that."
                )
                raise DailyConfigError(msg)
        if request.token is not None and (exp := request.token.exp) is not None:
            if exp > time.time() + lifetime:
                msg = "token.exp is later than the room's: leave it out."
                raise DailyConfigError(msg)
        return lifetime

    async def _sweep_dead(self, alive: lease.Lease) -> None:
        """Delete the rooms of dead servers of this host and account."""
        try:
            with alive.dead() as owners:
                if self.fleet is not None:
                    ours = [each.tag for each in owners if each.prefix == self._prefix]
                    if ours and await self.fleet.member.adopt(ours):
                        owners = [each for each in owners if each.tag not in ours]
                if owners:
                    await self._delete_rooms_of(owners)
        except DailyError as exc:
            logger.warning("The rooms of dead servers are not swept yet: {}", exc)

    async def _delete_rooms_of(self, owners: list[lease.Owner]) -> None:
        names = [
            room.name
            async for room in self.helper.list_rooms()
            if any(room_names.is_session(room.name, each.prefix, each.tag) for each in owners)
        ]
        if names:
            await self.helper.delete_rooms(names)
            logger.info("Deleted {} room(s) of servers that died", len(names))
