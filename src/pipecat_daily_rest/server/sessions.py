# SPDX-License-Identifier: BSD-2-Clause
"""Sessions: starts, lists, stops and drains many runs of bots, each in a room of its own."""

import asyncio
import inspect
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from loguru import logger

from pipecat_daily_rest._core import arguments, settings
from pipecat_daily_rest._core.secret import secret
from pipecat_daily_rest._core.waiting import finish
from pipecat_daily_rest._rest.helper import DailyRESTHelper
from pipecat_daily_rest._rooms.provisioned import ProvisionedRoom
from pipecat_daily_rest.errors import DailyConfigError, DailyError
from pipecat_daily_rest.models import DailyRoomParams
from pipecat_daily_rest.server.bots import BotSource
from pipecat_daily_rest.server.burst import Burst
from pipecat_daily_rest.server.drain_signals import DrainSignals
from pipecat_daily_rest.server.errors import AtCapacity, Draining, UnknownSession
from pipecat_daily_rest.server.history import History
from pipecat_daily_rest.server.launcher import Ended, Launcher, OnEnd, SessionSpec
from pipecat_daily_rest.server.launchers import launcher_of
from pipecat_daily_rest.server.presence import PresenceWatch, Watched
from pipecat_daily_rest.server.rooms import SessionRooms
from pipecat_daily_rest.server.run_bot import one_line
from pipecat_daily_rest.server.session import EndReason, Session, SessionState
from pipecat_daily_rest.server.start_request import StartRequest

_FULL = 5.0  # seconds after which a full server is worth another try
_LAUNCH = 5.0  # seconds in which a launcher has started a bot
_READY = 2.0  # seconds in which a launcher has to tell whether it is ready
_REASONS = {"finished": EndReason.FINISHED, "error": EndReason.ERROR, "lost": EndReason.LOST}


class Sessions:
    """Many runs of bots: a slot, a room, a bot and one end for each.

    ::

        async with Sessions("bot.py", max_sessions=20) as sessions:
            session = await sessions.start(StartRequest(body={"who": "Ana"}))
            print(session.room_url)
            print((await session.wait()).reason)
    """

    def __init__(
        self,
        bot: BotSource | Mapping[str, BotSource],
        *,
        max_sessions: int,
        launcher: str | Launcher = "process",
        pool: int = 0,
        params: DailyRoomParams | None = None,
        max_duration: timedelta | float = 3600.0,
        join_timeout: timedelta | float | None = 120.0,
        empty_timeout: timedelta | float | None = 30.0,
        start_timeout: timedelta | float = 30.0,
        stop_grace: timedelta | float = 5.0,
        drain: timedelta | float = 0.0,
        on_end: OnEnd | None = None,
        name_prefix: str = "pipecat",
        daily: DailyRESTHelper | None = None,
        api_key: str | None = None,
        api_url: str | None = None,
    ) -> None:
        """Initialize; nothing runs before the sessions are entered.

        Args:
            bot: The bot: a function of a module, ``"module:function"``, the path of a file that
                defines ``bot()``, or a mapping of names to these; the first is the default.
            max_sessions: How many sessions there may be at once.
            launcher: Where bots run: ``process``, ``task``, ``module:Class``, or a launcher.
            pool: How many rooms wait ready for requests without room properties.
            params: The rooms, without a name and an ``exp``; private unless they say otherwise.
            max_duration: Seconds or a ``timedelta`` after which a session is ended. Daily ejects
                everyone soon after.
            join_timeout: Seconds or a ``timedelta`` after which a session that no person has
                joined is ended; None for never.
            empty_timeout: Seconds or a ``timedelta`` after which a session that every person has
                left is ended; None for never.
            start_timeout: Seconds or a ``timedelta`` in which the bot's code has to begin to run.
            stop_grace: Seconds or a ``timedelta`` that a bot has to leave when it is told to.
            drain: Seconds or a ``timedelta`` that running sessions may go on when the process is
                told to stop by a signal, or when the block ends.
            on_end: Called with each session that has ended; may be async.
            name_prefix: How the rooms' names begin.
            daily: A helper to use; it stays open.
            api_key: The API key; ``DAILY_API_KEY`` when None.
            api_url: The base URL of the API; ``DAILY_API_URL`` when None, else Daily's own.

        Raises:
            DailyConfigError: The arguments do not fit.
        """
        self.max_sessions = arguments.at_least("max_sessions", max_sessions, 1)
        self.launcher, references = launcher_of(launcher, bot)
        self.bots = references
        self.max_duration = settings.seconds("max_duration", max_duration)
        self.join_timeout = _seconds("join_timeout", join_timeout)
        self.empty_timeout = _seconds("empty_timeout", empty_timeout)
        self.start_timeout = settings.seconds("start_timeout", start_timeout)
        self.stop_grace = settings.seconds("stop_grace", stop_grace, least=0)
        self.drain_grace = settings.seconds("drain", drain, least=0)
        if on_end is not None:
            arguments.function("on_end", on_end)
        self._on_end = on_end
        self.rooms = SessionRooms(
            params=params,
            pool=pool,
            lifetime=self.max_duration,
            name_prefix=name_prefix,
            daily=daily,
            api_key=secret(api_key),
            api_url=api_url,
        )
        self._presence = PresenceWatch(lambda: self.rooms.helper)
        self._history = History()
        self._taken: dict[Session, asyncio.Task[None]] = {}
        self._ready: dict[str, asyncio.Future[None]] = {}
        self._stack: AsyncExitStack | None = None
        self._open = False
        self._burst = Burst()
        self._asking: asyncio.Task[bool] | None = None
        self._drain_until: float | None = None  # in seconds of the event loop
        self._drain_moved = asyncio.Event()
        self._drained: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Get ready: the launcher loads the bots, rooms of dead servers are swept.

        From now on a signal that tells the process to stop begins the drain; whoever else handles
        it is called as well.

        Raises:
            DailyConfigError: There is no key, or a bot cannot be loaded.
            DailyError: Daily refuses the key.
        """
        if self._stack is not None:
            msg = "Sessions are entered once: make others."
            raise DailyConfigError(msg)
        self._stack = AsyncExitStack()
        try:
            await self._stack.enter_async_context(self.rooms)
            await self.launcher.open(self.bots, self._running)
            self._stack.push_async_callback(self.launcher.drain, self.stop_grace)
            self._stack.callback(DrainSignals(lambda: self.drain(self.drain_grace)).close)
        except BaseException:
            await self._stack.aclose()
            raise
        self._open = True
        if self.rooms.workers:
            logger.warning(
                "Process {} serves the same: each worker has its own {} slots, and lists and stops "
                "only its own sessions. Use one worker, and more ports or machines.",
                ", ".join(map(str, self.rooms.workers)),
                self.max_sessions,
            )
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Drain; without a grace when the block ends by an exception."""
        try:
            await self.drain(self.drain_grace if exc_type is None else 0.0)
        finally:
            if self._stack is not None:
                await self._stack.aclose()

    @property
    def opened(self) -> bool:
        """Whether they were entered."""
        return self._stack is not None

    @property
    def draining(self) -> bool:
        """Whether no more sessions are started."""
        return self._drain_until is not None or not self._open

    @property
    def taken(self) -> int:
        """How many slots are taken: by sessions that start, run or end."""
        return len(self._taken)

    async def start(self, request: StartRequest) -> Session:
        """Start a session. It returns when there is a room; the bot is on its way then.

        Args:
            request: What the session is to be.

        Returns:
            The session; the one of before, if the request repeats an idempotency key.

        Raises:
            AtCapacity: All slots are taken.
            Draining: The server is shutting down.
            StartConflict: The idempotency key was used for another request.
            UnknownSession: There is no bot of this name.
            DailyConfigError: The room's or the token's properties do not fit.
            DailyError: There is no room for it.
        """
        arguments.model("request", request, StartRequest)
        session = self._history.earlier(request) or self._reserve(request)
        if (ready := self._ready.get(session.id)) is not None:
            try:
                await asyncio.shield(ready)
            except asyncio.CancelledError:
                # Nobody else can know the session's id.
                if request.idempotency_key is None:
                    session.ask(EndReason.STOPPED, 0.0)
                raise
        return session

    def _reserve(self, request: StartRequest) -> Session:
        """Take a slot, before anything is awaited."""
        agent = request.agent or next(iter(self.bots))
        if agent not in self.bots:
            msg = f"There is no bot {agent!r} here: choose one of {', '.join(self.bots)}."
            raise UnknownSession(msg)
        if self._stack is None:
            msg = "The sessions are not open: use them within `async with Sessions(…)`."
            raise DailyConfigError(msg)
        if self.draining:
            left = 0.0
            if self._drain_until is not None:
                left = self._drain_until - asyncio.get_running_loop().time()
            msg = "This server is shutting down: try another one."
            raise Draining(msg, retry_after=max(_FULL, left))
        most = min(self.max_sessions, self.launcher.capacity or self.max_sessions)
        if len(self._taken) >= most:
            msg = f"All {most} sessions are taken: try again in {_FULL:g} s."
            raise AtCapacity(msg, retry_after=_FULL)
        session = Session(id=self.rooms.reserve(request), agent=agent, created_at=datetime.now(UTC))
        self._history.add(session, request)
        ready = self._ready[session.id] = asyncio.get_running_loop().create_future()
        ready.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._burst.add(ready)
        self._taken[session] = asyncio.create_task(
            self._run(session, request, ready), name=f"session {session.id}"
        )
        return session

    def get(self, session_id: str) -> Session:
        """Give a session that runs, or that ended in the last ten minutes.

        Args:
            session_id: The session's id.

        Returns:
            The session.

        Raises:
            UnknownSession: There is none of this id.
        """
        try:
            return self._history.sessions[session_id]
        except (KeyError, TypeError):
            msg = f"There is no session {session_id!r}, or it ended more than ten minutes ago."
            raise UnknownSession(msg) from None

    async def ready(self) -> bool:
        """Tell whether the launcher would take a bot: a bot file's ``readyz()`` may say no.

        Whoever asks meanwhile gets the same answer.

        Returns:
            Its answer; False if there is none within two seconds.
        """
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_ready(), name="readyz() of the bots")
        return await asyncio.shield(self._asking)

    async def _ask_ready(self) -> bool:
        asked = getattr(self.launcher, "ready", None)
        try:
            async with asyncio.timeout(_READY):
                return True if asked is None else bool(await asked())
        except TimeoutError:
            logger.warning("readyz() of a bot did not answer within {:g} s", _READY)
        except Exception as exc:
            logger.warning("The launcher's ready() raised {}", one_line(exc))
        return False

    def list(self, state: SessionState | None = None) -> tuple[Session, ...]:
        """Give the sessions that run and those that ended in the last ten minutes, oldest first.

        Args:
            state: Only those in this state; all when None.

        Returns:
            The sessions.
        """
        sessions = self._history.sessions.values()
        return tuple(each for each in sessions if state is None or each.state is state)

    async def stop(self, session_id: str, grace: timedelta | float | None = None) -> Session:
        """Stop a session, and wait for its end.

        Args:
            session_id: The session's id.
            grace: Seconds or a ``timedelta`` that the bot has to leave; ``stop_grace`` when None.

        Returns:
            The session, which has ended.

        Raises:
            UnknownSession: There is none of this id.
        """
        session = self.get(session_id)
        seconds = _seconds("grace", grace)
        ending = session.state is SessionState.ENDING
        session.ask(EndReason.STOPPED, seconds)
        if ending and seconds is not None:
            await self.launcher.stop(session_id, seconds)  # which may shorten the wait
        await session.wait()
        return session

    async def drain(self, grace: timedelta | float = 0.0) -> None:
        """Start no more sessions, let the running ones go on for a while, then end them.

        Called again, it may shorten the time, never lengthen it.

        Args:
            grace: Seconds or a ``timedelta`` that running sessions may go on.
        """
        until = asyncio.get_running_loop().time() + settings.seconds("grace", grace, least=0)
        if self._drain_until is None or until < self._drain_until:
            self._drain_until = until
            self._drain_moved.set()
        if self._drained is None:
            self._drained = asyncio.create_task(self._drain(), name="drain of sessions")
        await finish(self._drained)
        self._drained.result()

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        left = (self._drain_until or 0.0) - loop.time()
        if self._taken and left > 0:
            logger.info(
                "No more sessions are started: {} may go on for {:.0f} s", len(self._taken), left
            )
        while self._taken and (left := (self._drain_until or 0.0) - loop.time()) > 0:
            self._drain_moved.clear()
            moved = asyncio.create_task(self._drain_moved.wait())
            await asyncio.wait(
                {moved, *self._taken.values()}, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
            moved.cancel()
        tasks = list(self._taken.values())
        for session in list(self._taken):
            session.ask(EndReason.DRAINED)
        if tasks:
            await asyncio.wait(tasks)

    def _running(self, session_id: str) -> None:
        session = self._history.sessions.get(session_id)
        if session is not None and session.running_since is None:
            session.running_since = datetime.now(UTC)
            session.began.set()

    async def _run(
        self, session: Session, request: StartRequest, ready: asyncio.Future[None]
    ) -> None:
        """A session from its slot to its end."""
        reason, error = EndReason.ERROR, None
        try:
            async with AsyncExitStack() as stack:
                room = await self._room(session, request, stack)
                reason, error = await self._with_bot(session, request, room, ready)
            if room is not None and room.found_gone and session.asked_for is None:
                reason = EndReason.ROOM_GONE
        except asyncio.CancelledError:
            reason = session.asked_for or EndReason.DRAINED
            raise
        except Exception as exc:
            error = one_line(exc)
            if ready.done():
                logger.exception("Session {} failed", session.id)
            else:
                ready.set_exception(exc)
        finally:
            self._over(session, reason, error, ready)
        if self._on_end is not None and session.end is not None:
            await self._tell_end(session)

    def _over(
        self, session: Session, reason: EndReason, error: str | None, ready: asyncio.Future[None]
    ) -> None:
        started = ready.done() and not ready.cancelled() and ready.exception() is None
        session.over(reason, error)
        self._taken.pop(session, None)
        self._ready.pop(session.id, None)
        if started:
            self._history.ended(session)
            logger.info("Session {} has ended: {}", session.id, reason.value)
            return
        self._history.drop(session)
        if not ready.done():
            msg = "The session was ended before it had a room."
            kind = Draining if self.draining else UnknownSession
            ready.set_exception(kind(msg, retry_after=_FULL if self.draining else None))

    async def _room(
        self, session: Session, request: StartRequest, stack: AsyncExitStack
    ) -> ProvisionedRoom | None:
        """Make the session's room, unless it is to end first."""
        if not request.create_room:
            return None
        making = asyncio.create_task(
            stack.enter_async_context(self.rooms.room(session.id, request)), name="session's room"
        )
        asked = asyncio.create_task(session.asked())
        try:
            await asyncio.wait({making, asked}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asked.cancel()
            if not making.done():
                making.cancel()
                await finish(making)
        room = making.result()
        session.room_name, session.room_url = room.name, room.url
        session.user_token = room.user_token
        return room

    async def _with_bot(
        self,
        session: Session,
        request: StartRequest,
        room: ProvisionedRoom | None,
        ready: asyncio.Future[None],
    ) -> tuple[EndReason, str | None]:
        spec = SessionSpec(
            session_id=session.id,
            bot=self.bots[session.agent],
            agent=session.agent,
            room_name=session.room_name,
            room_url=session.room_url,
            token=room.bot_token if room is not None else None,
            body=request.body,
        )
        ready.set_result(None)
        launch = asyncio.create_task(
            self._launch(session, spec), name=f"launch of session {session.id}"
        )
        bot = asyncio.create_task(self._bot(session, launch), name=f"bot of session {session.id}")
        try:
            self._watch(session, room)
            return await self._until_over(session, launch, bot)
        finally:
            if session.room_name is not None:
                self._presence.remove(session.room_name)
            bot.cancel()

    async def _launch(self, session: Session, spec: SessionSpec) -> bool:
        """Start the bot, unless the session is to end before."""
        await self._burst.over()
        if session.asked_for is not None:
            return False
        await self.launcher.start(spec)
        return True

    async def _bot(self, session: Session, launch: asyncio.Task[bool]) -> Ended:
        if await launch:
            return await self.launcher.ended(session.id)
        return Ended(outcome="finished")

    def _watch(self, session: Session, room: ProvisionedRoom | None) -> None:
        if room is None or (self.join_timeout is None and self.empty_timeout is None):
            return
        self._presence.add(
            Watched(
                room=room.name,
                bot=self.rooms.bot_user_id(session.id),
                since=asyncio.get_running_loop().time(),
                join_timeout=self.join_timeout,
                empty_timeout=self.empty_timeout,
                end=session.ask,
            )
        )

    async def _until_over(
        self, session: Session, launch: asyncio.Task[bool], bot: asyncio.Task[Ended]
    ) -> tuple[EndReason, str | None]:
        asked = asyncio.create_task(session.asked())
        began = asyncio.create_task(session.began.wait())
        late = None
        try:
            await asyncio.wait(
                {bot, asked, began},
                timeout=self.start_timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not (bot.done() or asked.done() or began.done()):
                late = f"The bot's code did not begin to run within {self.start_timeout:g} s."
                session.ask(EndReason.ERROR)
            elif not (bot.done() or asked.done()):
                lived = asyncio.get_running_loop().time() - session.created
                await asyncio.wait(
                    {bot, asked},
                    timeout=max(0.0, self.max_duration - lived),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if not (bot.done() or asked.done()):
                    session.ask(EndReason.MAX_DURATION)
        finally:
            asked.cancel()
            began.cancel()
            if not bot.done():
                await finish(asyncio.create_task(self._stop(session, launch, bot)))
        if not bot.done():
            return session.asked_for or EndReason.DRAINED, late or "The bot did not end."
        try:
            ended = bot.result()
        except (DailyError, OSError) as exc:  # as no descriptor or no process left
            logger.error("Session {}: the bot could not be started: {}", session.id, exc)
            return session.asked_for or EndReason.ERROR, one_line(exc)
        return session.asked_for or _REASONS[ended.outcome], late or ended.error

    async def _stop(
        self, session: Session, launch: asyncio.Task[bool], bot: asyncio.Task[Ended]
    ) -> None:
        """Tell the bot to end. A stop with a shorter grace, or the drain's, shortens the wait."""
        await asyncio.wait({launch}, timeout=_LAUNCH)  # a bot that is on its way cannot be told
        grace = self.stop_grace if session.grace is None else session.grace
        await self.launcher.stop(session.id, grace)
        await asyncio.wait({bot}, timeout=1.0)

    async def _tell_end(self, session: Session) -> None:
        try:
            result = self._on_end(session) if self._on_end is not None else None
            if inspect.isawaitable(result):
                await result
        except Exception:
            logger.exception("on_end failed for session {}", session.id)


def _seconds(field: str, value: timedelta | float | None) -> float | None:
    return None if value is None else settings.seconds(field, value, least=0)
