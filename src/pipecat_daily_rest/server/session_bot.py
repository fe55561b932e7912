# SPDX-License-Identifier: BSD-2-Clause
"""The bot of one session, from its launch to its end."""

import asyncio

from loguru import logger

from pipecat_daily_rest._core.waiting import finish
from pipecat_daily_rest.errors import DailyError
from pipecat_daily_rest.server.burst import Burst
from pipecat_daily_rest.server.launcher import Ended, Launcher, SessionSpec
from pipecat_daily_rest.server.run_bot import one_line
from pipecat_daily_rest.server.session import EndReason, Session

_LAUNCH = 5.0  # seconds in which a launcher has started a bot
_REASONS = {"finished": EndReason.FINISHED, "error": EndReason.ERROR, "lost": EndReason.LOST}


class SessionBot:
    """The bot of one session."""

    def __init__(
        self,
        session: Session,
        launcher: Launcher,
        burst: Burst,
        *,
        start_timeout: float,
        max_duration: float,
        stop_grace: float,
    ) -> None:
        """Initialize; the times are in seconds, as for `Sessions`."""
        self._session = session
        self._launcher = launcher
        self._burst = burst
        self._start_timeout = start_timeout
        self._max_duration = max_duration
        self._stop_grace = stop_grace

    async def run(self, spec: SessionSpec) -> tuple[EndReason, str | None]:
        """Launch the bot, and wait for its end; give the reason and what went wrong."""
        id = self._session.id
        launch = asyncio.create_task(self._launch(spec), name=f"launch of session {id}")
        bot = asyncio.create_task(self._end(launch), name=f"bot of session {id}")
        try:
            return await self._until_over(launch, bot)
        finally:
            bot.cancel()

    async def _launch(self, spec: SessionSpec) -> bool:
        """Start the bot, unless the session is to end before."""
        await self._burst.over()
        if self._session.asked_for is not None:
            return False
        await self._launcher.start(spec)
        return True

    async def _end(self, launch: asyncio.Task[bool]) -> Ended:
        if await launch:
            return await self._launcher.ended(self._session.id)
        return Ended(outcome="finished")

    async def _until_over(
        self, launch: asyncio.Task[bool], bot: asyncio.Task[Ended]
    ) -> tuple[EndReason, str | None]:
        session = self._session
        asked = asyncio.create_task(session.asked())
        began = asyncio.create_task(session.began.wait())
        late = None
        try:
            await asyncio.wait(
                {bot, asked, began},
                timeout=self._start_timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not (bot.done() or asked.done() or began.done()):
                late = f"The bot's code did not begin to run within {self._start_timeout:g} s."
                session.ask(EndReason.ERROR)
            elif not (bot.done() or asked.done()):
                lived = asyncio.get_running_loop().time() - session.created
                await asyncio.wait(
                    {bot, asked},
                    timeout=max(0.0, self._max_duration - lived),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if not (bot.done() or asked.done()):
                    session.ask(EndReason.MAX_DURATION)
        finally:
            asked.cancel()
            began.cancel()
            if not bot.done():
                await finish(asyncio.create_task(self._stop(launch, bot)))
        if not bot.done():
            return session.asked_for or EndReason.DRAINED, late or "The bot did not end."
        try:
            ended = bot.result()
        except (DailyError, OSError) as exc:  # as no descriptor or no process left
            logger.error("Session {}: the bot could not be started: {}", session.id, exc)
            return session.asked_for or EndReason.ERROR, one_line(exc)
        return session.asked_for or _REASONS[ended.outcome], late or ended.error

    async def _stop(self, launch: asyncio.Task[bool], bot: asyncio.Task[Ended]) -> None:
        """Tell the bot to end. A stop with a shorter grace, or the drain's, shortens the wait."""
        await asyncio.wait({launch}, timeout=_LAUNCH)  # a bot that is on its way cannot be told
        grace = self._stop_grace if self._session.grace is None else self._session.grace
        await self._launcher.stop(self._session.id, grace)
        await asyncio.wait({bot}, timeout=1.0)
