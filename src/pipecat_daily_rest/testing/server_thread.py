# SPDX-License-Identifier: BSD-2-Clause
"""A server on an event loop and a thread of its own."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

S = TypeVar("S")
T = TypeVar("T")


class ServerThread(Generic[S]):
    """A server on an event loop and a thread of its own, which a blocked test cannot freeze."""

    def __init__(self, name: str, open: Callable[[], AbstractAsyncContextManager[S]]) -> None:
        """Start it; ``name`` is its fixture's."""
        self._name = name
        self._open = open
        started: Future[S] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._live(started)),
            name=name.replace("_", "-"),
            daemon=True,
        )
        self._thread.start()
        self.server = started.result()

    async def _live(self, started: "Future[S]") -> None:
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        try:
            async with self._open() as server:
                started.set_result(server)
                await self._end.wait()
        except BaseException as exc:
            if started.done():
                raise
            started.set_exception(exc)

    def stop(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def call(self, function: Callable[..., T], *args: Any, **options: Any) -> T:
        """Call a function, which must not wait, on the thread; from any thread."""
        if threading.current_thread() is self._thread:  # in a condition that a test passed in
            return function(*args, **options)

        async def work() -> T:
            return function(*args, **options)

        return self._start(work()).result()

    async def follow(self, work: Coroutine[Any, Any, T]) -> T:
        """Await a coroutine that runs on the thread; on any event loop."""
        return await asyncio.wrap_future(self._start(work))

    def block(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for a coroutine that runs on the thread; without an event loop."""
        if threading.current_thread() is self._thread:
            work.close()
            msg = f"this runs on the thread of {self._name}, where nothing may wait: await it in the test"
            raise RuntimeError(msg)
        future = self._start(work)
        try:
            return future.result()
        finally:
            future.cancel()  # a timeout of the test, or Ctrl-C

    def _start(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        if self._loop.is_closed():
            work.close()
            msg = f"{self._name} has ended with its test"
            raise RuntimeError(msg)
        return asyncio.run_coroutine_threadsafe(work, self._loop)
