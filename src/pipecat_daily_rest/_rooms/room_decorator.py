# SPDX-License-Identifier: BSD-2-Clause
"""deletes_room(): a bot that another runner created a room for deletes it when it ends."""

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
from pipecat_daily_rest._rooms.access import Access
from pipecat_daily_rest._rooms.owned import owned_rooms, process_rooms
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

# Errors that every bot of this process would get: each is logged once.
_LOGGED_ONCE = (DailyAuthenticationError, DailyForbiddenError, DailyConfigError)
_logged: set[type[DailyError]] = set()


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

    Those create a room for each session and never delete it::

        @deletes_room
        async def bot(runner_args: RunnerArguments):
            ...

    The room of ``runner_args.room_url`` is deleted when the bot returns, raises or is cancelled.
    It stays if it is ``DAILY_ROOM_URL``, if it has no ``exp``, since such a room was made to stay,
    if a `provisioned_room` of this process owns it, or if it is not of the key's domain. A failure
    is logged and never replaces what the bot raised; a key that is missing or refused is logged
    once.

    Under a server that gets SIGTERM a bot may never end: `drain_on_exit` in its lifespan deletes
    these rooms too. Rooms of `provisioned_room` and of this package's runner need neither.

    Args:
        bot: The bot.
        only: Tells whether a room may be deleted; called last.
        api_key: The API key; ``DAILY_API_KEY`` when None.
        api_url: The base URL of the API; ``DAILY_API_URL`` when None, else Daily's own.

    Returns:
        The bot, or a decorator when no bot was passed. The bot ends at the latest 10 s later than
        without it.

    Raises:
        DailyConfigError: An argument has the wrong type or value.
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
            deletion = _Deletion(url, only, api_key, api_url)
            process_rooms.lent.add(deletion.run)
            try:
                result = await bot(*args, **kwargs)
            except GeneratorExit:  # garbage-collected: nothing can be awaited any more
                raise
            except BaseException:
                # What the bot raised is not replaced by a cancellation during the deletion.
                with suppress(asyncio.CancelledError):
                    await deletion.run()
                raise
            await deletion.run()
            return result

        return deleting

    return decorate if bot is None else decorate(bot)


@dataclass(eq=False)
class _Deletion:
    """The deletion of one bot's room."""

    url: str
    only: _Only | None
    api_key: str | None = field(repr=False)
    api_url: str | None
    # As it was before the bot, which may load a .env of its own.
    daily_room_url: str | None = field(default_factory=settings.room_url)
    task: "asyncio.Task[bool] | None" = None

    async def run(self, bound: float | None = None) -> bool:
        """Delete the room, once, whatever happens to the caller; tell whether it is gone or stays."""
        bound = Timings.current().delete if bound is None else bound
        if self.task is None or self.task.get_loop() is not asyncio.get_running_loop():
            delete = carry_out(lambda: self._delete(bound), bound=bound)
            self.task = asyncio.create_task(delete)
        task = self.task
        try:
            await finish(task, bound)
        finally:
            process_rooms.lent.discard(self.run)
            if not task.done():
                task.cancel()
                logger.error("A bot's room could not be deleted: no answer within {:g} s", bound)
        return task.done() and not task.cancelled() and task.result()

    async def _delete(self, bound: float) -> bool:
        """Never raises but a cancellation."""
        name = None
        try:
            name = room_names.from_url(self.url)
            why = self._why_it_stays(name)
            if not why:
                access = Access(api_key=self.api_key, api_url=self.api_url)
                async with access.helper() as helper:
                    deadline = Deadline(bound)
                    room = await get_room(helper.api, name, deadline=deadline)
                    why = self._why_this_stays(room)
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
            if not isinstance(exc, _LOGGED_ONCE) or type(exc) not in _logged:
                logger.error("Room {} could not be deleted: {}", name, exc)
            _logged.add(type(exc))
        except Exception as exc:
            logger.error("Room {} is not deleted: `only` raised {!r}", name, exc)
        return False

    def _why_it_stays(self, name: str) -> str:
        for url in (self.daily_room_url, settings.room_url()):
            if url is not None and _place(url)[1] == name:
                return "it is DAILY_ROOM_URL"
        if any(name == owned.name for owned in owned_rooms()):
            return "the block that owns it deletes it"
        return ""

    def _why_this_stays(self, room: DailyRoomObject) -> str:
        if _place(room.url) != _place(self.url):
            return "the room of that name in the key's domain is another one"
        if room.config.exp is None:
            return "it has no exp, so it was made to stay"
        if self.only is not None and not self.only(room):
            return "`only` returned false"
        return ""


def _place(url: str) -> tuple[str, str]:
    """The host of a room and its name there."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.netloc.lower(), parts.path.strip("/")
