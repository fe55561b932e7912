# SPDX-License-Identifier: BSD-2-Clause
"""What happened in the rooms, line by line, and those who want to know at once."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loguru import logger

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.arguments import must_be
from pipecat_daily_rest.local.call.clock import Clock
from pipecat_daily_rest.local.secret import trace

_MOST = 10_000  # entries; the oldest go


@dataclass(frozen=True)
class LogEntry:
    """One line of what happened.

    Parameters:
        at: Unix seconds.
        room: The room's name.
        what: ``created``, ``deleted``, ``expired``, ``bot joined``, ``person left``, …
        detail: The participant's id and why, where there is more to say; never a secret.
        participant: The id of the participant who joined or left; else "".
        meeting: The id of the meeting that it joined or left; else "".
    """

    at: float
    room: str
    what: str
    detail: str = ""
    participant: str = ""
    meeting: str = ""


class Log:
    """What happened, waiting for it, and the observers who are told of it.

    Parameters:
        entries: The latest 10,000, oldest first.
        observers: Each is called with what happened and to whom, as ``("joined", participant)``.
        watchers: Each is called with every new entry. Neither may wait or raise.
    """

    def __init__(self, clock: Clock, api_key: str = "") -> None:
        """Initialize an empty log; tracebacks are logged with the key masked."""
        self.clock = clock
        self.entries: list[LogEntry] = []
        self.observers: list[Callable[[str, Any], None]] = []
        self._api_key = api_key
        self.watchers: list[Callable[[LogEntry], None]] = []

    def record(self, room: str, what: str, detail: str = "", **ids: str) -> None:
        """Add an entry; ``ids`` are its ``participant`` and ``meeting``."""
        entry = LogEntry(self.clock.now(), room, what, detail, **ids)
        self.entries.append(entry)
        if len(self.entries) > _MOST:
            del self.entries[: _MOST // 10]
        logger.debug("Local room {}: {}{}", room, what, f" ({detail})" if detail else "")
        for watcher in list(self.watchers):
            watcher(entry)

    def failed(self, room: str, what: str, exc: Exception) -> None:
        """Write an exception to the program's log."""
        logger.error("Local room {}: {}:\n{}", room, what, trace(exc, self._api_key))

    def notify(self, what: str, subject: Any) -> None:
        """Call the observers."""
        for observer in self.observers:
            observer(what, subject)

    async def wait_for(self, what: str, *, room: str | None = None, count: int = 1) -> LogEntry:
        """Wait until it has happened ``count`` times since the start; give the last of these."""
        must_be(str, what=what)
        must_be(str | None, room=room)
        must_be(int, count=count)
        if count < 1:
            msg = f"count must be at least 1, not {count}."
            raise DailyConfigError(msg)
        found: asyncio.Future[LogEntry] = asyncio.get_running_loop().create_future()

        def look(_: LogEntry | None = None) -> None:
            matches = [e for e in self.entries if e.what == what and room in (None, e.room)]
            if len(matches) >= count and not found.done():
                found.set_result(matches[count - 1])

        self.watchers.append(look)
        try:
            look()
            return await found
        finally:
            self.watchers.remove(look)
