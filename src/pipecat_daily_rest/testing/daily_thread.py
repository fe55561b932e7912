# SPDX-License-Identifier: BSD-2-Clause
"""A local Daily on a thread of its own, and how other threads use it."""

import asyncio
import copy
import functools
import inspect
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from pipecat_daily_rest._http.api import API
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.outside.phone import DialIn, DialOut
from pipecat_daily_rest.local.rest.faults import Chaos, Fault
from pipecat_daily_rest.local.room_handle import RoomHandle
from pipecat_daily_rest.local.scripted.person import Scripted

T = TypeVar("T")


class DailyThread:
    """A local Daily on an event loop and a thread of its own, which a blocked test cannot freeze."""

    def __init__(self, **options: Any) -> None:
        """As for `LocalDaily`."""
        self._options = options
        started: Future[LocalDaily] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._live(started)), name="local-daily", daemon=True
        )
        self._thread.start()
        self.daily = started.result()

    async def _live(self, started: "Future[LocalDaily]") -> None:
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        try:
            async with LocalDaily(**self._options) as daily:
                started.set_result(daily)
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
            msg = "this runs on the local Daily's own thread, where nothing may wait"
            raise RuntimeError(msg)
        future = self._start(work)
        try:
            return future.result()
        finally:
            future.cancel()  # a timeout of the test, or Ctrl-C

    def _start(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        if self._loop.is_closed():
            work.close()
            msg = "local_daily has ended with its test"
            raise RuntimeError(msg)
        return asyncio.run_coroutine_threadsafe(work, self._loop)


class Remote:
    """An object of the local Daily's thread: all that is asked of it happens there.

    Mixed into the class of the object, so that it passes every check for that class.
    """

    def __init__(self, thread: DailyThread, target: Any) -> None:
        """Stand for ``target``."""
        self.__dict__.update(_thread=thread, _target=target)

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("_"):
            return super().__getattribute__(name)
        value = self._thread.call(getattr, self._target, name)
        if inspect.iscoroutinefunction(value):

            @functools.wraps(value)
            async def follow(*args: Any, **options: Any) -> Any:
                return self._reached(await self._thread.follow(value(*args, **options)))

            return follow
        if inspect.ismethod(value):
            return lambda *args, **options: self._reached(
                self._thread.call(value, *args, **options)
            )
        if isinstance(value, list | dict):
            return self._thread.call(copy.copy, value)
        return self._reached(value)

    def __setattr__(self, name: str, value: Any) -> None:
        msg = f"{name} cannot be set"
        raise AttributeError(msg)

    def _reached(self, value: Any) -> Any:
        for cls, remote in _REMOTE.items():
            if isinstance(value, cls):
                return remote(self._thread, value)
        return value

    def __repr__(self) -> str:
        return repr(self._target)


class RemotePerson(Remote, Scripted):
    """A participant."""


class RemoteRoom(Remote, RoomHandle):
    """A room."""


class RemoteDialIn(Remote, DialIn):
    """A call that comes in."""


class RemoteDialOut(Remote, DialOut):
    """A call that goes out."""


class RemoteFault(Remote, Fault):
    """A fault."""


class RemoteChaos(Remote, Chaos):
    """Random faults."""


_REMOTE: dict[type, type[Remote]] = {
    Scripted: RemotePerson,
    DialIn: RemoteDialIn,
    DialOut: RemoteDialOut,
}


class RemoteAPI(API):
    """Sends from the local Daily's thread, where its session can be closed after any test."""

    def __init__(self, thread: DailyThread) -> None:
        super().__init__(api_key=thread.daily.api_key, api_url=thread.daily.api_url)
        self._thread = thread

    def sharing(self) -> API:
        """Give an API of its own on the same connections."""
        return RemoteAPI(self._thread)

    async def request(self, *args: Any, **options: Any) -> Any:
        """Send a request from the thread."""
        return await self._thread.follow(super().request(*args, **options))

    async def aclose(self) -> None:
        """Close it, in the thread."""
        await self._thread.follow(super().aclose())
