# SPDX-License-Identifier: BSD-2-Clause
"""The threads behind the module: one for all sockets, and some for the bot's callbacks.

A bot's callbacks may block (Pipecat's do, until the bot's loop has taken the event), so they never
run on the bot's loop or on the loop of the sockets. All threads are daemons. They end before the
interpreter does.
"""

import asyncio
import atexit
import heapq
import itertools
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

import aiohttp
from loguru import logger

_GRACE = 1.0  # seconds that the end of the process waits for all threads

T = TypeVar("T")

_workers: "weakref.WeakSet[Worker]" = weakref.WeakSet()


def is_too_late(exc: Exception) -> bool:
    """Tell whether a callback failed because the event loop that it calls is closed."""
    return isinstance(exc, RuntimeError) and str(exc) == "Event loop is closed"


def complete(completion: Callable[..., object], *args: Any) -> None:
    """Call a completion and log what it raises; a closed event loop is no error by then."""
    try:
        completion(*args)
    except Exception as exc:
        if not is_too_late(exc):
            _log_failure()


def _log_failure() -> None:
    # As text: loguru itself would also print the values in the frames.
    logger.error("A callback of the call failed:\n{}", traceback.format_exc())


class Worker:
    """A thread that makes calls in order, each at its time."""

    def __init__(self, name: str) -> None:
        """Initialize the worker; its thread starts with the first call."""
        self._name = name
        self._due: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self._count = itertools.count()
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None
        self._ending = self._stopped = False
        _workers.add(self)

    def call(self, callback: Callable[..., object], *args: Any, at: float = 0.0) -> None:
        """Call back on the thread, `at` a time of `time.monotonic`, unless it has stopped."""
        with self._news:
            if self._stopped:
                return
            heapq.heappush(self._due, (at, next(self._count), callback, args))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._news.notify()

    def stop(self) -> None:
        """End the thread after its current call; drop the calls that are still due."""
        with self._news:
            self._ending = self._stopped = True
            self._due.clear()
            self._news.notify()

    def finish(self) -> None:
        """End the thread after the calls that are due by now."""
        self._ending = True
        self.call(self.stop, at=time.monotonic())

    def join(self, timeout: float) -> None:
        """Wait for the thread's end, for so many seconds at most."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._news:
                while not self._stopped and (not self._due or self._wait() > 0):
                    self._news.wait(self._wait() if self._due else None)
                if self._stopped:
                    return
                _, _, callback, args = heapq.heappop(self._due)
            try:
                callback(*args)
            except Exception as exc:
                if not (self._ending and is_too_late(exc)):
                    _log_failure()
            del callback, args  # an idle thread must keep nothing alive

    def _wait(self) -> float:
        return self._due[0][0] - time.monotonic()


class _Sockets:
    """The thread on which all websockets of the process live."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._connections: aiohttp.ClientSession | None = None
        self._closed = False

    @property
    def connections(self) -> aiohttp.ClientSession:
        """The connections of the process; for use on the thread only."""
        if self._connections is None:
            # aiohttp's limit is 100 connections; a process may have more bots.
            connector = aiohttp.TCPConnector(limit=0)
            self._connections = aiohttp.ClientSession(connector=connector)
        return self._connections

    def start(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """Run a coroutine on the thread; the future is cancelled when the process ends."""
        with self._lock:
            if not self._closed:
                if self._loop is None:
                    self._loop = asyncio.new_event_loop()
                    self._thread = threading.Thread(
                        target=self._run, args=(self._loop,), name="daily-sockets", daemon=True
                    )
                    self._thread.start()
                return asyncio.run_coroutine_threadsafe(work, self._loop)
        work.close()
        future: Future[T] = Future()
        future.cancel()
        return future

    def call(self, callback: Callable[..., object], *args: Any) -> None:
        """Call back on the thread, if it runs."""
        with self._lock:
            if self._loop is not None and not self._closed:
                self._loop.call_soon_threadsafe(callback, *args)

    def close(self, timeout: float) -> None:
        """Close every socket and end the thread, within so many seconds."""
        with self._lock:
            self._closed = True
            if self._loop is None or self._thread is None:
                return
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.run_forever()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        if self._connections is not None:
            loop.run_until_complete(self._connections.close())
        loop.close()


sockets = _Sockets()


def _end() -> None:
    sockets.close(_GRACE)
    deadline = time.monotonic() + _GRACE
    workers = list(_workers)
    for worker in workers:
        worker.stop()
    for worker in workers:
        worker.join(max(0.0, deadline - time.monotonic()))


atexit.register(_end)
