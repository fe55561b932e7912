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

from pipecat_daily_rest.server.launcher import Ended


@dataclass(eq=False)
class LaunchedChild:
    """A child process, from its start to its end."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
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
    is_ready: asyncio.Future[bool] | None = None
    reading: asyncio.Task[None] | None = None

    def send(self, message: Mapping[str, Any]) -> None:
        """Send it an order."""
        self.writer.write(json.dumps(message).encode() + b"\n")

    def kill(self, why: str) -> None:
        """Kill it; ``why`` is how it has ended then."""
        if self.killed is None and not self.end.done():
            self.killed = why
        with suppress(ProcessLookupError):
            if self.handle is not None:
                signal.pidfd_send_signal(self.handle, signal.SIGKILL)
            elif self.process is not None:
                self.process.kill()
            elif self.pid:
                os.kill(self.pid, signal.SIGKILL)

    def memory(self) -> int | None:
        """Tell its memory in bytes, without what it shares with others; None where nobody tells."""
        try:
            with open(f"/proc/{self.pid}/smaps_rollup", encoding="ascii") as file:
                pss = next(line for line in file if line.startswith("Pss:"))
        except (OSError, StopIteration):
            return None
        return int(pss.split()[1]) * 1024

    def close(self) -> None:
        """Let go of a process that is gone."""
        self.writer.close()
        if self.handle is not None:
            os.close(self.handle)
            self.handle = None
