# SPDX-License-Identifier: BSD-2-Clause
"""deletes_room(): a bot in a room that somebody else's runner made deletes it when it ends."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar, overload
from urllib.parse import urlsplit

from loguru import logger

from pipecat_daily_rest._core import arguments, room_names, settings
from pipecat_daily_rest._core.bot_check import check_bot
from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._core.secret import secret
from pipecat_daily_rest._core.timings import Timings
from pipecat_daily_rest._core.waiting import carry_out, finish
from pipecat_daily_rest._rest.deletion_batcher import delete_room
from pipecat_daily_rest._rest.room_lookup import get_room
from pipecat_daily_rest._rooms.owned import owned_rooms, process_rooms
from pipecat_daily_rest._rooms.room_spec import RoomRequest
from pipecat_daily_rest.errors import (
    DailyAuthenticationError,
    DailyConfigError,
    DailyError,
    DailyForbiddenError,
    DailyNotFoundError,
)
from pipecat_daily_rest.models import DailyRoomObject

P = ParamSpec("P")
R = TypeVar("R")
_Bot = Callable[P, Coroutine[Any, Any, R]]
_Only = Callable[[DailyRoomObject], bool]

# What the next bot of this process would meet as well.
_SAID_ONCE = (DailyAuthenticationError, DailyForbiddenError, DailyConfigError)
_said: set[type[DailyError]] = set()


@overload
def deletes_room(bot: _Bot[P, R]) -> _Bot[P, R]: ...


@overload
def deletes_room(
    bot: None = None,
    *,
    only: _Only | None = None,
    api_key: str | None = None,
    api_url: str | None = None,
) -> Callable[[_Bot[P, R]], _Bot[P, R]]: ...


def deletes_room(
    bot: _Bot[P, R] | None = None,
    *,
    only: _Only | None = None,
    api_key: str | None = None,
    api_url: str | None = None,
) -> _Bot[P, R] | Callable[[_Bot[P, R]], _Bot[P, R]]:
    """Delete the room of a bot that Pipecat's own runner or Pipecat Cloud runs, when the bot ends.

    Those make a room for each session and never delete it::

        @deletes_room
        async def bot(runner_args: RunnerArguments):
            ...

    The room of ``runner_args.room_url`` goes when the bot returns, raises or is cancelled. A room
    stays that equals ``DAILY_ROOM_URL``, that has no ``exp``, since such a room was made to stay,
    that a `provisioned_room` of this process owns, or that is not of the key's domain. What goes
    wrong is logged and never replaces what the bot raised; a key that is missing or refused is
    logged once.

    Under a server that gets SIGTERM a bot's end may never come: `drain_on_exit` in its lifespan
    counts these rooms, too. Rooms of `provisioned_room` and of this package's runner need neither.

    Args:
        bot: The bot.
        only: Tells whether a room may be deleted; asked last.
        api_key: The API key; ``DAILY_API_KEY`` when None.
        api_url: The base URL of the API; ``DAILY_API_URL`` when None, else Daily's own.

    Returns:
        The bot, or a decorator when no bot was passed. The bot ends at the latest 10 s later than
        without it.

    Raises:
        DailyConfigError: An argument cannot be one.
    """
    api_key = secret(api_key)
    if only is not None:
        arguments.function("only", only)
    arguments.text("api_key", api_key)
    arguments.text("api_url", api_url)

    def decorate(bot: _Bot[P, R]) -> _Bot[P, R]:
        check_bot(bot, more=True)

        @functools.wraps(bot)
        async def deleting(*args: P.args, **kwargs: P.kwargs) -> R:
            given = (getattr(each, "room_url", None) for each in (*args, *kwargs.values()))
            url = next((each for each in given if isinstance(each, str) and each), None)
            if url is None:
                return await bot(*args, **kwargs)
            end = _End(url, only, api_key, api_url)
            process_rooms.lent.add(end.come)
            try:
                result = await bot(*args, **kwargs)
            except GeneratorExit:  # thrown away: nothing can be awaited any more
                raise
            except BaseException:
                # What the bot raised is not replaced by a cancellation during the deletion.
                with suppress(asyncio.CancelledError):
                    await end.come()
                raise
            await end.come()
            return result

        return deleting

    return decorate if bot is None else decorate(bot)


@dataclass(eq=False)
class _End:
    """The end of one bot's room."""

    url: str
    only: _Only | None
    api_key: str | None = field(repr=False)
    api_url: str | None
    # The bot may load a .env of its own: what was set before it counts as well.
    standing: str | None = field(default_factory=settings.room_url)
    deletion: "asyncio.Task[bool] | None" = None

    async def come(self, bound: float | None = None) -> bool:
        """Delete the room, once, within the bound, whatever happens to the caller.

        Gives whether it is gone, or is to stay.
        """
        bound = Timings.current().delete if bound is None else bound
        if self.deletion is None or self.deletion.get_loop() is not asyncio.get_running_loop():
            delete = carry_out(lambda: self._delete(bound), bound=bound)
            self.deletion = asyncio.create_task(delete)
        deletion = self.deletion
        try:
            await finish(deletion, bound)
        finally:
            process_rooms.lent.discard(self.come)
            if not deletion.done():
                deletion.cancel()
                logger.error("A bot's room could not be deleted: no answer within {:g} s", bound)
        return deletion.done() and not deletion.cancelled() and deletion.result()

    async def _delete(self, bound: float) -> bool:
        """Never raises but a cancellation."""
        name = None
        try:
            name = room_names.from_url(self.url)
            why = self._why_not_asked(name)
            if not why:
                request = RoomRequest(api_key=self.api_key, api_url=self.api_url)
                async with request.helper() as helper:
                    deadline = Deadline(bound)
                    room = await get_room(helper.api, name, deadline=deadline)
                    why = self._why_not(room)
                    if not why:
                        await delete_room(helper.api, name, deadline=deadline)
                        logger.info("Room {} deleted", name)
            if why:
                logger.debug("Room {} is not deleted: {}", name, why)
            return True
        except DailyNotFoundError:
            logger.debug("Room {} is gone already", name)
            return True
        except DailyError as exc:
            if not isinstance(exc, _SAID_ONCE) or type(exc) not in _said:
                logger.error("Room {} could not be deleted: {}", name, exc)
            _said.add(type(exc))
        except Exception as exc:
            logger.error("Room {} is not deleted: `only` raised {!r}", name, exc)
        return False

    def _why_not_asked(self, name: str) -> str:
        for standing in (self.standing, settings.room_url()):
            if standing is not None and _place(standing)[1] == name:
                return "it is DAILY_ROOM_URL"
        if any(name == owned.name for owned in owned_rooms()):
            return "its owner deletes it"
        return ""

    def _why_not(self, room: DailyRoomObject) -> str:
        if _place(room.url) != _place(self.url):
            return "its namesake in the key's domain is another room"
        if room.config.exp is None:
            return "it has no exp, so it was made to stay"
        if self.only is not None and not self.only(room):
            return "`only` says so"
        return ""


def _place(url: str) -> tuple[str, str]:
    """Where a room is: the host, and the name there."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.netloc.lower(), parts.path.strip("/")
