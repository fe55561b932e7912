# SPDX-License-Identifier: BSD-2-Clause
"""Sessions: starts, lists, stops and drains many runs of bots, each in a room of its own."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from loguru import logger

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
    FleetFull,
    UnknownSession,
)
from pipecat_daily_rest.server.fleet.elsewhere import digest
from pipecat_daily_rest.server.fleet.fleet import Fleet
from pipecat_daily_rest.server.history import History
from pipecat_daily_rest.server.keys import same
from pipecat_daily_rest.server.launcher import Launcher, OnEnd
from pipecat_daily_rest.server.launchers import launcher_of
from pipecat_daily_rest.server.presence import NextLook, PresenceWatch
from pipecat_daily_rest.server.report_webhook import ReportWebhook
from pipecat_daily_rest.server.rooms import SessionRooms
from pipecat_daily_rest.server.session import EndReason, Session, SessionState
from pipecat_daily_rest.server.session_numbers import Numbers
from pipecat_daily_rest.server.session_run import Shared
from pipecat_daily_rest.server.slots import Slots
from pipecat_daily_rest.server.spans import NoSpans, Traces
from pipecat_daily_rest.server.start_request import StartRequest

_READY = 2.0  # seconds in which a launcher has to tell whether it is ready


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
        fleet_max_sessions: int | None = None,
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
            launcher: Where bots run: ``process``, ``task``, ``ray``, ``module:Class``, or a launcher.
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
            fleet_max_sessions: How many sessions there may be at once on all servers that share
                this account and ``DAILY_REDIS_URL``; None for as many as they have slots.
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
        self.traced = traces is not None
        limit = fleet_max_sessions
        if limit is not None:
            arguments.at_least("fleet_max_sessions", limit, 1)
        self.rooms = SessionRooms(
            params=params,
            pool=pool,
            lifetime=lifetime,
            name_prefix=name_prefix,
            daily=daily,
            api_key=secret(api_key),
            api_url=api_url,
            limit=limit,
            stop_grace=self.stop_grace,
            stop=self._stop_for_another,
        )
        self._shared = Shared(
            bots=references,
            rooms=self.rooms,
            launcher=self.launcher,
            presence=PresenceWatch(lambda: self.rooms.helper, fleet=self._next_look),
            burst=Burst(),
            max_duration=lifetime,
            join_timeout=_seconds("join_timeout", join_timeout),
            empty_timeout=_seconds("empty_timeout", empty_timeout),
            start_timeout=settings.seconds("start_timeout", start_timeout),
            stop_grace=self.stop_grace,
        )
        self.numbers = Numbers()
        self._history = History()
        self._slots = Slots(
            self._shared,
            history=self._history,
            numbers=self.numbers,
            traces=traces or NoSpans(),
            on_end=on_end,
            report_to=report_to,
        )
        self._stack: AsyncExitStack | None = None
        self._open = False
        self._asking: asyncio.Task[bool] | None = None
        self._drain_until: float | None = None  # in seconds of the event loop
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
                listen(self._slots.told)
            await self.launcher.open(self.bots, self._slots.running)
            self._stack.push_async_callback(self.launcher.drain, self.stop_grace)
            self._stack.callback(DrainSignals(lambda: self.drain(self.drain_grace)).close)
        except BaseException:
            await self._stack.aclose()
            raise
        self._open = True
        if self.rooms.workers and self.fleet is None:
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
    def fleet(self) -> Fleet | None:
        """The servers that share the account and its Redis; None without a Redis."""
        return self.rooms.fleet

    @property
    def opened(self) -> bool:
        """Whether they were entered."""
        return self._stack is not None

    @property
    def draining(self) -> bool:
        """Whether no more sessions are started."""
        return self._drain_until is not None or not self._open

    @property
    def slots(self) -> int:
        """How many sessions there may be at once: the launcher may have fewer than the server."""
        capacity = self.launcher.capacity
        return self.max_sessions if capacity is None else min(self.max_sessions, capacity)

    @property
    def taken(self) -> int:
        """How many slots are taken: by sessions that start, run or end."""
        return len(self._slots)

    async def start(self, request: StartRequest) -> Session:
        """Start a session. It returns when there is a room; the bot is on its way then.

        Args:
            request: What the session is to be.

        Returns:
            The session; the one of before, if the request repeats an idempotency key. Where
            another server of the fleet runs it, ``elsewhere`` is set.

        Raises:
            AtCapacity: All slots are taken, or the fleet has as many sessions as it may have.
            Draining: The server is shutting down.
            StartConflict: The idempotency key was used for another request.
            UnknownSession: There is no bot of this name.
            DailyConfigError: The room's or the token's properties do not fit.
            DailyError: There is no room for it.
        """
        arguments.model("request", request, StartRequest)
        session = self._history.earlier(request)
        if session is None and self.fleet is not None:
            session = await self._agree(self.fleet, request)
        elif session is None:
            session = self._reserve(request)
        if (run := self._slots.run_of(session)) is not None:
            try:
                await asyncio.shield(run.ready)
            except asyncio.CancelledError:
                # Nobody else can know the session's id.
                if request.idempotency_key is None:
                    session.ask(EndReason.STOPPED, 0.0)
                raise
        return session

    async def _agree(self, fleet: Fleet, request: StartRequest) -> Session:
        """Take a slot with the consent of the other servers; or give the session that one has."""
        try:
            async with fleet.starts.admission(request) as admission:
                if admission.elsewhere is not None:
                    return admission.elsewhere
                # It may have been started meanwhile.
                session = self._history.earlier(request)
                if session is None:
                    session = self._reserve(request)
                    if (run := self._slots.run_of(session)) is not None:
                        fleet.starts.follow(admission, session, run.ready)
                return session
        except FleetFull:
            self.numbers.refused["full"] += 1
            raise

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
        if self.taken >= self.slots:
            msg = f"All {self.slots} sessions are taken: try again in {TRY_AGAIN:g} s."
            self.numbers.refused["full"] += 1
            raise AtCapacity(msg, retry_after=TRY_AGAIN)
        session = Session(id=self.rooms.reserve(request), agent=agent, created_at=datetime.now(UTC))
        self._slots.take(session, request)
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

    def _stop_for_another(self, session_id: str, token: str | None) -> None:
        """Stop a session as another server asks; with the digest of a token only for its user."""
        session = self._history.sessions.get(session_id)
        if session is not None and session.end is None:
            if token is None or same(token, digest(session.user_token or "")):
                session.ask(EndReason.STOPPED)

    def _next_look(self) -> NextLook | None:
        return None if self.fleet is None else self.fleet.member.next_look

    async def drain(self, grace: timedelta | float = 0.0) -> None:
        """Start no more sessions, let the running ones go on for a while, then end them.

        Called again, it may shorten the time, never lengthen it.

        Args:
            grace: Seconds or a ``timedelta`` that running sessions may go on.
        """
        until = asyncio.get_running_loop().time() + settings.seconds("grace", grace, least=0)
        if self._drain_until is None or until < self._drain_until:
            self._drain_until = until
            self._slots.changed.set()
        if self._drained is None:
            self._drained = asyncio.create_task(self._drain(), name="drain of sessions")
        await finish(self._drained)
        self._drained.result()

    async def _drain(self) -> None:
        loop, slots = asyncio.get_running_loop(), self._slots
        left = (self._drain_until or 0.0) - loop.time()
        if slots and left > 0:
            logger.info("No more sessions are started: {} may go on for {:.0f} s", len(slots), left)
        while slots and (left := (self._drain_until or 0.0) - loop.time()) > 0:
            slots.changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await slots.changed.wait()
        await slots.end_all(EndReason.DRAINED, self.stop_grace)


def _seconds(field: str, value: timedelta | float | None) -> float | None:
    return None if value is None else settings.seconds(field, value, least=0)
