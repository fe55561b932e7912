# SPDX-License-Identifier: BSD-2-Clause
"""A session: one run of a bot, from its start to its end."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pipecat_daily_rest.server.errors import UnknownSession
from pipecat_daily_rest.server.measures import Measures


class EndReason(StrEnum):
    """Why a session has ended."""

    FINISHED = "finished"
    ERROR = "error"
    STOPPED = "stopped"
    NOBODY_JOINED = "nobody_joined"
    EVERYBODY_LEFT = "everybody_left"
    MAX_DURATION = "max_duration"
    LOST = "lost"
    ROOM_GONE = "room_gone"
    DRAINED = "drained"


class SessionState(StrEnum):
    """How far a session is."""

    STARTING = "starting"
    RUNNING = "running"
    ENDING = "ending"
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True)
class SessionEnd:
    """The end of a session.

    Parameters:
        reason: Why it has ended.
        at: When.
        error: What went wrong, as one line without secrets; None when nothing did.
    """

    reason: EndReason
    at: datetime
    error: str | None = None


@dataclass(eq=False, kw_only=True)
class Session:
    """One run of a bot.

    Parameters:
        id: The session's id: the room's name after its prefix. It is no secret.
        agent: Which bot it is.
        room_name: The room's name; None while it is being made, and for a session without one.
        room_url: The room's URL.
        user_token: The user's meeting token; None for a session without a room.
        room_expires_at: When the room ends by itself.
        elsewhere: Whether another server of the fleet runs it: then its end is not known here.
        created_at: When it was started.
        running_since: When the bot's code began to run; None before.
        end: Its end; None while it goes on.
        created: When it was started, in seconds of the event loop.
        began: Set when the bot's code begins to run.
        grace: Seconds that the bot has to leave, if it was asked to end with a grace of its own.
        measured: What its bot has measured.
        hurried: Set when it is asked to end with a shorter one.
    """

    id: str
    agent: str
    created_at: datetime
    room_name: str | None = None
    room_url: str | None = None
    user_token: str | None = field(default=None, repr=False)
    room_expires_at: datetime | None = None
    elsewhere: bool = False
    running_since: datetime | None = None
    end: SessionEnd | None = None
    _over: float = field(default=0.0, init=False, repr=False)  # when it ended, as `created`
    _reason: EndReason | None = field(default=None, init=False, repr=False)
    _asked: asyncio.Future[EndReason] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future(), init=False, repr=False
    )
    _ended: asyncio.Future[SessionEnd] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future(), init=False, repr=False
    )
    created: float = field(
        default_factory=lambda: asyncio.get_running_loop().time(), init=False, repr=False
    )
    began: asyncio.Event = field(default_factory=asyncio.Event, init=False, repr=False)
    grace: float | None = field(default=None, init=False, repr=False)
    measured: Measures = field(default_factory=Measures, init=False, repr=False)
    hurried: asyncio.Event = field(default_factory=asyncio.Event, init=False, repr=False)

    @property
    def log_fields(self) -> dict[str, str | None]:
        """What the log records about it carry, as those of its bot do."""
        return {"session_id": self.id, "room": self.room_name}

    @property
    def state(self) -> SessionState:
        """How far it is."""
        if self.end is not None:
            return SessionState.ENDED
        if self._reason is not None:
            return SessionState.ENDING
        return SessionState.STARTING if self.running_since is None else SessionState.RUNNING

    @property
    def age(self) -> float:
        """How many seconds ago it was started."""
        return asyncio.get_running_loop().time() - self.created

    async def wait(self) -> SessionEnd:
        """Wait until the session has ended and its room is deleted.

        Returns:
            Its end.

        Raises:
            UnknownSession: Another server runs it.
        """
        if self.elsewhere:
            msg = f"Session {self.id!r} runs on another server, which alone knows of its end."
            raise UnknownSession(msg)
        return await asyncio.shield(self._ended)

    def ask(self, reason: EndReason, grace: float | None = None) -> None:
        """Ask it to end: the first reason and the shortest grace count.

        The grace is seconds; None is the usual one.
        """
        if self._reason is None and self.end is None:
            self._reason = reason
        if grace is not None and (self.grace is None or grace < self.grace):
            self.grace = grace
            self.hurried.set()
        if not self._asked.done():
            self._asked.set_result(self._reason or reason)

    @property
    def asked_for(self) -> EndReason | None:
        """Why it was asked to end; None when it was not."""
        return self._reason

    async def asked(self) -> EndReason:
        """Wait until somebody asks it to end."""
        return await asyncio.shield(self._asked)

    def when_over(self, tell: Callable[[object], None]) -> None:
        """Call a function when it has ended."""
        self._ended.add_done_callback(tell)

    def over(self, reason: EndReason, error: str | None = None) -> None:
        """Note its end."""
        self._over = asyncio.get_running_loop().time()
        self.measured.end(self._over)
        self.end = SessionEnd(reason=reason, at=datetime.now(UTC), error=error)
        self._ended.set_result(self.end)

    def describe(self) -> dict[str, Any]:
        """Give what a list of sessions shows, as JSON: no token, no body."""
        return {
            "sessionId": self.id,
            "agent": self.agent,
            "state": self.state.value,
            "roomName": self.room_name,
            "createdAt": self.created_at.isoformat(),
            "runningSince": self.running_since and self.running_since.isoformat(),
            "endedAt": self.end and self.end.at.isoformat(),
            "reason": self.end and self.end.reason.value,
            "error": self.end and self.end.error,
        }

    def report(self) -> dict[str, Any]:
        """Give all that is known of the session, as JSON: no token, no body, no name of a person.

        Returns:
            What `describe` gives, with ``error`` only if there is one, and the seconds that it lasted or lasts, who was there for how
            long, the latencies' percentiles in seconds, and what the bot's services used.
        """
        now = asyncio.get_running_loop().time()
        seconds = (now if self.end is None else self._over) - self.created
        known = self.describe()
        if known["error"] is None:
            del known["error"]  # who looks for errors in a log must not find each report
        return {
            **known,
            "seconds": round(seconds, 3),
            **self.measured.describe(now),
        }
