# SPDX-License-Identifier: BSD-2-Clause
"""One aiohttp session for each event loop."""

import asyncio
import atexit
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from weakref import WeakSet

import aiohttp
from aiohttp.connector import Connection

from pipecat_daily_rest._core.loops import Loop

_KEEPALIVE = 50.0  # seconds; Daily's side drops an idle connection after 60 to 120


class _Connector(aiohttp.TCPConnector):
    """One that knows its transports."""

    def __init__(self) -> None:
        super().__init__(keepalive_timeout=_KEEPALIVE)
        self.transports: WeakSet[asyncio.Transport] = WeakSet()

    async def connect(self, *args: Any, **options: Any) -> Connection:
        connection = await super().connect(*args, **options)
        if (transport := connection.transport) is not None:
            self.transports.add(transport)
        return connection


class Lease:
    """The session of an event loop, and how many use it.

    Parameters:
        loop: Gives the event loop, or None once it is no more.
        session: The session.
        users: How many use it.
    """

    __slots__ = ("_connector", "loop", "session", "users")

    def __init__(self, loop: Loop) -> None:
        """Initialize, and open the session; nobody uses it yet."""
        self._connector = _Connector()
        self.loop = weakref.ref(loop)
        # No cookies: Daily's API has none, and whoever sends some is not to fill the memory.
        self.session = aiohttp.ClientSession(
            connector=self._connector, cookie_jar=aiohttp.DummyCookieJar()
        )
        self.users = 0

    def end(self, loop: Any) -> None:
        """Close the session of an event loop that is closed."""
        due: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []

        def call_soon(callback: Callable[..., Any], *args: Any, context: Any = None) -> None:
            due.append((callback, args))

        # A transport closes its socket in a callback, which a closed loop no longer takes.
        loop.call_soon = call_soon
        try:
            for transport in tuple(self._connector.transports):
                transport.abort()
            for callback, args in due:  # one may add another
                callback(*args)
            closing = self.session.close()
            with suppress(StopIteration):
                closing.send(None)
            closing.close()
        finally:
            del loop.call_soon


class Sessions:
    """One session per event loop, counted by its users and closed by the last."""

    def __init__(self) -> None:
        self._shared: dict[Loop, Lease] = {}

    def acquire(self) -> Lease:
        """Use the running loop's session. Those of loops that are closed are closed, too."""
        self.sweep()
        loop = asyncio.get_running_loop()
        lease = self._shared.get(loop)
        if lease is None or lease.session.closed:
            lease = self._shared[loop] = Lease(loop)
        lease.users += 1
        return lease

    async def release(self, lease: Lease) -> None:
        """Use it no longer."""
        lease.users -= 1
        if not lease.users:
            loop = asyncio.get_running_loop()
            if self._shared.get(loop) is lease:
                del self._shared[loop]
            await lease.session.close()

    def sweep(self) -> None:
        """Close the sessions of event loops that are closed."""
        for loop in tuple(self._shared):
            # Another thread may be here, too.
            if loop.is_closed() and (lease := self._shared.pop(loop, None)) is not None:
                with suppress(
                    Exception
                ):  # a loop of another kind may refuse, and closes them itself
                    lease.end(loop)


shared = Sessions()
atexit.register(shared.sweep)
