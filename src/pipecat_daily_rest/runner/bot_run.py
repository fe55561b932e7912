# SPDX-License-Identifier: BSD-2-Clause
"""One bot in one room, from the first request to the last."""

import argparse
import asyncio
import os
import sys
import uuid
import webbrowser
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from loguru import logger

from pipecat_daily_rest._bot.bot_file import Bot
from pipecat_daily_rest._bot.ending import Ending
from pipecat_daily_rest._bot.signals import say
from pipecat_daily_rest._core import arguments, daily_module
from pipecat_daily_rest._core.bot_check import check_bot
from pipecat_daily_rest._core.pipecat_version import runner_arguments
from pipecat_daily_rest._core.waiting import finish
from pipecat_daily_rest._rooms.provision import provision
from pipecat_daily_rest._rooms.provisioned import ProvisionedRoom
from pipecat_daily_rest._rooms.room_spec import RoomRequest
from pipecat_daily_rest.errors import DailyConfigError, DailyError
from pipecat_daily_rest.runner.local_child import LocalChild


class BotStillRunningError(DailyError):
    """The bot did not end when it was told to; its room was deleted all the same."""


@dataclass(kw_only=True)
class Session:
    """What one run of a bot needs.

    Parameters:
        bot: The bot.
        request: The room that it gets.
        ending: When it has to stop, and how fast.
        child: The local Daily that it runs on, if it does.
        body: ``runner_args.body``.
        session_id: ``runner_args.session_id``; a new UUID when None.
        cli_args: ``runner_args.cli_args``.
        open_browser: Whether the join link is opened.
        exit: The SystemExit that the bot raised, if it did.
    """

    bot: Bot
    request: RoomRequest
    ending: Ending
    child: LocalChild | None = None
    body: Any = None
    session_id: str | None = None
    cli_args: argparse.Namespace | None = None
    open_browser: bool = False
    exit: BaseException | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Check the bot.

        Raises:
            DailyConfigError: It cannot be a bot, the id is none, or Pipecat is too old.
        """
        check_bot(self.bot)
        runner_arguments()
        arguments.text("session_id", self.session_id)

    def use(self, child: LocalChild) -> None:
        """Run on a local Daily.

        The variables are set once more for the bot, since its own ``load_dotenv(override=True)``
        may have undone them; the session itself gets them passed.

        Args:
            child: The local Daily, started.
        """
        self.child = child
        self.request = replace(self.request, api_key=child.api_key, api_url=child.api_url)
        os.environ.update(child.env())

    async def run(self) -> None:
        """Provision, run the bot, delete.

        Returns when the bot has ended or was interrupted.

        Raises:
            BotStillRunningError: The bot did not end.
            DailyError: There is no room for it, or its local Daily ended.
            Exception: What the bot raised.
        """
        if self.ending.stop.is_set():
            self.ending.deleting.set()
            return
        self._in_call = False
        session = asyncio.create_task(self._in_room())
        stopped = asyncio.create_task(self.ending.stop.wait())
        try:
            await asyncio.wait({session, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not self._in_call:
                self.ending.deleting.set()
                session.cancel()  # does nothing to one that is over
            await finish(session)
        except asyncio.CancelledError:
            session.cancel()
            await finish(session)
            raise
        finally:
            stopped.cancel()
        if not session.cancelled():
            session.result()

    async def _in_room(self) -> None:
        room: ProvisionedRoom | None = None
        try:
            async with provision(self.request, self.ending) as room:
                self._check_stand_in(room)
                self._announce(room)
                self._in_call = True
                await self._in_the_call(room)
        finally:
            if room is not None:
                self._tell_end(room)

    def _check_stand_in(self, room: ProvisionedRoom) -> None:
        """A join by daily-python would hang for 19 s and never end."""
        if room.is_local and daily_module.would_be_real():
            raise DailyConfigError(f"The room is a local one. {daily_module.WAY_OUT}")

    def _announce(self, room: ProvisionedRoom) -> None:
        if room.sip_endpoint:
            say(f"SIP: {room.sip_endpoint}")
        say("Talk to the bot (Ctrl-C ends it, and its room):")
        # One plain line, so that a terminal, a script and a person can all take it as it is.
        say(str(room.join_url))
        if self.open_browser:
            asyncio.get_running_loop().run_in_executor(None, webbrowser.open, str(room.join_url))

    async def _in_the_call(self, room: ProvisionedRoom) -> None:
        given = room.runner_args(self.body, self.session_id or str(uuid.uuid4()))
        given.cli_args = self.cli_args
        running = arguments.awaitable("bot", self.bot(given))
        bot = asyncio.create_task(_guarded(running), name="bot")
        stopped = asyncio.create_task(self.ending.stop.wait())
        died = asyncio.create_task(self.child.died() if self.child else _never())
        over = asyncio.create_task(_until(room.expires_at if room.owned else None))
        waits = {stopped, died, over}
        try:
            await asyncio.wait({bot, *waits}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._stop(bot)
            self.ending.deleting.set()
            for task in waits:
                task.cancel()
        if died.done() and not died.cancelled():
            room.forget()
            msg = "The local Daily ended before the bot did, and its rooms with it."
            raise DailyError(msg)
        if over.done() and not over.cancelled():
            logger.info("The lifetime of room {} is over", room.name)
        if not bot.done():
            msg = "The bot did not end when it was told to stop: it was ended with its process."
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

    def _tell_end(self, room: ProvisionedRoom) -> None:
        if room.gone:
            say(f"Room {room.name} deleted")
        elif room.owned and not (self.child and self.child.ended):
            end = f"{room.expires_at:%Y-%m-%d %H:%M:%S %Z}"
            say(f"Room {room.name} was not deleted; it ends at {end}", file=sys.stderr)


async def _guarded(bot: Awaitable[Any]) -> BaseException | None:
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
