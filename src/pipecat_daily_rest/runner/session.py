# SPDX-License-Identifier: BSD-2-Clause
"""A session, from the start of its local Daily to the deletion of its room."""

import argparse
import asyncio
import os
import sys
import uuid
import webbrowser
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from loguru import logger

from pipecat_daily_rest._bot.bot_file import Bot
from pipecat_daily_rest._bot.ending import Ending
from pipecat_daily_rest._bot.output import say
from pipecat_daily_rest._core import arguments, daily_module
from pipecat_daily_rest._core.bot_check import check_bot
from pipecat_daily_rest._core.pipecat_version import runner_arguments
from pipecat_daily_rest._core.waiting import finish
from pipecat_daily_rest._rooms.provision import provision
from pipecat_daily_rest._rooms.provisioned import ProvisionedRoom
from pipecat_daily_rest._rooms.room_spec import RoomSpec
from pipecat_daily_rest.errors import DailyConfigError, DailyError
from pipecat_daily_rest.runner.local_daily_process import LocalDailyProcess


class BotStillRunningError(DailyError):
    """The bot did not end when it was told to stop; its room was deleted anyway."""


class Ends:
    """What ends a bot from outside: a signal, its local Daily's end, its room's.

    Parameters:
        tasks: One for each; the first that is done is the reason.
    """

    def __init__(
        self, ending: Ending, local: LocalDailyProcess | None, room: ProvisionedRoom
    ) -> None:
        """Begin to wait for them."""
        self._room = room
        self._died = asyncio.create_task(local.died() if local else _never())
        self._expired = asyncio.create_task(_until(room.expires_at if room.owned else None))
        self.tasks = {asyncio.create_task(ending.stop.wait()), self._died, self._expired}

    @property
    def over(self) -> bool:
        """Whether one of them has happened."""
        return any(task.done() for task in self.tasks)

    def close(self) -> None:
        """Wait no longer."""
        for task in self.tasks:
            task.cancel()

    def tell(self) -> None:
        """Log the end of the room's lifetime, or raise that the local Daily has ended."""
        if self._died.done() and not self._died.cancelled():
            self._room.release()
            msg = "The local Daily ended before the bot did, and with it the room."
            raise DailyError(msg)
        if self._expired.done() and not self._expired.cancelled():
            logger.info("The lifetime of room {} is over", self._room.name)


@dataclass(kw_only=True)
class RoomSession(ABC):
    """A session: what does not depend on how its bot is run.

    Parameters:
        request: The room that it gets.
        ending: When it has to stop, and how fast.
        local: The local Daily to start for it; None on Daily's own.
        body: ``runner_args.body``.
        session_id: ``runner_args.session_id``; a new UUID when None.
        open_browser: Whether the join link is opened.
        exit: The SystemExit or KeyboardInterrupt that the bot raised.
    """

    request: RoomSpec
    ending: Ending
    local: LocalDailyProcess | None = None
    body: Any = None
    session_id: str | None = None
    open_browser: bool = False
    exit: BaseException | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Check what is known before anything is started."""
        runner_arguments()
        self.session_id = arguments.text("session_id", self.session_id) or str(uuid.uuid4())

    async def run(self) -> None:
        """Make the room, run the bot in it, delete the room; raises what the bot raised.

        A signal before the bot was started ends this without one.
        """
        async with AsyncExitStack() as stack:
            if self.local is not None:
                starting = stack.enter_async_context(self.local)
                if await self.ending.unless_stopped(starting) is None:
                    return
                self.use(self.local)
            await self._in_rooms()

    def use(self, local: LocalDailyProcess) -> None:
        """Make the room in a local Daily, and let the bot find it.

        The bot's own ``load_dotenv(override=True)`` may have set the variables to something else.
        """
        self.request = replace(self.request, api_key=local.api_key, api_url=local.api_url)
        os.environ.update(local.env())

    async def _in_rooms(self) -> None:
        await self._in_room()

    async def _in_room(self) -> None:
        if self.ending.stop.is_set():
            return
        room: ProvisionedRoom | None = None
        try:
            async with AsyncExitStack() as stack:
                made = stack.enter_async_context(provision(self.request, self.ending))
                room = await self.ending.unless_stopped(made)
                if room is None or self.ending.stop.is_set():
                    return
                # A join by daily-python would hang for 19 s and never end.
                if room.is_local and daily_module.would_be_real():
                    raise DailyConfigError(f"The room is a local one. {daily_module.WAY_OUT}")
                self._announce(room)
                await self._run_bot(room)
        finally:
            if room is not None:
                self._tell_end(room)

    def _announce(self, room: ProvisionedRoom) -> None:
        if room.sip_endpoint:
            say(f"SIP: {room.sip_endpoint}")
        say("Talk to the bot (Ctrl-C stops it and deletes its room):")
        # One plain line, so that a terminal, a script and a person can all take it as it is.
        say(str(room.join_url))
        if self.local is not None:
            self.local.announce()
        if self.open_browser:
            asyncio.get_running_loop().run_in_executor(None, webbrowser.open, str(room.join_url))

    @abstractmethod
    async def _run_bot(self, room: ProvisionedRoom) -> None:
        """Run the bot, or one bot after another, until the room is over."""

    def _tell_end(self, room: ProvisionedRoom) -> None:
        if room.gone:
            say(f"Room {room.name} deleted")
        elif room.owned and not (self.local and self.local.ended):
            end = f"{room.expires_at:%Y-%m-%d %H:%M:%S %Z}"
            say(f"Room {room.name} was not deleted; it expires at {end}", file=sys.stderr)


@dataclass(kw_only=True)
class Session(RoomSession):
    """One run of a bot in this process.

    Parameters:
        bot: The bot.
        cli_args: ``runner_args.cli_args``.
    """

    bot: Bot
    cli_args: argparse.Namespace | None = None

    def __post_init__(self) -> None:
        """Check what is known before anything is started."""
        check_bot(self.bot)
        super().__post_init__()

    async def _run_bot(self, room: ProvisionedRoom) -> None:
        """Run the bot until it ends, is told to stop, or its room or its local Daily is gone."""
        given = room.runner_args(self.body, self.session_id)
        given.cli_args = self.cli_args
        running = arguments.awaitable("bot", self.bot(given))
        bot = asyncio.create_task(_catching_exit(running), name="bot")
        ends = Ends(self.ending, self.local, room)
        try:
            await asyncio.wait({bot, *ends.tasks}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._stop(bot)
            self.ending.deleting.set()
            ends.close()
        ends.tell()
        if not bot.done():
            msg = "The bot did not end when it was told to stop, so its process was ended."
            raise BotStillRunningError(msg)
        if not bot.cancelled():
            self.exit = bot.result()

    async def _stop(self, bot: asyncio.Task[Any]) -> None:
        """Tell the bot to end, and give it its grace; a second signal ends the grace."""
        if bot.done():
            return
        bot.cancel()
        hurry = asyncio.create_task(self.ending.hurry.wait())
        first = asyncio.ensure_future(
            asyncio.wait(
                {bot, hurry}, timeout=self.ending.grace(), return_when=asyncio.FIRST_COMPLETED
            )
        )
        try:
            await finish(first)
        finally:
            hurry.cancel()


async def _catching_exit(bot: Awaitable[Any]) -> BaseException | None:
    """A SystemExit in a task would tear the event loop down before the room is deleted."""
    try:
        await bot
    except (SystemExit, KeyboardInterrupt) as exc:
        return exc
    return None


async def _never() -> None:
    await asyncio.Event().wait()


async def _until(instant: datetime | None) -> None:
    if instant is None:
        await _never()
    else:
        await asyncio.sleep(max(0.0, (instant - datetime.now(UTC)).total_seconds()) + 1)
