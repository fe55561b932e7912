# SPDX-License-Identifier: BSD-2-Clause
"""A local Daily on a thread of its own, and how other threads use it."""

import asyncio
import copy
import functools
import inspect
from collections.abc import Coroutine
from typing import Any, TypeVar

from pipecat_daily_rest._http.api import API
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.outside.phone import DialIn, DialOut
from pipecat_daily_rest.local.rest.faults import Chaos, Fault
from pipecat_daily_rest.local.room_handle import RoomHandle
from pipecat_daily_rest.local.scripted.person import Scripted
from pipecat_daily_rest.testing.server_thread import ServerThread

T = TypeVar("T")


class DailyThread(ServerThread[LocalDaily]):
    """A local Daily on an event loop and a thread of its own, which a blocked test cannot freeze."""

    def __init__(self, **options: Any) -> None:
        """As for `LocalDaily`."""
        self._error: BaseException | None = None  # that every wait raises
        self._waits: set[asyncio.Future[Any]] = set()
        super().__init__("local_daily", lambda: LocalDaily(**options))
        self.daily = self.server

    async def follow(self, work: Coroutine[Any, Any, T]) -> T:
        """Await a coroutine that runs on the thread; on any event loop."""
        following = asyncio.wrap_future(self._start(work))
        failure: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waits.add(failure)
        try:
            if self._error is None:
                await asyncio.wait({following, failure}, return_when=asyncio.FIRST_COMPLETED)
            if self._error is not None and not following.done():
                raise self._error
            return await following
        finally:
            self._waits.discard(failure)
            failure.cancel()
            following.cancel()

    def fail_waits(self, error: BaseException | None) -> None:
        """Have every wait raise an exception, those to come too; None ends that."""
        self._error = error
        for failure in list(self._waits) if error is not None else ():
            failure.get_loop().call_soon_threadsafe(failure.cancel)


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
