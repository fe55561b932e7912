# SPDX-License-Identifier: BSD-2-Clause
"""Begins the drain at the signal: a server reaches the end of its lifespan long afterwards."""

import asyncio
from collections.abc import Awaitable, Callable

from pipecat_daily_rest._core import signals


class DrainSignals:
    """Listens beside the server that the app runs in, whose own handlers are called as well."""

    def __init__(self, drain: Callable[[], Awaitable[None]]) -> None:
        """Begin to listen. ``drain`` is called at each signal."""
        self._drain = drain
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: int | None = None  # a signal that ends the process once the drain is over
        self._listener = signals.Listener(self._signalled, signals.server_stops())
        self._listener.attach()

    def close(self) -> None:
        """Listen no longer."""
        self._listener.close()

    def _signalled(self, number: int) -> None:
        """Called from a signal handler, so it takes no lock and logs nothing."""
        if self._held is None and signals.is_default(number):
            self._held = number
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        task = self._loop.create_task(self._run(), name="drain at a signal")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self) -> None:
        await self._drain()
        held, self._held = self._held, None
        if held is not None:
            signals.act_by_default(held)
