# SPDX-License-Identifier: BSD-2-Clause
"""A local Daily in a process of its own, with callers, and the sessions on it that they call."""

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from pipecat_daily_rest.errors import DailyError
from pipecat_daily_rest.runner.local_daily_process import LocalDailyProcess
from pipecat_daily_rest.server.process_launcher import ProcessLauncher
from pipecat_daily_rest.server.session import EndReason, Session
from pipecat_daily_rest.server.sessions import Sessions
from pipecat_daily_rest.server.start_request import StartRequest

MOST = 16  # calls of a line: its local Daily uses one core at the most
START = 60.0  # seconds that a bot may take until it is in its room
_GRACE = 0.5  # seconds that a bot has to leave: its caller has gone
_GOODBYE = 10.0  # seconds from the end of a room to that of its session
_DAY = 86_400.0  # seconds that a call may last


class LoadError(DailyError):
    """The bot cannot be loaded: it does not join, or does not answer."""


@dataclass(frozen=True, kw_only=True)
class Talk:
    """How callers talk with a bot.

    Parameters:
        questions: WAV files; each turn takes one of them.
        pause: Seconds of silence after which an answer is over.
        timeout: Seconds after which there is no answer.
        body: What the bot gets as ``runner_args.body``.
    """

    questions: tuple[str, ...]
    pause: float
    timeout: float
    body: Any = field(default=None, repr=False)


class _Launcher(ProcessLauncher):
    """Keeps to itself how late the bots' event loops are."""

    def __init__(self, heard: Callable[[list[float]], None]) -> None:
        super().__init__(warm=1)  # as `serve` has it
        self._heard = heard

    def listen(self, told: Callable[[str, Mapping[str, Any]], None]) -> None:
        """Pass on the rest."""

        def tell(session_id: str, what: Mapping[str, Any]) -> None:
            if "lag" in what:
                self._heard(what["lag"])
            else:
                told(session_id, what)

        super().listen(tell)


@dataclass(eq=False)
class Call:
    """A caller and the session that it calls.

    Parameters:
        latencies: Seconds of each turn since it was last asked; None for one without an answer.
        turns: How many answers there were since its start.
        missed: What came instead of the last answer that did not come.
        gone: Why the caller is no longer there, or None.
    """

    line: "Line"
    session: Session
    caller: str
    latencies: list[float | None] = field(default_factory=list)
    turns: int = 0
    missed: str = ""
    gone: str | None = None

    @property
    def ended(self) -> str | None:
        """Why it has ended by itself; None while it goes on."""
        end = self.session.end
        if end is not None:
            if end.reason is EndReason.FINISHED:
                return "the bot ended before it had answered."
            return f"{end.reason.value}{(end.error and f': {end.error}') or ''}"
        return self.gone

    async def has_finished(self) -> bool:
        """Tell whether it has ended since the bot has said goodbye."""
        with suppress(TimeoutError):  # its room goes first
            async with asyncio.timeout(_GOODBYE):
                return (await self.session.wait()).reason is EndReason.FINISHED
        return False


class Line:
    """A local Daily with its callers, and the sessions on it."""

    def __init__(self, bot: str, talk: Talk, heard: Callable[[list[float]], None]) -> None:
        """Initialize; ``heard`` gets how late the bots' event loops are."""
        self._bot = bot
        self._talk = talk
        self._launcher = _Launcher(heard)
        self._daily = LocalDailyProcess(port=0, questions=talk.questions)
        self._stack = AsyncExitStack()
        self._sessions: Sessions
        self._http: aiohttp.ClientSession
        self.calls: dict[str, Call] = {}  # by caller
        self.ticks = self.late = 0  # of the callers' sound

    @property
    def callers_pid(self) -> int:
        """The process of the callers and their rooms."""
        return self._daily.pid

    @property
    def bot_pids(self) -> list[int]:
        """The processes of the bots."""
        return list(self._launcher.processes.values())

    async def open(self) -> None:
        """Start it; a `DailyConfigError` says why it cannot."""
        try:
            daily = await self._stack.enter_async_context(self._daily)
            os.environ.update(daily.env())  # for its bots, which are forked from now on
            self._http = await self._stack.enter_async_context(aiohttp.ClientSession())
            sessions = Sessions(
                self._bot,
                max_sessions=MOST,
                launcher=self._launcher,
                max_duration=_DAY,
                join_timeout=None,
                empty_timeout=None,
                start_timeout=START,
                stop_grace=_GRACE,
                name_prefix="load",
                api_key=daily.api_key,
                api_url=daily.api_url,
            )
            self._sessions = await self._stack.enter_async_context(sessions)
        except BaseException:
            await self._stack.aclose()
            raise

    async def aclose(self) -> None:
        """End all of it."""
        await self._stack.aclose()

    async def start(self) -> Call:
        """Start a call."""
        session = await self._sessions.start(StartRequest(body=self._talk.body))
        joins = {
            "room": session.room_url,
            "token": session.user_token,
            "pause": self._talk.pause,
            "timeout": self._talk.timeout,
            "start": START,
        }
        answer = await self._ask("POST", "", joins)
        self.calls[answer["id"]] = call = Call(self, session, answer["id"])
        return call

    async def end(self, call: Call) -> None:
        """End a call, and wait until its room and the process of its bot are gone."""
        del self.calls[call.caller]
        await self._ask("DELETE", "", {"id": call.caller})
        if call.session.end is None:
            await self._sessions.stop(call.session.id)
        await self._launcher.gone(call.session.id, _GRACE)

    async def listen(self) -> None:
        """Note what the callers have heard since the last time."""
        told = await self._ask("POST", "/notes", {})
        self.ticks, self.late = told["ticks"], told["late"]
        for note in told["notes"]:
            if (call := self.calls.get(note["caller"])) is None:
                continue
            if "gone" in note:
                call.gone = note["gone"]
            else:
                call.latencies.append(note.get("latency"))
                call.turns += "latency" in note
                call.missed = note.get("missed", call.missed)

    async def _ask(self, method: str, path: str, body: Any) -> Any:
        url = f"{self._daily.api_url.removesuffix('/v1')}/.callers{path}"
        headers = {"Authorization": f"Bearer {self._daily.api_key}"}
        try:
            async with self._http.request(method, url, json=body, headers=headers) as response:
                answer = await response.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as exc:
            msg = f"The process of the callers does not answer: {type(exc).__name__}."
            raise LoadError(msg) from exc
        if response.status != 200:
            msg = f"A caller could not call: {answer.get('info', response.status)}."
            raise LoadError(msg)
        return answer
