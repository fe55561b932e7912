# SPDX-License-Identifier: BSD-2-Clause
"""Bots in processes of their own: forked from a template that has everything imported.

Where that is not possible (macOS, Windows, a template with threads) each child is started anew.
"""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from loguru import logger

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.server.bot_program import BotProgram
from pipecat_daily_rest.server.errors import StartFailed
from pipecat_daily_rest.server.launched_child import LaunchedChild
from pipecat_daily_rest.server.launched_template import BOOT, LaunchedTemplate
from pipecat_daily_rest.server.launcher import Ended, SessionSpec, Told
from pipecat_daily_rest.server.process_template import CHILD

_LOOK = 10.0  # seconds between two looks at the children's memory
_LINE = 1 << 22  # bytes of one message


class ProcessLauncher:
    """Runs each bot in a process of its own.

    Parameters:
        capacity: None: it sets no limit.
        program: What the next processes are given, as the argument of this name.
    """

    capacity: int | None = None

    def __init__(
        self,
        *,
        warm: int = 0,
        preload: tuple[str, ...] = (),
        load_bots: bool = False,
        fork: bool | None = None,
        memory_warning: int | None = None,
        memory_limit: int | None = None,
        memory_check: float = _LOOK,
        program: BotProgram | None = None,
    ) -> None:
        """Initialize; no process is started yet.

        Args:
            warm: How many children wait ready for each bot, with its file imported.
            preload: Modules that the template imports, beside Pipecat and ``daily``.
            load_bots: Whether the template imports the bots' files, too: then a bot must make no
                client, thread or model when it is imported.
            fork: Whether children are forked from the template; where it is possible, when None.
            memory_warning: Bytes of a bot's memory above which a warning is logged; never when None.
            memory_limit: Bytes of a bot's memory above which its process is killed; never when None.
            memory_check: Seconds between two checks of the memory.
            program: Each bot runs as a program of its own would. Its process is started with the
                session and imports the bot's file as it is then, so none may wait ready.
        """
        self._warm = warm
        self._preload = preload
        self._load_bots = load_bots
        self._fork = sys.platform == "linux" if fork is None else fork
        self._memory_warning = memory_warning
        self._memory_limit = memory_limit
        self._memory_check = memory_check
        self.program = program
        self._bots: Mapping[str, str] = {}
        self._running: Callable[[str], None] = lambda session_id: None
        self._told: Told = lambda session_id, what: None
        self._template: LaunchedTemplate | None = None
        self._forking = asyncio.Lock()
        self._ready: dict[str, list[LaunchedChild]] = {}
        self._making: Counter[str] = Counter()  # children for `_ready` that are on their way
        self._said_ready: dict[str, bool] = {}  # of bots that have a readyz()
        self._sessions: dict[str, LaunchedChild] = {}
        self._children: set[LaunchedChild] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._looking: asyncio.Task[None] | None = None
        self._draining = False

    @property
    def processes(self) -> dict[str, int]:
        """The ids of the bots' processes, by their sessions; each leads a session of processes."""
        return {name: child.pid for name, child in self._sessions.items() if child.pid}

    def listen(self, told: Told) -> None:
        """Pass on what bots measure. See `Launcher`."""
        self._told = told

    async def open(self, bots: Mapping[str, str], running: Callable[[str], None]) -> None:
        """Start the template, and one child for each bot that shows that it can be loaded."""
        self._bots, self._running = bots, running
        try:
            if self._fork:
                await self._start_template()
            for name in bots:
                self._ready[name] = []
            if self.program is None:
                await self._load_each()
        except BaseException:
            await self.drain(0.0)
            raise
        if self._memory_warning or self._memory_limit:
            self._looking = asyncio.create_task(self._look(), name="memory of bots")

    async def _load_each(self) -> None:
        first = [await self._child(name) for name in self._bots]
        for name, child in zip(self._bots, first, strict=True):
            await asyncio.wait_for(asyncio.shield(child.loaded), BOOT)
            if child.has_readyz:
                self._said_ready[name] = True
            self._put(name, child)
            self._refill(name)

    async def ready(self) -> bool:
        """Ask the ``readyz()`` of a child that waits for each bot; without one it is as before."""
        for name in self._said_ready:
            if self._ready[name]:
                await self._ask_ready(name)
            else:
                self._refill(name, 1)
        return all(self._said_ready.values())

    async def _ask_ready(self, name: str) -> None:
        child = self._ready[name].pop()  # no session gets it meanwhile
        self._said_ready[name] = False
        try:
            self._said_ready[name] = await child.ask_ready()
        except BaseException:  # it was given up: what blocks here would block a session, too
            child.kill("Its readyz() did not answer.")
            self._refill(name, 1)
            raise
        self._put(name, child)

    async def start(self, spec: SessionSpec) -> None:
        """Give the session to a child that waits ready, or to a new one."""
        if self._draining:
            msg = "The launcher is shutting down."
            raise StartFailed(msg)
        ready = self._ready[spec.agent]
        while ready:
            child = ready.pop()
            if not child.end.done():
                break
        else:
            child = await self._child(spec.agent)
        child.session_id = spec.session_id
        self._sessions[spec.session_id] = child
        child.send({"start": spec.to_json()})

    async def stop(self, session_id: str, grace: float) -> None:
        """Tell a bot to end, and kill its process after ``grace`` seconds."""
        child = self._sessions.get(session_id)
        if child is None or child.end.done():
            return
        child.send({"stop": grace})
        await asyncio.wait({child.end}, timeout=grace)
        if not child.end.done():
            child.kill(f"It did not end within {grace:g} s and was killed.")
            logger.warning("{} did not end and was killed", self._bot_in(session_id))
            await asyncio.wait({child.end}, timeout=5.0)

    def _bot_in(self, session_id: str) -> str:
        """Name a bot as whoever reads the log does: a program's user knows of no sessions."""
        return f"Session {session_id}: the bot" if self.program is None else "The bot"

    async def ended(self, session_id: str) -> Ended:
        """Wait for the end of a bot."""
        child = self._sessions[session_id]
        try:
            return await asyncio.shield(child.end)
        finally:  # one that cannot be ended is still among the children
            self._sessions.pop(session_id, None)

    async def gone(self, session_id: str, grace: float) -> None:
        """Wait until a session's process has ended, and kill it after ``grace`` seconds."""
        for child in [each for each in self._children if each.session_id == session_id]:
            if child.reading is not None:
                child.leave_within(grace)
                await asyncio.wait({child.reading})

    async def drain(self, grace: float) -> None:
        """End every child, and the template."""
        self._draining = True
        if self._looking is not None:
            self._looking.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*(self.stop(each, grace) for each in list(self._sessions)))
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for child in list(self._children):
            child.kill("The server has ended.")
        if self._template is not None:
            await self._template.close()
            self._template = None
        reading = [child.reading for child in self._children if child.reading is not None]
        if reading:
            await asyncio.wait(reading, timeout=5.0)

    def _refill(self, name: str, least: int = 0) -> None:
        if self._draining:
            return
        most = max(self._warm, least)
        for _ in range(most - len(self._ready[name]) - self._making[name]):
            self._making[name] += 1
            task = asyncio.create_task(self._one_more(name), name=f"warm child for {name}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _one_more(self, name: str) -> None:
        try:
            child = await self._child(name)
            await asyncio.wait_for(asyncio.shield(child.loaded), BOOT)
        except (DailyConfigError, StartFailed, TimeoutError, OSError) as exc:
            if not self._draining:
                logger.warning("No bot {!r} could be made ready: {}", name, exc)
        else:
            self._put(name, child)
        finally:
            self._making[name] -= 1

    def _put(self, name: str, child: LaunchedChild) -> None:
        # A first child that shows that the bot loads is kept even where none is to wait ready.
        if self._draining or len(self._ready[name]) >= max(self._warm, 1):
            child.writer.close()
        elif not child.end.done():
            self._ready[name].append(child)

    async def _start_template(self) -> LaunchedTemplate | None:
        bots = self._bots.values() if self._load_bots else ()
        self._template = await LaunchedTemplate.start(self._preload, bots, self.program)
        self._fork = self._template is not None
        return self._template

    async def _child(self, name: str) -> LaunchedChild:
        """Start a child that imports a bot and then waits for its session."""
        child = (await self._forked() if self._fork else None) or await self._spawned()
        child.agent = name
        if self._draining:
            child.kill("The server has ended.")
        self._children.add(child)
        program = self.program and asdict(self.program)
        child.send({"load": self._bots[name], "path": sys.path, "program": program})
        child.reading = asyncio.create_task(self._read(child), name="child process")
        return child

    async def _forked(self) -> LaunchedChild | None:
        """Fork a child, from a new template if it has died; None where nothing can be forked."""
        async with self._forking:
            template = self._template or await self._start_template()
            if template is None:
                return None
            try:
                orders, answers = await template.fork()
            except ConnectionError:
                logger.warning("The process that bots are forked from has died: another is started")
                self._template = None  # should its start fail, the next session tries again
                await template.close()
                if (template := await self._start_template()) is None:
                    return None
                orders, answers = await template.fork()
        _, writer = await asyncio.open_connection(sock=orders)
        reader, back = await asyncio.open_connection(sock=answers, limit=_LINE)
        return LaunchedChild(reader, writer, back)

    async def _spawned(self) -> LaunchedChild:
        with ExitStack() as stack:
            passed: tuple[int, ...] = ()
            if self.program is not None and os.name == "posix":
                passed = (os.dup(1),)
                stack.callback(os.close, *passed)
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-c", f"from {CHILD} import main; main()", *map(str, passed)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LINE,
                start_new_session=sys.platform != "win32",
                pass_fds=passed,
            )
        if process.stdout is None or process.stdin is None:  # pragma: no cover - both are pipes
            raise StartFailed("A bot's process has no pipes.")
        return LaunchedChild(process.stdout, process.stdin, pid=process.pid, process=process)

    async def _read(self, child: LaunchedChild) -> None:
        """Read what a child says, to its end."""
        try:
            while line := await child.reader.readline():
                message = json.loads(line)
                child.hear(message)
                if "measured" in message and child.session_id is not None:
                    self._told(child.session_id, message["measured"])
                if "running" in message and child.session_id is not None:
                    self._running(child.session_id)
                    self._refill(child.agent)  # not before: a bot that is to run comes first
        except (ConnectionError, ValueError, OSError, TypeError, LookupError):
            pass  # it died in the middle of a line, or the bot has written to the wire
        finally:
            for ready in self._ready.values():
                if child in ready:
                    ready.remove(child)
            if child.session_id is not None:
                self._refill(child.agent)  # it may have died before it ran
            await child.over()
            self._children.discard(child)

    async def _look(self) -> None:
        """Look at the memory of the bots."""
        while True:
            await asyncio.sleep(self._memory_check)
            for session_id, child in list(self._sessions.items()):
                used = await asyncio.to_thread(child.memory)  # it takes the kernel a while
                if used is None:
                    continue
                if self._memory_limit is not None and used > self._memory_limit:
                    child.kill(f"It used {used >> 20} MB of memory and was killed.")
                    bot = self._bot_in(session_id)
                    logger.error("{} used {} MB and was killed", bot, used >> 20)
                elif self._memory_warning is not None and used > self._memory_warning:
                    if not child.warned:
                        child.warned = True
                        logger.warning("{} uses {} MB", self._bot_in(session_id), used >> 20)
