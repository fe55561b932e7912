# SPDX-License-Identifier: BSD-2-Clause
"""One session on its way: from its slot to a room, a bot in it, and one end."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass

from loguru import logger

from pipecat_daily_rest._bot.bot_traceback import shown
from pipecat_daily_rest._core.waiting import finish, unless
from pipecat_daily_rest._rooms.provisioned import ProvisionedRoom
from pipecat_daily_rest.errors import DailyError
from pipecat_daily_rest.server.bot_user import bot_user_id
from pipecat_daily_rest.server.burst import Burst
from pipecat_daily_rest.server.error_line import one_line
from pipecat_daily_rest.server.errors import TRY_AGAIN, Draining, SessionError, UnknownSession
from pipecat_daily_rest.server.launcher import Ended, Launcher, SessionSpec
from pipecat_daily_rest.server.presence import PresenceWatch, Watched
from pipecat_daily_rest.server.rooms import SessionRooms
from pipecat_daily_rest.server.session import EndReason, Session
from pipecat_daily_rest.server.spans import Spans
from pipecat_daily_rest.server.start_request import StartRequest

_LAUNCH = 5.0  # seconds in which a launcher has started a bot
_REASONS = {"finished": EndReason.FINISHED, "error": EndReason.ERROR, "lost": EndReason.LOST}


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What all sessions of a server share. The times are seconds; None is never."""

    bots: Mapping[str, str]
    rooms: SessionRooms
    launcher: Launcher
    presence: PresenceWatch
    burst: Burst
    max_duration: float
    join_timeout: float | None
    empty_timeout: float | None
    start_timeout: float
    stop_grace: float


class SessionRun:
    """Carries one session from its slot to its end.

    Parameters:
        ready: Done when the session has its room, or why it gets none.
    """

    def __init__(
        self, session: Session, request: StartRequest, shared: Shared, spans: Spans
    ) -> None:
        """Initialize; see `to_end`."""
        self._spans = spans
        self._session = session
        self._request = request
        self._shared = shared
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ready.add_done_callback(lambda done: done.cancelled() or done.exception())
        shared.burst.add(self.ready)

    @property
    def started(self) -> bool:
        """Whether it got as far as to have a room."""
        return self.ready.done() and self.ready.exception() is None

    async def to_end(self) -> tuple[EndReason, str | None]:
        """Make the room, run the bot in it, delete the room; tell why it has ended."""
        try:
            async with AsyncExitStack() as stack:
                room = await self._room(stack)
                self.ready.set_result(None)
                with self._spans.step("session.bot") as traceparent:
                    reason, error = await self._with_bot(room, traceparent)
                asked_for = self._session.asked_for
        except Exception as exc:
            asked_for = self._session.asked_for
            if not self.started:
                self.ready.set_exception(exc)
                return asked_for or EndReason.ERROR, None if asked_for else one_line(exc)
            # Not `logger.exception`: an app's own handler may show the values of frames.
            logger.bind(**self._session.log_fields).error(
                "Session {} failed.\n{}", self._session.id, shown(exc)
            )
            return asked_for or EndReason.ERROR, one_line(exc)
        finally:
            if not self.ready.done():  # the event loop ends
                self.ready.set_exception(self._ended_before())
        if room is not None and room.found_gone and asked_for is None:
            reason = EndReason.ROOM_GONE
        return reason, error

    async def _room(self, stack: AsyncExitStack) -> ProvisionedRoom | None:
        """Make the session's room, unless it is to end first."""
        session = self._session
        if not self._request.create_room:
            return None
        teardown = stack.enter_context(ExitStack())
        with self._spans.step("daily.provision"):
            making = stack.enter_async_context(self._shared.rooms.room(session.id, self._request))
            room = await unless(session.asked(), making)
            if room is None:
                raise self._ended_before()
        # It begins before the room is deleted, and ends after that.
        stack.callback(lambda: teardown.enter_context(self._spans.step("daily.teardown")))
        session.room_name, session.room_url = room.name, room.url
        session.user_token, session.room_expires_at = room.user_token, room.expires_at
        return room

    def _ended_before(self) -> SessionError:
        msg = "The session was ended before it had a room."
        if self._session.asked_for in (None, EndReason.DRAINED):
            return Draining(msg, retry_after=TRY_AGAIN)
        return UnknownSession(msg)

    async def _with_bot(
        self, room: ProvisionedRoom | None, traceparent: str | None
    ) -> tuple[EndReason, str | None]:
        session = self._session
        spec = SessionSpec(
            session_id=session.id,
            bot=self._shared.bots[session.agent],
            agent=session.agent,
            room_name=session.room_name,
            room_url=session.room_url,
            token=room.bot_token if room is not None else None,
            body=self._request.body,
            traceparent=traceparent,
        )
        launch = asyncio.create_task(self._launch(spec), name=f"launch of session {session.id}")
        bot = asyncio.create_task(self._bot(launch), name=f"bot of session {session.id}")
        try:
            if room is not None:
                self._watch(room)
            return await self._until_over(launch, bot)
        except Exception:
            await self._tell(self._shared.stop_grace)  # the launcher has failed, the bot may run
            raise
        finally:
            if room is not None:
                self._shared.presence.remove(room.name)
            bot.cancel()

    async def _launch(self, spec: SessionSpec) -> bool:
        """Start the bot, unless the session is to end before."""
        await self._shared.burst.over()
        if self._session.asked_for is not None:
            return False
        await self._shared.launcher.start(spec)
        return True

    async def _bot(self, launch: asyncio.Task[bool]) -> Ended:
        if await launch:
            return await self._shared.launcher.ended(self._session.id)
        return Ended(outcome="finished")

    def _watch(self, room: ProvisionedRoom) -> None:
        shared = self._shared
        if shared.join_timeout is None and shared.empty_timeout is None:
            return
        shared.presence.add(
            Watched(
                room=room.name,
                bot=bot_user_id(self._session.id),
                since=asyncio.get_running_loop().time(),
                join_timeout=shared.join_timeout,
                empty_timeout=shared.empty_timeout,
                end=self._session.ask,
            )
        )

    async def _until_over(
        self, launch: asyncio.Task[bool], bot: asyncio.Task[Ended]
    ) -> tuple[EndReason, str | None]:
        """Wait for the end of the bot, or for a reason to end it, and end it then."""
        session, late = self._session, None
        asked = asyncio.create_task(session.asked())
        began = asyncio.create_task(session.began.wait())
        try:
            await asyncio.wait(
                {bot, asked, began},
                timeout=self._shared.start_timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not (bot.done() or asked.done() or began.done()):
                late = (
                    f"The bot's code did not begin to run within {self._shared.start_timeout:g} s."
                )
                session.ask(EndReason.ERROR)
            elif not (bot.done() or asked.done()):
                lived = asyncio.get_running_loop().time() - session.created
                await asyncio.wait(
                    {bot, asked},
                    timeout=max(0.0, self._shared.max_duration - lived),
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
            logger.bind(**session.log_fields).error(
                "Session {}: the bot could not be started: {}", session.id, exc
            )
            return session.asked_for or EndReason.ERROR, one_line(exc)
        return session.asked_for or _REASONS[ended.outcome], late or ended.error

    async def _stop(self, launch: asyncio.Task[bool], bot: asyncio.Task[Ended]) -> None:
        """Tell the bot to end, and again when somebody asks with a grace that ends earlier."""
        session, loop = self._session, asyncio.get_running_loop()
        await asyncio.wait({launch}, timeout=_LAUNCH)  # a bot that is on its way cannot be told
        grace = self._shared.stop_grace if session.grace is None else session.grace
        until = loop.time() + grace
        telling = asyncio.create_task(self._tell(grace))
        while not telling.done():
            session.hurried.clear()
            hurried = asyncio.create_task(session.hurried.wait())
            await asyncio.wait({telling, hurried}, return_when=asyncio.FIRST_COMPLETED)
            hurried.cancel()
            if hurried.done() and session.grace is not None and loop.time() + session.grace < until:
                until = loop.time() + session.grace
                telling.cancel()
                telling = asyncio.create_task(self._tell(session.grace))
        await asyncio.wait({bot}, timeout=1.0)

    async def _tell(self, grace: float) -> None:
        session = self._session
        with logger.contextualize(**session.log_fields):
            try:
                await self._shared.launcher.stop(session.id, grace)
            except Exception as exc:
                logger.error("Session {}: the bot was not told to end.\n{}", session.id, shown(exc))
