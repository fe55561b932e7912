# SPDX-License-Identifier: BSD-2-Clause
"""drain_on_exit(): a server that is told to stop leaves no room, whatever else it waits for."""

import _thread
import asyncio
import math
import os
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from pipecat_daily_rest._core import settings, signals
from pipecat_daily_rest._core.timings import DELETE_BOUND, Timings
from pipecat_daily_rest._core.waiting import finish
from pipecat_daily_rest._rooms.owned import process_rooms


@asynccontextmanager
async def drain_on_exit(
    bound: timedelta | float = DELETE_BOUND, *, grace: timedelta | float = 0.0
) -> AsyncIterator[None]:
    """Delete every room that this process owns when the process is told to stop.

    For a FastAPI lifespan or an aiohttp cleanup context. A server reaches the end of those only
    when its requests and background tasks have ended, so the deletion begins at the signal: at
    SIGINT, SIGTERM and SIGHUP, and at SIGQUIT where the server handles it. The server's own handler
    is called afterwards. A signal without a handler ends the process once the rooms are gone.
    Outside the main thread, or without a signal, the deletion begins at the end of the block.

    Rooms that are made later are deleted too, until the block ends.

    Args:
        bound: Seconds or a ``timedelta`` to wait for the deletions at the most.
        grace: Seconds or a ``timedelta`` that rooms in use may go on after the signal. A room whose
            own block ends earlier is deleted then, and a pool's waiting rooms are deleted at once.
            There is no grace when this block ends by an exception or a cancellation.

    Yields:
        Nothing.

    Raises:
        DailyConfigError: ``bound`` or ``grace`` is not a number of seconds.
    """
    drain = _Drain(
        settings.seconds("bound", bound, least=0), settings.seconds("grace", grace, least=0)
    )
    try:
        yield
    except BaseException:
        await drain.end(patient=False)
        raise
    else:
        await drain.end(patient=True)


class _Drain:
    """One block, which deletes rooms from the signal on, or from its end if none came."""

    def __init__(self, bound: float, grace: float) -> None:
        self._bound = bound
        self._grace = grace
        self._timings = Timings.current()
        self._grace_ends = math.inf  # by the monotonic clock; not known before the signal
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._pending: int | None = None  # a signal that ends the process once the rooms are gone
        self._begun = threading.Event()
        self._over = threading.Event()
        self._listener = signals.Listener(self._signalled, signals.server_stops())
        self._listener.attach()

    async def end(self, *, patient: bool) -> None:
        """End the block; a patient end waits for the grace."""
        self._start_grace()
        try:
            while patient:
                if await self._round():
                    break
                await asyncio.sleep(self._timings.drain_check)
        finally:
            self._grace_ends = -math.inf
            try:
                await self._round()
            finally:
                await self._stop()

    async def _stop(self) -> None:
        try:
            if self._task is not None:
                self._task.cancel()
                await finish(self._task)
        finally:
            process_rooms.drains.discard(self)
            self._listener.close()
            self._end_process()
            self._over.set()

    def _signalled(self, number: int) -> None:
        """Called from a signal handler, so it takes no lock and logs nothing."""
        ends_process = self._pending is None and signals.is_default(number)
        if ends_process:
            self._pending = number
        if ends_process or self._grace_ends == math.inf:
            self._start_grace()
            _thread.start_new_thread(self._watch, ())
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._begin)

    def _start_grace(self) -> None:
        self._grace_ends = min(self._grace_ends, time.monotonic() + self._grace)
        process_rooms.drains.add(self)

    def _begin(self) -> None:
        if self._task is None:
            self._task = self._loop.create_task(self._run(), name="delete this process's rooms")

    async def _run(self) -> None:
        while True:
            if await self._round():
                self._end_process()
            await asyncio.sleep(self._timings.drain_check)

    async def _round(self) -> bool:
        """Delete the rooms that may be deleted now, and tell whether none is left in use."""
        left = self._grace_ends - time.monotonic()
        if left > 0:
            await process_rooms.drain(min(left, self._bound), only_waiting=True)
            return not process_rooms.in_use()
        self._begun.set()
        await process_rooms.drain(self._bound)
        return True

    def _end_process(self) -> None:
        """Let a signal that nobody handles do what it does by default, in the main thread."""
        number, self._pending = self._pending, None
        if number is not None:
            self._over.set()
            signals.act_by_default(number)

    def _watch(self) -> None:
        """In a thread, since a bot may block the event loop."""
        blocked = self._timings.loop_blocked
        if not self._begun.wait(self._grace + blocked) and not self._over.is_set():
            asyncio.run(process_rooms.drain(self._bound))
            if self._begun.is_set():
                return
        elif self._over.wait(self._bound + blocked):
            return
        if self._pending is not None:
            os._exit(128 + self._pending)
