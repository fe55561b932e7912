# SPDX-License-Identifier: BSD-2-Clause
"""SIGINT and SIGTERM in a runner: kept whatever the bot installs, and one deadline for the end."""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

from pipecat_daily_rest.provision import Bounds
from pipecat_daily_rest.registry import drain, owned_rooms

GRACE = 3.0  # seconds that a bot has to end once it was told to stop
LAST_CREATE = 3.5  # seconds after the first signal: a create in flight is waited for no longer
DELETE = 5.0  # seconds that are kept for the deletion
ECHO = 0.5  # seconds; `timeout`, `uv run` and shells pass on a Ctrl-C that came by itself too
GONE = 8.9  # seconds after the first signal: a container is killed after 10

KEPT = (signal.SIGINT, signal.SIGTERM)


class Ending(Bounds):
    """The end of a runner: when it was told to stop, and how long each part may still take.

    Everything is counted from the first signal. Without one a part has its own full time.

    Parameters:
        stop: Set in the event loop once the bot is to end.
        hurry: Set in the event loop at the second signal.
        deleting: Set once nothing but the deletion is to come.
    """

    def __init__(self) -> None:
        """Initialize, in the running event loop."""
        self.stop = asyncio.Event()
        self.hurry = asyncio.Event()
        self.deleting = threading.Event()
        self.signals = 0
        self.first_at: float | None = None
        self._last_at = 0.0
        self._loop = asyncio.get_running_loop()

    def signalled(self) -> None:
        """Note a signal. Called from a signal handler, so it takes no lock and logs nothing."""
        now = time.monotonic()
        if self.first_at is None:
            self.first_at = now
        elif now - self._last_at < ECHO:
            return
        self._last_at = now
        self.signals += 1
        event = self.stop if self.signals == 1 else self.hurry
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(event.set)

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
        return self.left(GRACE)

    def create(self) -> float:
        """Give the time that a create in flight has left to answer.

        Returns:
            Seconds.
        """
        return self.left(LAST_CREATE)

    def delete(self) -> float:
        """Give the time that a deletion has left; the earlier parts never shorten its last 5 s.

        Returns:
            Seconds.
        """
        return DELETE if self.first_at is None else min(DELETE, self.left(LAST_CREATE + DELETE))


class Signals:
    """Keeps both signals for the runner while the block runs.

    Pipecat's ``WorkerRunner()`` installs handlers of its own and never restores what was there. A
    handler that is installed during the block, by ``signal.signal`` or through the event loop
    (which uses it), is called as well and not instead.
    """

    def __init__(self, on_signal: Callable[[], None]) -> None:
        """Initialize.

        Args:
            on_signal: Called at each signal, in the main thread, between two bytecodes.
        """
        self._on_signal = on_signal
        self._install = signal.signal
        self._before: dict[int, Any] = {}
        self._also: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in KEPT:
                self._before[number] = self._install(number, self._handle)
            signal.signal = self._keep
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._before:
            signal.signal = self._install
            for number, handler in self._before.items():
                self._install(number, handler)

    def _keep(self, signalnum: int, handler: Any) -> Any:
        if signalnum not in self._before:
            return self._install(signalnum, handler)
        before = self._also.get(signalnum, self._before[signalnum])
        self._also[signalnum] = handler
        return before

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._on_signal()
        also = self._also.get(number)
        if callable(also) and also is not signal.default_int_handler:
            also(number, frame)


class Watchdog:
    """Ends the process in time even when the bot blocks the event loop or leaves threads behind.

    It sleeps until the first signal. If the session has not begun to delete its room when the
    bot's grace is over, the watchdog deletes it from its own thread.
    """

    def __init__(self, ending: Ending) -> None:
        """Initialize and start.

        Args:
            ending: The runner's end.
        """
        self._ending = ending
        self._code = 1
        self._over = threading.Event()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def over(self, code: int) -> None:
        """Note that the session has ended in order.

        Args:
            code: The exit code.
        """
        self._code = code
        self._over.set()

    def _watch(self) -> None:
        ending = self._ending
        while ending.first_at is None:
            # A signal handler must take no lock, so it cannot wake a thread.
            if self._over.wait(0.1) and ending.first_at is None:
                return
        while ending.left(LAST_CREATE) > 0 and ending.signals < 2 and not ending.deleting.is_set():
            ending.deleting.wait(0.05)
        if not ending.deleting.wait(0.5):
            self._rescue()
        self._over.wait(ending.left(GONE))
        time.sleep(ending.left(GONE))
        leave(self._code)

    def _rescue(self) -> None:
        rooms = owned_rooms()
        asyncio.run(drain(self._ending.delete()))
        for room in rooms:
            if room.gone:
                print(f"Room {room.name} deleted", flush=True)
        print(
            "Error: The bot blocked the event loop; it was ended with its process.", file=sys.stderr
        )
        leave(1)


def leave(code: int) -> None:
    """End the process now, with everything that was printed.

    Args:
        code: The exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
    os._exit(code)
