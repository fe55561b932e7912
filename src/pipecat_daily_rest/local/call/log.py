# SPDX-License-Identifier: BSD-2-Clause
"""What happened in the rooms, line by line."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loguru import logger

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.arguments import must_be
from pipecat_daily_rest.local.call.clock import Clock

_MOST = 10_000  # lines that are kept


@dataclass(frozen=True)
class LogEntry:
    """One line of what happened.

    Parameters:
        at: Unix seconds.
        room: The room's name.
        what: ``created``, ``deleted``, ``expired``, ``bot joined``, ``person left``, …
        detail: The participant's id and why, where there is more to say; never a secret.
        participant: The participant's id, where it came or went; else "".
        meeting: The meeting that it came to or went from; else "".
    """

    at: float
    room: str
    what: str
    detail: str = ""
    participant: str = ""
    meeting: str = ""


class Log:
    """What happened, and waiting for it."""

    def __init__(self, clock: Clock) -> None:
        """Initialize an empty log."""
        self.clock = clock
        self.log: list[LogEntry] = []  # the latest
        self.observers: list[Callable[[str, Any], None]] = []
        self._watchers: list[Callable[[LogEntry], None]] = []

    def record(self, room: str, what: str, detail: str = "", **whose: str) -> None:
        """Note what happened."""
        entry = LogEntry(self.clock.now(), room, what, detail, **whose)
        self.log.append(entry)
        if len(self.log) > _MOST:
            del self.log[: _MOST // 10]
        logger.debug("Local room {}: {}{}", room, what, f" ({detail})" if detail else "")
        for watcher in list(self._watchers):
            watcher(entry)

    def notify(self, what: str, subject: Any) -> None:
        """Tell the observers, who neither wait nor raise."""
        for observer in self.observers:
            observer(what, subject)

    async def wait_for(self, what: str, *, room: str | None = None, count: int = 1) -> LogEntry:
        """Wait until something has happened, however long ago.

        Args:
            what: As in `LogEntry.what`.
            room: In which room; in any when None.
            count: How often.

        Returns:
            The entry that made the count.

        Raises:
            DailyConfigError: An argument cannot be one.
        """
        must_be(str, what=what)
        must_be(str | None, room=room)
        must_be(int, count=count)
        if count < 1:
            msg = f"count must be at least 1, not {count}."
            raise DailyConfigError(msg)
        found: asyncio.Future[LogEntry] = asyncio.get_running_loop().create_future()

        def look(_: LogEntry | None = None) -> None:
            matches = [e for e in self.log if e.what == what and room in (None, e.room)]
            if len(matches) >= count and not found.done():
                found.set_result(matches[count - 1])

        self._watchers.append(look)
        try:
            look()
            return await found
        finally:
            self._watchers.remove(look)
