# SPDX-License-Identifier: BSD-2-Clause
"""``--reload``: the room stays, and a new bot comes into it whenever the bot's files are saved.

Each bot is a process of its own, started by the server's launcher. This process holds the room and
never runs the bot's code.
"""

import asyncio
import os
import secrets
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

from loguru import logger

from pipecat_daily_rest._bot.bot_file import check_file
from pipecat_daily_rest._bot.output import say
from pipecat_daily_rest._core.waiting import finish
from pipecat_daily_rest._rooms.provisioned import ProvisionedRoom
from pipecat_daily_rest.errors import DailyError, DailyNotFoundError
from pipecat_daily_rest.models import DailyMeetingTokenProperties
from pipecat_daily_rest.runner.session import Ends, RoomSession
from pipecat_daily_rest.runner.watched_files import WatchedFiles
from pipecat_daily_rest.server.bot_program import BotProgram
from pipecat_daily_rest.server.bots import BotSource, reference
from pipecat_daily_rest.server.launcher import Ended, SessionSpec
from pipecat_daily_rest.server.process_launcher import ProcessLauncher

_BOT = "bot"
_LEAVE = 2.0  # seconds that a bot's process may go on when the bot has ended


@dataclass(kw_only=True)
class ReloadingSession(RoomSession):
    """A room, and one bot after another in it.

    Parameters:
        source: The bot's file, or the bot.
        program: What its processes are given.
    """

    source: BotSource
    program: BotProgram
    _bot: str = field(init=False)
    _files: WatchedFiles = field(init=False)
    _launcher: ProcessLauncher = field(init=False)
    _opened: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        """Find the bot's file."""
        if isinstance(self.source, str):
            check_file(self.source)
        super().__post_init__()
        self._bot = file = reference(self.source)
        if not os.path.isabs(file):  # module:function
            file = os.path.abspath(str(sys.modules[self.source.__module__].__file__))
        self._files = WatchedFiles(file)
        self._launcher = ProcessLauncher(program=self.program)

    @property
    def _id(self) -> str:
        return str(self.session_id)

    async def _in_rooms(self) -> None:
        """Run bots in a room, and in a new one when that is over."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._launcher.drain, 0.0)
            # The watchdog is for a bot that blocks this process, and none runs in it.
            stack.callback(asyncio.create_task(self._never_blocked()).cancel)
            while not self.ending.stop.is_set():
                await self._in_room()
                self.open_browser = False

    async def _never_blocked(self) -> None:
        await self.ending.stop.wait()
        self.ending.deleting.set()

    async def _run_bot(self, room: ProvisionedRoom) -> None:
        """Run one bot after another, until the room is over or there is a signal."""
        ends = Ends(self.ending, self.local, room)
        loop = asyncio.get_running_loop()
        tokens_end = loop.time() + self.request.seconds()
        bot = None
        try:
            await self._open()
            while not ends.over:
                user_id = f"bot-{secrets.token_hex(16)}"
                bot = await self._start(room, user_id)
                if not await self._until_saved(bot, ends):
                    break
                await self._stop(bot)
                if not await self.ending.unless_stopped(self._is_free(room, user_id)):
                    break
                if not room.owned and loop.time() > tokens_end:
                    break  # a given room stays, and gets new tokens and a new link
        finally:
            if bot is not None:
                await self._stop(bot)
            ends.close()
        ends.tell()

    async def _open(self) -> None:
        """Start what the bots' processes are forked from, once."""
        if not self._opened:
            self._opened = True
            opening = self._launcher.open({_BOT: self._bot}, lambda _: None)
            await self.ending.unless_stopped(opening)

    async def _start(self, room: ProvisionedRoom, user_id: str) -> asyncio.Task[Ended]:
        await self._files.take()
        properties = DailyMeetingTokenProperties(user_id=user_id)
        spec = SessionSpec(
            session_id=self._id,
            bot=self._bot,
            agent=_BOT,
            room_name=room.name,
            room_url=room.url,
            token=await room.create_token(properties, owner=True),
            body=self.body,
        )
        await self._launcher.start(spec)
        self._launcher.program = self.program
        return asyncio.create_task(self._launcher.ended(self._id), name="bot")

    async def _until_saved(self, bot: asyncio.Task[Ended], ends: Ends) -> bool:
        """Wait for a save, whether the bot goes on or not; False when there is an end first."""
        saved = asyncio.create_task(self._files.saved(), name="saved files")
        first = asyncio.FIRST_COMPLETED
        try:
            await asyncio.wait({bot, saved, *ends.tasks}, return_when=first)
            if not (saved.done() or ends.over):
                say(f"{_end_of(bot.result())} The room waits for the next save.")
                await asyncio.wait({saved, *ends.tasks}, return_when=first)
        finally:
            saved.cancel()
        if ends.over:
            return False
        say(str(saved.result()))
        self._launcher.program = replace(self.program, says="A new bot comes into the room.")
        return True

    async def _stop(self, bot: asyncio.Task[Ended]) -> None:
        """Tell the bot to end, and kill it after its grace; a second signal ends the grace."""
        telling = asyncio.create_task(self._launcher.stop(self._id, self.ending.grace()))
        hurry = asyncio.create_task(self.ending.hurry.wait())
        either = asyncio.wait({telling, hurry}, return_when=asyncio.FIRST_COMPLETED)
        try:
            await finish(asyncio.ensure_future(either))
            if not telling.done():
                telling.cancel()
                await self._launcher.stop(self._id, 0.0)
            await finish(bot, 1.0)
        finally:
            hurry.cancel()
        if not bot.done():
            msg = "The bot's process cannot be ended."
            raise DailyError(msg)

    async def _is_free(self, room: ProvisionedRoom, user_id: str) -> bool:
        """See that the old bot is out of the room; False when there is no such room any more.

        Daily may count a bot in whose process died, so it is ejected in any case. The new one has
        another ``user_id``: an ejection that takes effect late cannot meet it.
        """
        await self._launcher.gone(self._id, _LEAVE)
        async with self.request.helper() as daily:
            try:
                try:
                    await daily.eject(room.name, user_ids=[user_id])
                except DailyNotFoundError:  # also where nobody is in it
                    await daily.get_room(room.name)
            except DailyNotFoundError:
                logger.info("Room {} is no more", room.name)
                return False
            except DailyError as exc:
                logger.warning("It is unknown whether the old bot has left: {}", exc)
        return True


def _end_of(ended: Ended) -> str:
    """Say how a bot has ended; what its launcher says is a sentence about the bot already."""
    why = (ended.error or "").removesuffix(".")
    if why.startswith("The bot"):
        return f"{why}."
    return f"The bot has ended: {why}." if why else "The bot has ended."
