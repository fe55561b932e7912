# SPDX-License-Identifier: BSD-2-Clause
"""Bots as tasks of this process: for development, tests, and bots without audio work."""

import asyncio
from collections.abc import Callable, Mapping

from loguru import logger

from pipecat_daily_rest._bot.bot_file import Bot
from pipecat_daily_rest._bot.bot_traceback import why_not_loaded
from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.server import bots as bot_sources
from pipecat_daily_rest.server.bots import BotSource
from pipecat_daily_rest.server.launcher import Ended, SessionSpec, Told
from pipecat_daily_rest.server.run_bot import run_session
from pipecat_daily_rest.server.session_output import SessionOutput


class TaskLauncher:
    """Runs each bot as a task. A bot that ignores its cancellation cannot be ended: it is reported.

    Parameters:
        capacity: None: it sets no limit.
    """

    capacity: int | None = None

    def __init__(self, sources: Mapping[str, BotSource] | None = None) -> None:
        """Initialize.

        Args:
            sources: The bots by their names; what `open` is given when None.
        """
        self._sources = sources
        self._bots: dict[str, Bot] = {}
        self._tasks: dict[str, asyncio.Task[Ended]] = {}
        self._reported: set[str] = set()  # sessions whose bots ignore their cancellation
        self._output = SessionOutput()
        self._running: Callable[[str], None] = lambda session_id: None
        self._told: Told = lambda session_id, what: None

    def listen(self, told: Told) -> None:
        """Pass on what bots measure. See `Launcher`."""
        self._told = told

    async def open(self, bots: Mapping[str, str], running: Callable[[str], None]) -> None:
        """Load every bot. See `Launcher.open`."""
        for name, source in (self._sources or bots).items():
            try:
                self._bots[name] = bot_sources.load(source)
            except DailyConfigError:
                raise
            except (Exception, SystemExit) as exc:
                raise DailyConfigError(why_not_loaded(f"The bot {name!r}", exc)) from exc
        self._running = running
        self._output.install()

    async def ready(self) -> bool:
        """Ask the bots' own ``readyz()``."""
        return all([await bot_sources.is_ready(bot) for bot in self._bots.values()])

    async def start(self, spec: SessionSpec) -> None:
        """Start a bot as a task. See `Launcher.start`."""
        self._tasks[spec.session_id] = asyncio.create_task(
            self._run(spec), name=f"bot of session {spec.session_id}"
        )

    async def _run(self, spec: SessionSpec) -> Ended:
        with (
            logger.contextualize(session_id=spec.session_id, room=spec.room_name),
            self._output.session(),
        ):
            self._running(spec.session_id)
            return await run_session(
                self._bots[spec.agent], spec, tell=lambda what: self._told(spec.session_id, what)
            )

    async def stop(self, session_id: str, grace: float) -> None:
        """Cancel a bot, and report it when it goes on after ``grace`` seconds."""
        task = self._tasks.get(session_id)
        if task is None or task.done() or session_id in self._reported:
            return
        if not task.cancelling():  # a second time would hit what the bot does at its end
            task.cancel()
        await asyncio.wait({task}, timeout=grace)
        if not task.done() and session_id not in self._reported:
            self._reported.add(session_id)
            logger.error(
                "The bot of session {} ignores its cancellation, and a task cannot be killed: it "
                "goes on in this process. With launcher='process' it would have been killed.",
                session_id,
            )

    async def ended(self, session_id: str) -> Ended:
        """Wait for the end of a bot. See `Launcher.ended`."""
        task = self._tasks[session_id]
        try:
            await asyncio.wait({task})
        finally:
            task.add_done_callback(lambda _: self._forget(session_id))
        if task.cancelled():  # before it began
            return Ended(outcome="finished")
        return task.result()

    def _forget(self, session_id: str) -> None:
        self._tasks.pop(session_id, None)
        self._reported.discard(session_id)

    async def drain(self, grace: float) -> None:
        """Cancel every bot and wait ``grace`` seconds."""
        await asyncio.gather(*(self.stop(each, grace) for each in list(self._tasks)))
        self._output.remove()
