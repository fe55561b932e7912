# SPDX-License-Identifier: BSD-2-Clause
"""The slots of a server: each has a session, from its start to what is done after its end."""

import asyncio
import inspect
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from loguru import logger

from pipecat_daily_rest._bot.bot_traceback import shown
from pipecat_daily_rest.server.errors import Draining, SessionError
from pipecat_daily_rest.server.history import History
from pipecat_daily_rest.server.launcher import OnEnd
from pipecat_daily_rest.server.report_webhook import ReportWebhook
from pipecat_daily_rest.server.session import EndReason, Session
from pipecat_daily_rest.server.session_numbers import Numbers
from pipecat_daily_rest.server.session_run import SessionRun, Shared
from pipecat_daily_rest.server.spans import Spans, Traces
from pipecat_daily_rest.server.start_request import StartRequest

_TOLD = 10.0  # seconds to wait for `on_end` and the reports after the last session


class Slots:
    """The sessions that start, run or end: carries each on, counts it, tells of its end.

    Parameters:
        changed: Set when a slot is free again.
    """

    def __init__(
        self,
        shared: Shared,
        *,
        history: History,
        numbers: Numbers,
        traces: Traces,
        on_end: OnEnd | None,
        report_to: ReportWebhook | None,
    ) -> None:
        """Initialize; see `Sessions` for the arguments."""
        self._shared = shared
        self._history = history
        self._numbers = numbers
        self._traces = traces
        self._on_end = on_end
        self._report_to = report_to
        self._taken: dict[Session, SessionRun] = {}
        self._tasks: set[asyncio.Task[None]] = set()  # of sessions, with their `on_end`
        self.changed = asyncio.Event()

    def __len__(self) -> int:
        """How many are taken."""
        return len(self._taken)

    def run_of(self, session: Session) -> SessionRun | None:
        """Give the run of a session; None when it has ended."""
        return self._taken.get(session)

    def take(self, session: Session, request: StartRequest) -> None:
        """Take a slot for a session, and set out."""
        self._history.add(session, request)
        spans = self._traces.begin(session)
        run = self._taken[session] = SessionRun(session, request, self._shared, spans)
        run.ready.add_done_callback(self._count_start)
        task = asyncio.create_task(self._run(session, run, spans), name=f"session {session.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def running(self, session_id: str) -> None:
        """Note that a bot's code has begun to run."""
        session = self._history.sessions.get(session_id)
        if session is not None and session.running_since is None:
            session.running_since = datetime.now(UTC)
            session.began.set()
            self._numbers.start.add(session.age)

    def told(self, session_id: str, what: Mapping[str, Any]) -> None:
        """Note what a bot has measured."""
        session = self._history.sessions.get(session_id)
        if session is not None and session.end is None:
            session.measured.note(what, asyncio.get_running_loop().time())
            if (latency := what.get("latency")) is not None:
                self._numbers.latency.add(latency)

    async def end_all(self, reason: EndReason, grace: float) -> None:
        """End all sessions, and wait until everybody was told."""
        for session in list(self._taken):
            session.ask(reason, grace)
        await asyncio.gather(*(session.wait() for session in self._taken))
        if tasks := set(self._tasks):
            _, late = await asyncio.wait(tasks, timeout=_TOLD)
            if late:
                logger.warning(
                    "on_end or the report of {} session(s) did not end within {:g} s",
                    *(len(late), _TOLD),
                )

    async def _run(self, session: Session, run: SessionRun, spans: Spans) -> None:
        """A session from its slot to its end, and what the server has to do then."""
        reason, error = EndReason.DRAINED, None
        try:
            reason, error = await run.to_end()
        finally:
            session.over(reason, error)
            spans.end(session)
            del self._taken[session]
            self.changed.set()
            if run.started:
                self._history.ended(session)
                self._numbers.ended[reason.value] += 1
                self._numbers.duration.add(session.age)
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
            self._numbers.started += 1
        elif isinstance(failure, Draining):
            self._numbers.refused["draining"] += 1
        elif not isinstance(failure, SessionError):  # it was not stopped before
            self._numbers.refused["no_room"] += 1

    async def _tell_end(self, session: Session) -> None:
        try:
            result = self._on_end(session) if self._on_end is not None else None
            if inspect.isawaitable(result):
                await result
        except Exception as exc:
            logger.bind(**session.log_fields).error(
                "on_end failed for session {}.\n{}", session.id, shown(exc)
            )
