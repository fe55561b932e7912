# SPDX-License-Identifier: BSD-2-Clause
"""The connections of each event loop, shared by all who send from it and closed by the last."""

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

_KEEPALIVE = 50.0  # seconds; Daily closes an idle connection after 60 to 120


class _Connector(aiohttp.TCPConnector):
    """A connector that knows its transports."""

    def __init__(self) -> None:
        super().__init__(keepalive_timeout=_KEEPALIVE)
        self.transports: WeakSet[asyncio.Transport] = WeakSet()

    async def connect(self, *args: Any, **options: Any) -> Connection:
        connection = await super().connect(*args, **options)
        if (transport := connection.transport) is not None:
            self.transports.add(transport)
        return connection


class Connections:
    """The connections of one event loop.

    Parameters:
        loop: Gives the event loop, or None once it is freed.
        client: What sends over them.
        users: How many hold them.
    """

    __slots__ = ("_connector", "client", "loop", "users")

    def __init__(self, loop: Loop) -> None:
        self._connector = _Connector()
        self.loop = weakref.ref(loop)
        # Daily's API sets no cookies, and a server that does must not fill the memory.
        self.client = aiohttp.ClientSession(
            connector=self._connector, cookie_jar=aiohttp.DummyCookieJar()
        )
        self.users = 0

    def close_with(self, loop: Any) -> None:
        """Close the connections of an event loop that is closed."""
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
            closing = self.client.close()
            with suppress(StopIteration):
                closing.send(None)
            closing.close()
        finally:
            del loop.call_soon


_shared: dict[Loop, Connections] = {}


def acquire() -> Connections:
    """Hold the running loop's connections, and close those of closed loops."""
    close_orphans()
    loop = asyncio.get_running_loop()
    connections = _shared.get(loop)
    if connections is None or connections.client.closed:
        connections = _shared[loop] = Connections(loop)
    connections.users += 1
    return connections


async def release(connections: Connections) -> None:
    """Hold them no longer: the last user closes them."""
    connections.users -= 1
    if not connections.users:
        loop = asyncio.get_running_loop()
        if _shared.get(loop) is connections:
            del _shared[loop]
        await connections.client.close()


def close_orphans() -> None:
    """Close the connections of event loops that are closed."""
    for loop in tuple(_shared):
        # Another thread may do the same at the same time.
        if loop.is_closed() and (connections := _shared.pop(loop, None)) is not None:
            with suppress(Exception):  # a loop of another kind may refuse, and closes them itself
                connections.close_with(loop)


atexit.register(close_orphans)
