# SPDX-License-Identifier: BSD-2-Clause
"""Sessions: starts, lists, stops and drains many runs of bots, each in a room of its own."""

import asyncio
import inspect
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from loguru import logger

from pipecat_daily_rest._bot.bot_traceback import shown
from pipecat_daily_rest._core import arguments, settings
from pipecat_daily_rest._core.secret import secret
from pipecat_daily_rest._core.waiting import finish
from pipecat_daily_rest._rest.helper import DailyRESTHelper
from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.models import DailyRoomParams
from pipecat_daily_rest.server.bots import BotSource
from pipecat_daily_rest.server.burst import Burst
from pipecat_daily_rest.server.drain_signals import DrainSignals
from pipecat_daily_rest.server.error_line import one_line
from pipecat_daily_rest.server.errors import (
    TRY_AGAIN,
    AtCapacity,
    Draining,
    SessionError,
    UnknownSession,
)
from pipecat_daily_rest.server.history import History
from pipecat_daily_rest.server.launcher import Launcher, OnEnd
from pipecat_daily_rest.server.launchers import launcher_of
from pipecat_daily_rest.server.presence import PresenceWatch
from pipecat_daily_rest.server.report_webhook import ReportWebhook
from pipecat_daily_rest.server.rooms import SessionRooms
from pipecat_daily_rest.server.session import EndReason, Session, SessionState
from pipecat_daily_rest.server.session_numbers import Numbers
from pipecat_daily_rest.server.session_run import SessionRun, Shared
from pipecat_daily_rest.server.spans import NoSpans, Spans, Traces
from pipecat_daily_rest.server.start_request import StartRequest

_READY = 2.0  # seconds in which a launcher has to tell whether it is ready
_TOLD = 10.0  # seconds that the end of a drain waits for `on_end` and reports


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
        report_to: ReportWebhook | None = None,
        traces: Traces | None = None,
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
                ``session.report()`` tells how it was.
            report_to: Where the report of each session goes.
            traces: What makes a trace of each session, as `server.traces.SessionTraces`.
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
        lifetime = settings.seconds("max_duration", max_duration)
        self.stop_grace = settings.seconds("stop_grace", stop_grace, least=0)
        self.drain_grace = settings.seconds("drain", drain, least=0)
        if on_end is not None:
            arguments.function("on_end", on_end)
        self._on_end = on_end
        self._report_to = report_to
        self._traces = traces or NoSpans()
        self.rooms = SessionRooms(
            params=params,
            pool=pool,
            lifetime=lifetime,
            name_prefix=name_prefix,
            daily=daily,
            api_key=secret(api_key),
            api_url=api_url,
        )
        self._shared = Shared(
            bots=references,
            rooms=self.rooms,
            launcher=self.launcher,
            presence=PresenceWatch(lambda: self.rooms.helper),
            burst=Burst(),
            max_duration=lifetime,
            join_timeout=_seconds("join_timeout", join_timeout),
            empty_timeout=_seconds("empty_timeout", empty_timeout),
            start_timeout=settings.seconds("start_timeout", start_timeout),
            stop_grace=self.stop_grace,
        )
        self.numbers = Numbers()
        self._history = History()
        self._taken: dict[Session, SessionRun] = {}  # the slots
        self._tasks: set[asyncio.Task[None]] = set()  # of sessions, with their `on_end`
        self._stack: AsyncExitStack | None = None
        self._open = False
        self._asking: asyncio.Task[bool] | None = None
        self._drain_until: float | None = None  # in seconds of the event loop
        self._changed = asyncio.Event()  # when the drain ends, or how many slots are taken
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
            if (listen := getattr(self.launcher, "listen", None)) is not None:
                listen(self._told)
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
    def traced(self) -> bool:
        """Whether there is a trace of each session."""
        return not isinstance(self._traces, NoSpans)

    @property
    def slots(self) -> int:
        """How many sessions there may be at once: the launcher may have fewer than the server."""
        capacity = self.launcher.capacity
        return self.max_sessions if capacity is None else min(self.max_sessions, capacity)

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
        if (run := self._taken.get(session)) is not None:
            try:
                await asyncio.shield(run.ready)
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
            self.numbers.refused["draining"] += 1
            raise Draining(msg, retry_after=max(TRY_AGAIN, left))
        if len(self._taken) >= self.slots:
            msg = f"All {self.slots} sessions are taken: try again in {TRY_AGAIN:g} s."
            self.numbers.refused["full"] += 1
            raise AtCapacity(msg, retry_after=TRY_AGAIN)
        session = Session(id=self.rooms.reserve(request), agent=agent, created_at=datetime.now(UTC))
        self._history.add(session, request)
        spans = self._traces.begin(session)
        run = self._taken[session] = SessionRun(session, request, self._shared, spans)
        run.ready.add_done_callback(self._count_start)
        task = asyncio.create_task(self._run(session, run, spans), name=f"session {session.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
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
        session.ask(EndReason.STOPPED, _seconds("grace", grace))
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
            self._changed.set()
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
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._changed.wait()
        for session in list(self._taken):
            session.ask(EndReason.DRAINED, self.stop_grace)
        await asyncio.gather(*(session.wait() for session in self._taken))
        if tasks := set(self._tasks):
            _, late = await asyncio.wait(tasks, timeout=_TOLD)
            if late:
                logger.warning(
                    "on_end or the report of {} session(s) did not end within {:g} s",
                    *(len(late), _TOLD),
                )

    def _running(self, session_id: str) -> None:
        session = self._history.sessions.get(session_id)
        if session is not None and session.running_since is None:
            session.running_since = datetime.now(UTC)
            session.began.set()
            self.numbers.start.add(session.age)

    def _told(self, session_id: str, what: Mapping[str, Any]) -> None:
        """Note what a bot has measured."""
        session = self._history.sessions.get(session_id)
        if session is not None and session.end is None:
            session.measured.note(what, asyncio.get_running_loop().time())
            if (latency := what.get("latency")) is not None:
                self.numbers.latency.add(latency)

    async def _run(self, session: Session, run: SessionRun, spans: Spans) -> None:
        """A session from its slot to its end, and what the server has to do then."""
        reason, error = EndReason.DRAINED, None
        try:
            reason, error = await run.to_end()
        finally:
            session.over(reason, error)
            spans.end(session)
            del self._taken[session]
            self._changed.set()
            if run.started:
                self._history.ended(session)
                self.numbers.ended[reason.value] += 1
                self.numbers.duration.add(session.age)
                log = logger.bind(**session.log_fields)
                log.info("Session {} has ended: {}", session.id, reason.value)
                log.info("Report of session {}: {}", session.id, json.dumps(session.report()))
            else:
                self._history.drop(session)
        await self._tell_end(session)
        if run.started and self._report_to is not None:
            await self._report_to.send(session)

    def _count_start(self, ready: asyncio.Future[None]) -> None:
        """Count a session that has its room, or why it got none."""
        if (failure := ready.exception()) is None:
            self.numbers.started += 1
        elif isinstance(failure, Draining):
            self.numbers.refused["draining"] += 1
        elif not isinstance(failure, SessionError):  # it was not stopped before
            self.numbers.refused["no_room"] += 1

    async def _tell_end(self, session: Session) -> None:
        try:
            result = self._on_end(session) if self._on_end is not None else None
            if inspect.isawaitable(result):
                await result
        except Exception as exc:
            logger.bind(**session.log_fields).error(
                "on_end failed for session {}.\n{}", session.id, shown(exc)
            )


def _seconds(field: str, value: timedelta | float | None) -> float | None:
    return None if value is None else settings.seconds(field, value, least=0)
