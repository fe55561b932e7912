# SPDX-License-Identifier: BSD-2-Clause
"""The end of a runner: one deadline, and a watchdog that keeps it."""

import asyncio
import sys
import threading
import time
from collections.abc import Awaitable

from pipecat_daily_rest._bot.signals import leave, say, stop_early
from pipecat_daily_rest._core.timings import Timings
from pipecat_daily_rest._core.waiting import finish
from pipecat_daily_rest._rooms.bounds import Bounds
from pipecat_daily_rest._rooms.owned import owned_rooms, process_rooms


class Ending(Bounds):
    """The end of a runner: when it was told to stop, and how long each part may still take.

    Everything is counted from the first signal. Without one a part has its own full time.

    Parameters:
        stop: Set in the event loop once the bot is to end.
        hurry: Set in the event loop at the second signal.
        deleting: Set once nothing but the deletion is to come.
        signals: How many there were; what comes within half a second is the echo of one.
        first_at: When the first one came.
        begun: Whether there may be a room.
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

    def begin(self) -> None:
        """From now on a signal is only noted: until then it ends the process at once."""
        self.begun = True

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

    async def outlasts(self, beginning: Awaitable[object]) -> bool:
        """Wait for what comes before the room, and give it up at a signal."""
        begun = asyncio.ensure_future(beginning)
        stopped = asyncio.create_task(self.stop.wait())
        try:
            await asyncio.wait({begun, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if self.stop.is_set():
                self.deleting.set()
            stopped.cancel()
            begun.cancel()  # does nothing to what is over
            await finish(begun)
        if not begun.cancelled():
            begun.result()
        return not self.stop.is_set()

    def left(self, until: float) -> float:
        """Give the time to an instant of the end.

        Args:
            until: Seconds after the first signal.

        Returns:
            Seconds; all of them while there was no signal.
        """
        gone = 0.0 if self.first_at is None else time.monotonic() - self.first_at
        return max(0.0, until - gone)

    def grace(self) -> float:
        """Give the time that a bot has left to end.

        Returns:
            Seconds.
        """
        return self.left(self.timings.bot_grace)

    def create(self) -> float:
        """Give the time that a create in flight has left to answer.

        Returns:
            Seconds.
        """
        return self.left(self.timings.last_create)

    def delete(self) -> float:
        """Give the time that a deletion has left; the earlier parts never shorten its last 5 s.

        Returns:
            Seconds.
        """
        longest = self.timings.last_delete
        return min(longest, self.left(self.timings.last_create + longest))


class Watchdog:
    """Ends the process in time even when the bot blocks the event loop or leaves threads behind.

    It sleeps until the first signal. If the session has not begun to delete its room when the
    bot's grace is over, the watchdog deletes it from its own thread.
    """

    def __init__(self, ending: Ending) -> None:
        """Initialize and start."""
        self._ending = ending
        self._code = 1
        self._over = threading.Event()
        self._signals = 0
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def over(self, code: object) -> None:
        """Note that the session has ended in order."""
        self._code = code if isinstance(code, int) else int(code is not None)
        self._signals = self._ending.signals
        self._ending.deleting.set()
        self._over.set()

    def _watch(self) -> None:
        ending = self._ending
        while ending.first_at is None:
            time.sleep(0.1)  # a signal handler must take no lock, so it cannot wake a thread
        if ending.begun:
            while ending.create() and ending.signals < 2 and not ending.deleting.is_set():
                ending.deleting.wait(0.05)
            if not ending.deleting.wait(0.5):
                self._rescue()
        # A second signal, after the end, does not wait for threads that the bot has left behind.
        while ending.left(ending.timings.process_end) and not (
            self._over.is_set() and ending.signals > max(1, self._signals)
        ):
            time.sleep(0.05)
        leave(self._code)

    def _rescue(self) -> None:
        rooms = owned_rooms()
        asyncio.run(process_rooms.drain(self._ending.delete()))
        for room in rooms:
            if room.gone:
                say(f"Room {room.name} deleted")
        say(
            "Error: The bot blocked the event loop; it was ended with its process.", file=sys.stderr
        )
        leave(1)
