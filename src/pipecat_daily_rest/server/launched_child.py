# SPDX-License-Identifier: BSD-2-Clause
"""The process of a bot, as its launcher sees it."""

import asyncio
import json
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from loguru import logger

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.server.launcher import Ended

LEAVE = 10.0  # seconds that a process may go on after its bot has ended


@dataclass(eq=False)
class LaunchedChild:
    """A child process, from its start to its end."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    answers: asyncio.StreamWriter | None = None  # the other way of `reader`, of one that was forked
    pid: int = 0
    agent: str = ""
    process: asyncio.subprocess.Process | None = None  # of one that was not forked
    handle: int | None = None  # a pidfd
    session_id: str | None = None
    loaded: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    end: asyncio.Future[Ended] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    killed: str | None = None  # why this launcher killed it
    warned: bool = False
    has_readyz: bool = False
    is_ready: asyncio.Future[bool] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    reading: asyncio.Task[None] | None = None
    dead: asyncio.Event = field(default_factory=asyncio.Event)  # where there is a pidfd
    leaving: asyncio.TimerHandle | None = None

    def identify(self, pid: int) -> None:
        """Note its process, whose end counts: a process that it has forked may hold the wire."""
        self.pid = pid
        with suppress(OSError, AttributeError):
            self.handle = os.pidfd_open(pid)
            asyncio.get_running_loop().add_reader(self.handle, self._died)
        if self.killed is not None:
            self.kill(self.killed)

    def hear(self, message: Mapping[str, Any]) -> None:
        """Note what it says."""
        if "pid" in message:
            self.identify(message["pid"])
        elif "loaded" in message and not self.loaded.done():
            self.has_readyz = message["readyz"]
            self.loaded.set_result(None)
        elif "failed" in message and not self.loaded.done():
            self._has_not_loaded(message["failed"])
            if self.session_id is not None and not self.end.done():
                logger.error("Session {}: {}", self.session_id, message["failed"])
                error = message["failed"].strip().splitlines()[-1]
                self.end.set_result(Ended(outcome="error", error=error))
        elif "readyz" in message and not self.is_ready.done():
            self.is_ready.set_result(message["readyz"])
        elif "ended" in message and not self.end.done():
            self.end.set_result(Ended(outcome=message["ended"], error=message.get("error")))
            self.leave_within(LEAVE)

    def _says_no_more(self) -> None:
        if not self.end.done():
            if self.killed is not None:
                ended = Ended(outcome="error", error=self.killed)
            elif not self.pid:
                ended = Ended(outcome="error", error="The bot's process could not be started.")
            else:
                ended = Ended(outcome="lost", error="The bot's process died.")
            self.end.set_result(ended)
        if not self.loaded.done():
            self._has_not_loaded("The process of a bot ended while it imported the bot.")

    def _has_not_loaded(self, why: str) -> None:
        self.loaded.set_exception(DailyConfigError(why))
        self.loaded.exception()  # nobody may be waiting for it

    def _died(self) -> None:
        loop = asyncio.get_running_loop()
        if self.handle is not None:
            loop.remove_reader(self.handle)
        self.dead.set()
        loop.call_later(0, self.reader.feed_eof)  # after what it has said

    def send(self, message: Mapping[str, Any]) -> None:
        """Send it an order."""
        self.writer.write(json.dumps(message).encode() + b"\n")

    async def ask_ready(self) -> bool:
        """Ask its bot's ``readyz()``; one that has ended is not ready."""
        self.is_ready = asyncio.get_running_loop().create_future()
        self.send({"readyz": True})
        either: set[asyncio.Future[Any]] = {self.is_ready, self.end}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return self.is_ready.done() and self.is_ready.result()

    def kill(self, why: str) -> None:
        """Kill it; ``why`` is how it has ended then."""
        if self.killed is None and not self.end.done():
            self.killed = why
        self._signal()

    def leave_within(self, seconds: float) -> None:
        """Kill it unless it ends within so many seconds."""
        if self.leaving is not None:
            self.leaving.cancel()
        self.leaving = asyncio.get_running_loop().call_later(seconds, self._signal)

    def _signal(self) -> None:
        """Kill it with what it has started: it leads a process group."""
        with suppress(ProcessLookupError, PermissionError):
            if self.pid and hasattr(os, "killpg"):
                os.killpg(self.pid, signal.SIGKILL)
            elif self.process is not None:
                self.process.kill()

    def memory(self) -> int | None:
        """Tell its memory in bytes, without what it shares with others; None where nobody tells."""
        return memory_of(self.pid)

    async def over(self) -> None:
        """Wait for the end of a process whose wire has ended.

        One whose bot has not ended has closed the wire, and nobody could end it any more.
        """
        grace = LEAVE if self.end.done() else 0.0
        self._says_no_more()
        if self.process is None and self.handle is None:
            self._signal()
            self.close()
            return
        end = self.process.wait() if self.process is not None else self.dead.wait()
        ending = asyncio.ensure_future(end)
        if grace:
            await asyncio.wait({ending}, timeout=grace)
        self._signal()  # also once it has ended: what its bot has started may go on
        if not ending.done():
            await asyncio.wait({ending}, timeout=5.0)
            ending.cancel()
        self.close()

    def close(self) -> None:
        """Let go of a process that is gone."""
        self.writer.close()
        if self.answers is not None:
            self.answers.close()
        self.pid = 0
        if self.leaving is not None:
            self.leaving.cancel()
        if self.handle is not None:
            asyncio.get_running_loop().remove_reader(self.handle)
            os.close(self.handle)
            self.handle = None


def memory_of(pid: int) -> int | None:
    """Tell a process's memory in bytes, with its share of what others have, too; None if unknown."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            pss = next(line for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return None
    return int(pss.split()[1]) * 1024
