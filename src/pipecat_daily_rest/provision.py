# SPDX-License-Identifier: BSD-2-Clause
"""provisioned_room(): the room and both tokens exist before the bot starts, and no room after it."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
from loguru import logger

from pipecat_daily_rest import names, settings, stand_in
from pipecat_daily_rest._create import Creation
from pipecat_daily_rest._finish import finish
from pipecat_daily_rest._http import Deadline
from pipecat_daily_rest._mint import Mint, TokenSource
from pipecat_daily_rest._request import RoomRequest
from pipecat_daily_rest._rooms import get_room
from pipecat_daily_rest.errors import DailyNotFoundError
from pipecat_daily_rest.helper import DailyRESTHelper
from pipecat_daily_rest.models import (
    DailyMeetingTokenProperties,
    DailyRoomObject,
    DailyRoomParams,
)
from pipecat_daily_rest.registry import DELETE_BOUND, OwnedRoom

if TYPE_CHECKING:
    from pipecat.runner.types import DailyRunnerArguments


class Bounds:
    """How long the end of a room may take. The runner's shrink with its own deadline."""

    def create(self) -> float:
        """Give the time to wait for a create in flight when its caller is cancelled.

        Returns:
            Seconds.
        """
        return DELETE_BOUND

    def delete(self) -> float:
        """Give the time to wait for a deletion.

        Returns:
            Seconds.
        """
        return DELETE_BOUND


@dataclass(eq=False)
class ProvisionedRoom:
    """A room with the bot's and the user's token.

    Iterating yields ``(url, bot_token)``, so that ``async with provisioned_room() as (room_url,
    token)`` works.

    Parameters:
        url: URL of the room.
        name: Name of the room.
        bot_token: The bot's meeting token, an owner's.
        user_token: The user's meeting token, not an owner's.
        expires_at: When the room ends by itself; None for a given room without an expiry.
        owned: Whether the room was made here and is deleted at the end.
        room: The room as Daily answered it.
    """

    url: str
    name: str
    bot_token: str = field(repr=False)
    user_token: str = field(repr=False)
    expires_at: datetime | None
    owned: bool
    room: DailyRoomObject = field(repr=False)
    _mint: Mint = field(repr=False)
    _ownership: OwnedRoom | None = field(default=None, repr=False)

    def __iter__(self) -> Iterator[str]:
        yield self.url
        yield self.bot_token

    @property
    def join_url(self) -> str:
        """The link that lets the user in; it carries the user's token."""
        return settings.Secret(f"{self.url}?t={self.user_token}")

    @property
    def sip_endpoint(self) -> str:
        """The SIP URI that reaches the room, or "" when it has none."""
        return self.room.config.sip_endpoint

    async def mint_token(
        self, properties: DailyMeetingTokenProperties | None = None, *, owner: bool = False
    ) -> str:
        """Make one more token for this room, for another participant.

        Args:
            properties: The token's properties. It expires no later than the room.
            owner: Whether the participant is an owner.

        Returns:
            The token; its ``repr`` does not show it.

        Raises:
            DailyError: It could not be made.
        """
        return await self._mint.token(self._mint.properties(properties, owner=owner))

    @property
    def is_local(self) -> bool:
        """Whether the room is a local Daily's, which marks its answers."""
        return self._mint.helper.api.is_local

    @property
    def gone(self) -> bool:
        """Whether the room was deleted."""
        return self._ownership is not None and self._ownership.gone

    def forget(self) -> None:
        """Own the room no longer, since it ended with the Daily that had it."""
        if self._ownership is not None:
            self._ownership.release()

    def keep(self) -> None:
        """Leave the room alive at the end, for whoever takes over.

        Then its ``exp`` ends it. Does nothing for a room that was given.
        """
        if self._ownership is not None:
            self._ownership.release()
            self._ownership = None
            self.owned = False
            logger.info("Room {} is kept; it ends at {:%H:%M:%S %Z}", self.name, self.expires_at)

    def runner_args(
        self, body: Any = None, session_id: str | None = None
    ) -> "DailyRunnerArguments":
        """Make the arguments of a standard Pipecat bot.

        Args:
            body: What the bot gets as ``runner_args.body``; an empty dict when None.
            session_id: The session's id.

        Returns:
            Pipecat's arguments for a bot on Daily.
        """
        from pipecat.runner.types import DailyRunnerArguments

        return DailyRunnerArguments(
            room_url=self.url,
            token=self.bot_token,
            body={} if body is None else body,
            session_id=session_id,
        )


@asynccontextmanager
async def provisioned_room(
    params: DailyRoomParams | None = None,
    *,
    room_url: str | None = None,
    lifetime: timedelta | float | None = None,
    bot: DailyMeetingTokenProperties | None = None,
    user: DailyMeetingTokenProperties | None = None,
    name_prefix: str = "pipecat",
    token_source: TokenSource = "local",  # noqa: S107 - a choice, not a token
    daily: DailyRESTHelper | None = None,
    api_key: str | None = None,
    api_url: str | None = None,
    aiohttp_session: aiohttp.ClientSession | None = None,
) -> AsyncIterator[ProvisionedRoom]:
    """Make a room with a token for the bot and one for the user, and delete it at the end.

    The room is deleted whatever ends the block: its end, an exception, a cancellation. If that
    fails, the room's own expiry ends it. A room that was given is used and never deleted.

    Args:
        params: The room; private unless they say otherwise. Not changed.
        room_url: A room that exists, to be used instead; ``DAILY_ROOM_URL`` when neither it nor
            ``params`` is given.
        lifetime: Seconds or a ``timedelta`` after which Daily ends the room by itself and puts
            everybody out; 1 hour when None.
        bot: Properties of the bot's token. Not changed.
        user: Properties of the user's token. Not changed.
        name_prefix: How the room's name begins.
        token_source: ``local`` signs tokens on this machine where that is possible, ``api`` has
            Daily make them.
        daily: A helper to use; it stays open.
        api_key: The API key; ``DAILY_API_KEY`` when None.
        api_url: The base URL of the API; ``DAILY_API_URL`` when None, else Daily's own.
        aiohttp_session: A session to borrow; it stays open.

    Yields:
        The room.

    Raises:
        DailyConfigError: There is no key, or the arguments do not fit.
        DailyRoomExistsError: ``params.name`` is taken.
        DailyNotFoundError: The given room does not exist.
        DailyError: The room or a token could not be made; no room is left behind.
    """
    request = RoomRequest(
        params=params,
        room_url=room_url,
        lifetime=lifetime,
        bot=bot,
        user=user,
        name_prefix=name_prefix,
        token_source=token_source,
        daily=daily,
        api_key=api_key,
        api_url=api_url,
        aiohttp_session=aiohttp_session,
    )
    async with provision(request, Bounds()) as room:
        yield room


@asynccontextmanager
async def provision(request: RoomRequest, bounds: Bounds) -> AsyncIterator[ProvisionedRoom]:
    """Do what `provisioned_room` does, with the caller's own bounds for its end.

    Args:
        request: What is wanted.
        bounds: How long the end may take.

    Yields:
        The room.

    Raises:
        DailyError: As `provisioned_room`.
    """
    request.check()
    lifetime = request.seconds()
    given = request.room_url
    if given is None and request.params is None:
        given = settings.room_url()
    async with AsyncExitStack() as stack:
        helper = request.daily
        if helper is None:
            helper = await stack.enter_async_context(request.helper())
        if given is not None:
            room = await _use(helper, given, request, lifetime)
        else:
            room = await _make(helper, request, bounds)
        if helper.api.is_local and stand_in.is_real_loaded():
            _warn_of_real_daily()
        try:
            yield room
        finally:
            if room._ownership is not None:
                await room._ownership.delete(bounds.delete())


async def _use(
    helper: DailyRESTHelper, url: str, request: RoomRequest, lifetime: float
) -> ProvisionedRoom:
    deadline = Deadline(helper.api.policy.deadline)
    try:
        room = await get_room(helper.api, names.from_url(url), deadline=deadline)
    except DailyNotFoundError as exc:
        exc.args = (f"{exc}: the room that was given does not exist, or has expired.",)
        raise
    end = room.config.exp if isinstance(room.config.exp, int | float) else None
    mint = Mint(
        helper,
        request.token_source,
        room.name,
        min(end or float("inf"), time.time() + lifetime),
        room.config.eject_at_room_exp is True,
    )
    bot = mint.properties(request.bot, owner=True)
    user = mint.properties(request.user, owner=False)
    bot_token, user_token = await mint.pair(bot, user, deadline)
    return ProvisionedRoom(
        url=room.url,
        name=room.name,
        bot_token=bot_token,
        user_token=user_token,
        expires_at=None if end is None else datetime.fromtimestamp(end, UTC),
        owned=False,
        room=room,
        _mint=mint,
    )


async def _make(helper: DailyRESTHelper, request: RoomRequest, bounds: Bounds) -> ProvisionedRoom:
    params, name, exp = request.room()
    mint = Mint(helper, request.token_source, name, exp, room_ejects=True)
    bot = mint.properties(request.bot, owner=True)
    user = mint.properties(request.user, owner=False)
    minted = request.params is None or request.params.name is None
    creation = Creation(helper.api, params, minted=minted)
    expires_at = datetime.fromtimestamp(exp, UTC)
    ownership = OwnedRoom(
        helper.api, name, expires_at=expires_at, is_ours=None if minted else creation.is_ours
    )
    deadline = Deadline(helper.api.policy.deadline)
    creating = asyncio.create_task(creation.run(deadline), name=f"create {name}")
    # A token that Daily makes waits for the room: whether Daily makes one for a room that does
    # not exist yet is not documented.
    signed_here = mint.claims(bot) is not None and mint.claims(user) is not None
    minting = asyncio.create_task(mint.pair(bot, user, deadline)) if signed_here else None
    try:
        room = await asyncio.shield(creating)
        ownership.confirm(room)
        pair = minting if minting is not None else mint.pair(bot, user, deadline)
        bot_token, user_token = await pair
    except BaseException:
        rollback = _roll_back(creating, minting, creation, ownership, bounds)
        await finish(asyncio.create_task(rollback, name=f"roll back {name}"))
        raise
    return ProvisionedRoom(
        url=room.url,
        name=room.name,
        bot_token=bot_token,
        user_token=user_token,
        expires_at=expires_at,
        owned=True,
        room=room,
        _mint=mint,
        _ownership=ownership,
    )


async def _roll_back(
    creating: asyncio.Task[DailyRoomObject],
    minting: asyncio.Task[Any] | None,
    creation: Creation,
    ownership: OwnedRoom,
    bounds: Bounds,
) -> None:
    """A create in flight is not abandoned: its answer tells whether there is a room to delete."""
    if minting is not None:
        minting.cancel()
        await asyncio.gather(minting, return_exceptions=True)
    await asyncio.wait({creating}, timeout=bounds.create())
    if not creating.done():
        creating.cancel()
        await asyncio.wait({creating})
    if not creating.cancelled() and creating.exception() is None:
        ownership.confirm(creating.result())
    if creation.may_exist:
        await ownership.delete(bounds.delete())
    else:
        ownership.release()


_warned = False


def _warn_of_real_daily() -> None:
    global _warned
    if not _warned:
        _warned = True
        logger.warning("This room is a local one, but daily-python is loaded: {}", stand_in.WAY_OUT)
