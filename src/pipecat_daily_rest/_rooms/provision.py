# SPDX-License-Identifier: BSD-2-Clause
"""provisioned_room(): the room and both tokens exist before the bot starts, and no room after it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

import aiohttp
from loguru import logger

from pipecat_daily_rest._core import daily_module, room_names, settings
from pipecat_daily_rest._core.waiting import carry_out
from pipecat_daily_rest._http.api import API
from pipecat_daily_rest._rest.creation import Creation
from pipecat_daily_rest._rest.helper import DailyRESTHelper
from pipecat_daily_rest._rest.room_lookup import get_room
from pipecat_daily_rest._rooms.bounds import Bounds
from pipecat_daily_rest._rooms.owned import OwnedRoom
from pipecat_daily_rest._rooms.provisioned import ProvisionedRoom
from pipecat_daily_rest._rooms.room_spec import RoomSpec
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
        params: The room's parameters; it is private unless they say otherwise. Not changed.
        room_url: A room that exists, to be used instead; ``DAILY_ROOM_URL`` when neither it nor
            ``params`` is given.
        lifetime: Seconds or a ``timedelta`` after which Daily ends the room and ejects everyone;
            1 hour when None.
        bot: Properties of the bot's token. Not changed.
        user: Properties of the user's token. Not changed.
        name_prefix: How the room's name begins.
        token_source: ``local`` signs tokens on this machine where that is possible, ``api`` has
            Daily create them.
        daily: A helper to use; it stays open.
        api_key: The API key; ``DAILY_API_KEY`` when None.
        api_url: The base URL of the API; ``DAILY_API_URL`` when None, else Daily's own.
        aiohttp_session: An aiohttp session to borrow; it stays open.

    Returns:
        An async context manager that gives the room.

    Raises:
        DailyConfigError: There is no key, or the arguments do not fit.
        DailyRoomExistsError: ``params.name`` is taken.
        DailyNotFoundError: The given room does not exist.
        DailyError: The room or a token could not be made; no room is left behind.
    """
    spec = RoomSpec(
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
    return provision(spec, Bounds())


@asynccontextmanager
async def provision(spec: RoomSpec, bounds: Bounds) -> AsyncIterator[ProvisionedRoom]:
    """Do what `provisioned_room` does, with the caller's own bounds for its end."""
    spec.check()
    lifetime = spec.seconds()
    url = spec.room_url
    if url is None and spec.params is None:
        url = settings.room_url()
    async with spec.helper() as helper:
        if url is None:
            room = await make_room(helper.api, spec, bounds)
        else:
            room = await use_room(helper.api, url, spec, lifetime)
        async with UntilTheEnd(room, bounds):
            yield room


class UntilTheEnd:
    """Deletes a room when the block ends, unless it is kept or was given."""

    def __init__(self, room: ProvisionedRoom, bounds: Bounds) -> None:
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
            if exc_type is GeneratorExit:  # the context manager was garbage-collected
                ownership.abandon()
        finally:
            await ownership.delete(self._bounds.delete())


async def use_room(api: API, url: str, spec: RoomSpec, lifetime: float) -> ProvisionedRoom:
    """Use a room that exists, with both tokens, valid for ``lifetime`` seconds at the most."""
    deadline = api.deadline()
    try:
        room = await get_room(api, room_names.from_url(url), deadline=deadline)
    except DailyNotFoundError as exc:
        exc.args = (f"{exc}: the room that was given does not exist, or has expired.",)
        raise
    end, expires_at = _expiry(room.config.exp)
    last = min(end or float("inf"), time.time() + lifetime)
    ejects = room.config.eject_at_room_exp is True
    tokens = RoomTokens(api, spec.token_source, room.name, last, room_ejects=ejects)
    both = await tokens.begin_both(*tokens.specs(spec.bot, spec.user), deadline)
    return ProvisionedRoom.of(room, tokens, both, expires_at=expires_at)


def _expiry(exp: Any) -> tuple[float | None, datetime | None]:
    """A room's ``exp`` as a number and as an instant; None when it has none that a calendar has."""
    try:
        return exp, datetime.fromtimestamp(exp, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None, None


async def make_room(api: API, spec: RoomSpec, bounds: Bounds) -> ProvisionedRoom:
    """Make a room and both tokens, or leave nothing behind."""
    body = spec.body()
    name, exp = body["name"], body["properties"]["exp"]
    tokens = RoomTokens(api, spec.token_source, name, exp, room_ejects=True)
    bot, user = tokens.specs(spec.bot, spec.user)
    creation = Creation(api, body, unique_name=spec.unique_name)
    ownership = OwnedRoom(
        api,
        name,
        expires_at=datetime.fromtimestamp(exp, UTC),
        is_ours=None if spec.unique_name else creation.is_ours,
    )
    deadline = api.deadline()
    room_task = asyncio.create_task(creation.run(deadline), name=f"create {name}")
    tokens_task = tokens.begin_both(bot, user, deadline, room=room_task)
    try:
        room = await asyncio.shield(room_task)
        ownership.confirm(room)
        ownership.may_be_created(creation.lost)
        both = await asyncio.shield(tokens_task)
    except BaseException:
        ownership.undo()
        await carry_out(
            lambda: _undo(room_task, tokens_task, creation, ownership, bounds), name=f"undo {name}"
        )
        raise
    return ProvisionedRoom.of(room, tokens, both, ownership=ownership)


async def _undo(
    room_task: asyncio.Task[DailyRoomObject],
    tokens_task: "asyncio.Future[Any]",
    creation: Creation,
    ownership: OwnedRoom,
    bounds: Bounds,
) -> None:
    """Delete the room, if there is one: a create that was sent is waited for."""
    tokens_task.cancel()
    await asyncio.gather(tokens_task, return_exceptions=True)
    if creation.may_exist:
        await asyncio.wait({room_task}, timeout=bounds.create())
    if not room_task.done():
        room_task.cancel()
        await asyncio.wait({room_task})
    if not room_task.cancelled() and room_task.exception() is None:
        ownership.confirm(room_task.result())
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
