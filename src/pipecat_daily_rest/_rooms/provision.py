# SPDX-License-Identifier: BSD-2-Clause
"""provisioned_room(): the room and both tokens exist before the bot starts, and no room after it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

import aiohttp
from loguru import logger

from pipecat_daily_rest._core import daily_module, room_names, settings
from pipecat_daily_rest._core.waiting import carry_out, finished
from pipecat_daily_rest._rest.creation import Creation
from pipecat_daily_rest._rest.helper import DailyRESTHelper
from pipecat_daily_rest._rest.room_lookup import get_room
from pipecat_daily_rest._rooms.bounds import Bounds
from pipecat_daily_rest._rooms.owned import OwnedRoom
from pipecat_daily_rest._rooms.provisioned import ProvisionedRoom
from pipecat_daily_rest._rooms.room_spec import RoomRequest
from pipecat_daily_rest._rooms.room_tokens import RoomTokens, TokenSource
from pipecat_daily_rest.errors import DailyNotFoundError
from pipecat_daily_rest.models import (
    DailyMeetingTokenProperties,
    DailyRoomObject,
    DailyRoomParams,
)


def provisioned_room(
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
) -> AbstractAsyncContextManager[ProvisionedRoom]:
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

    Returns:
        An async context manager that gives the room.

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
    return provision(request, Bounds())


@asynccontextmanager
async def provision(request: RoomRequest, bounds: Bounds) -> AsyncIterator[ProvisionedRoom]:
    """Do what `provisioned_room` does, with the caller's own bounds for its end."""
    request.check()
    lifetime = request.seconds()
    given = request.room_url
    if given is None and request.params is None:
        given = settings.room_url()
    daily = request.helper() if request.daily is None else nullcontext(request.daily)
    async with daily as helper:
        if given is not None:
            room = await use_room(helper, given, request, lifetime)
        else:
            room = await make_room(helper, request, bounds)
        async with UntilTheEnd(room, bounds):
            yield room


class UntilTheEnd:
    """Deletes a room when the block ends, however it does, unless it is kept or was given."""

    def __init__(self, room: ProvisionedRoom, bounds: Bounds) -> None:
        """Initialize the context manager."""
        self._room = room
        self._bounds = bounds

    async def __aenter__(self) -> None:
        if self._room.is_local and daily_module.is_real_loaded():
            _warn_of_real_daily()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        ownership = self._room._ownership
        if ownership is None:
            return
        try:
            if exc_type is GeneratorExit:
                # Nobody is left who would end the block: it was thrown away.
                ownership.abandon()
        finally:
            await ownership.delete(self._bounds.delete())


async def use_room(
    helper: DailyRESTHelper, url: str, request: RoomRequest, lifetime: float
) -> ProvisionedRoom:
    """Take a room that exists, with a token for the bot and one for the user.

    Args:
        helper: Sends the requests.
        url: The room's URL.
        request: What is wanted of the tokens.
        lifetime: Seconds that the tokens are valid at the most.

    Returns:
        The room.

    Raises:
        DailyError: There is no such room, or a token could not be made.
    """
    deadline = helper.api.deadline()
    try:
        room = await get_room(helper.api, room_names.from_url(url), deadline=deadline)
    except DailyNotFoundError as exc:
        exc.args = (f"{exc}: the room that was given does not exist, or has expired.",)
        raise
    end, expires_at = _end(room.config.exp)
    tokens = RoomTokens(
        helper,
        request.token_source,
        room.name,
        min(end or float("inf"), time.time() + lifetime),
        room.config.eject_at_room_exp is True,
    )
    bot = tokens.properties(request.bot, owner=True)
    user = tokens.properties(request.user, owner=False)
    bot_token, user_token = await tokens.pair(bot, user, deadline)
    return ProvisionedRoom(
        url=room.url,
        name=room.name,
        bot_token=bot_token,
        user_token=user_token,
        expires_at=expires_at,
        owned=False,
        room=room,
        _tokens=tokens,
    )


def _end(exp: Any) -> tuple[float | None, datetime | None]:
    """When a room ends, in unix seconds and as an instant; None when it does not in our time."""
    try:
        return exp, datetime.fromtimestamp(exp, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None, None


async def make_room(
    helper: DailyRESTHelper, request: RoomRequest, bounds: Bounds
) -> ProvisionedRoom:
    """Make a room with a token for the bot and one for the user, or leave nothing behind."""
    body, name, exp = request.room()
    tokens = RoomTokens(helper, request.token_source, name, exp, room_ejects=True)
    bot = tokens.properties(request.bot, owner=True)
    user = tokens.properties(request.user, owner=False)
    signed = tokens.signed(bot, user)
    unique_name = request.params is None or not request.params.name
    creation = Creation(helper.api, body, unique_name=unique_name)
    expires_at = datetime.fromtimestamp(exp, UTC)
    ownership = OwnedRoom(
        helper.api, name, expires_at=expires_at, is_ours=None if unique_name else creation.is_ours
    )
    deadline = helper.api.deadline()
    creating = asyncio.create_task(creation.run(deadline), name=f"create {name}")
    making_tokens = (
        asyncio.create_task(tokens.pair(bot, user, deadline, room=creating))
        if signed is None
        else finished(signed)
    )
    try:
        room = await asyncio.shield(creating)
        ownership.confirm(room)
        ownership.may_be_created(creation.lost)
        bot_token, user_token = await asyncio.shield(making_tokens)
    except BaseException:
        ownership.undo()
        await carry_out(
            lambda: _roll_back(creating, making_tokens, creation, ownership, bounds),
            name=f"roll back {name}",
        )
        raise
    return ProvisionedRoom(
        url=room.url,
        name=room.name,
        bot_token=bot_token,
        user_token=user_token,
        expires_at=expires_at,
        owned=True,
        room=room,
        _tokens=tokens,
        _ownership=ownership,
    )


async def _roll_back(
    creating: asyncio.Task[DailyRoomObject],
    making_tokens: asyncio.Future[Any],
    creation: Creation,
    ownership: OwnedRoom,
    bounds: Bounds,
) -> None:
    """A create in flight is not abandoned: its answer tells whether there is a room to delete.

    One that still waits for its turn is.
    """
    making_tokens.cancel()
    await asyncio.gather(making_tokens, return_exceptions=True)
    if creation.may_exist:
        await asyncio.wait({creating}, timeout=bounds.create())
    if not creating.done():
        creating.cancel()
        await asyncio.wait({creating})
    if not creating.cancelled() and creating.exception() is None:
        ownership.confirm(creating.result())
    ownership.may_be_created(creation.lost)
    if creation.may_exist:
        await ownership.delete(bounds.delete())
    else:
        ownership.release()


_warned = False


def _warn_of_real_daily() -> None:
    global _warned
    if not _warned:
        _warned = True
        logger.warning(
            "This room is a local one, but daily-python is loaded: {}", daily_module.WAY_OUT
        )
