# SPDX-License-Identifier: BSD-2-Clause
"""The end of a bot's run: when it was told to stop, and how long each part of the end may take."""

import asyncio
import threading
import time
from collections.abc import Awaitable
from typing import TypeVar

from pipecat_daily_rest._bot.stop_signals import stop_early
from pipecat_daily_rest._core.timings import Timings
from pipecat_daily_rest._core.waiting import unless
from pipecat_daily_rest._rooms.bounds import Bounds

T = TypeVar("T")


class Ending(Bounds):
    """The end of a bot's run, counted from the first signal; without one each part has its full time.

    Parameters:
        stop: Set in the event loop once the bot is to end.
        hurry: Set in the event loop at the second signal.
        deleting: Set once nothing but the deletion is left.
        signals: How many came; what comes within ``timings.echo`` is the echo of one.
        first_at: When the first one came, by the monotonic clock.
        begun: Whether there may be a room; until then a signal ends the process at once.
    """

    def __init__(self, timings: Timings | None = None) -> None:
        """Initialize; the process's timings when None."""
        super().__init__(timings)
        self.stop = asyncio.Event()
        self.hurry = asyncio.Event()
        self.deleting = threading.Event()
        self.signals = 0
        self.first_at: float | None = None
        self.begun = False
        self._last_at = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None

    def attach(self) -> None:
        """Tell the running event loop of what is noted."""
        self.begun = True
        self._loop = asyncio.get_running_loop()
        if self.signals:
            self.stop.set()

    def signalled(self, number: int) -> None:
        """Note a signal. Called from a signal handler, so it takes no lock and logs nothing."""
        now = time.monotonic()
        if self.first_at is None:
            self.first_at = now
        elif now - self._last_at < self.timings.echo:
            return
        self._last_at = now
        self.signals += 1
        if not self.begun:
            stop_early(number)
        event = self.stop if self.signals == 1 else self.hurry
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(event.set)

    async def unless_stopped(self, beginning: Awaitable[T]) -> T | None:
        """Give the result of what comes before the bot; None when a signal has cancelled it."""

        async def stop() -> None:
            await self.stop.wait()
            self.deleting.set()

        result = await unless(stop(), beginning)
        if self.stop.is_set():  # perhaps since the beginning ended
            self.deleting.set()
        return result

    def left(self, until: float) -> float:
        """Give the seconds that are left until so many after the first signal; all without one."""
        gone = 0.0 if self.first_at is None else time.monotonic() - self.first_at
        return max(0.0, until - gone)

    def grace(self) -> float:
        """Give the seconds that the bot has left to end."""
        return self.left(self.timings.bot_grace)

    def create(self) -> float:
        """Give the seconds that a create in flight has left to be answered."""
        return self.left(self.timings.last_create)

    def delete(self) -> float:
        """Give the seconds that a deletion has left; the earlier parts never take from its own."""
        longest = self.timings.last_delete
        return min(longest, self.left(self.timings.last_create + longest))
