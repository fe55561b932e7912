# SPDX-License-Identifier: BSD-2-Clause
"""Ends a runner's process in time, whatever its bot does."""

import asyncio
import sys
import threading
import time
from typing import NoReturn

from pipecat_daily_rest._bot.ending import Ending
from pipecat_daily_rest._bot.output import leave, say
from pipecat_daily_rest._rooms.owned import owned_rooms, process_rooms
from pipecat_daily_rest.runner.local_daily_process import end_all


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
        """Note that the session has ended in order, with what SystemExit takes."""
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
        self._leave(self._code)

    def _rescue(self) -> None:
        rooms = owned_rooms()
        asyncio.run(process_rooms.drain(self._ending.delete()))
        for room in rooms:
            if room.gone:
                say(f"Room {room.name} deleted")
        say("Error: The bot blocked the event loop, so its process was ended.", file=sys.stderr)
        self._leave(1)

    def _leave(self, code: int) -> NoReturn:
        """End the process, with its local Daily: nothing of a run may outlive its command."""
        end_all(self._ending.left(self._ending.timings.process_end))
        leave(code)
