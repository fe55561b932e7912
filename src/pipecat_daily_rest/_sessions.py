# SPDX-License-Identifier: BSD-2-Clause
"""One aiohttp session for each event loop."""

import asyncio
import weakref
from typing import TypeAlias
from weakref import WeakKeyDictionary

import aiohttp

_KEEPALIVE = 50.0  # seconds; Daily's side drops an idle connection after 60 to 120

_Loop: TypeAlias = asyncio.AbstractEventLoop


class Lease:
    """The session of an event loop, and how many use it.

    Parameters:
        loop: Gives the event loop, or None once it is no more.
        session: The session.
        users: How many use it.
    """

    __slots__ = ("loop", "session", "users")

    def __init__(self, loop: _Loop) -> None:
        """Initialize, and open the session; nobody uses it yet.

        Args:
            loop: The running event loop.
        """
        connector = aiohttp.TCPConnector(keepalive_timeout=_KEEPALIVE)
        self.loop = weakref.ref(loop)
        self.session = aiohttp.ClientSession(connector=connector)
        self.users = 0


class Sessions:
    """One session per event loop, counted by its users and closed by the last."""

    def __init__(self) -> None:
        self._shared: WeakKeyDictionary[_Loop, Lease] = WeakKeyDictionary()

    def acquire(self) -> Lease:
        """Use the running loop's session.

        Returns:
            What has the session.
        """
        loop = asyncio.get_running_loop()
        lease = self._shared.get(loop)
        if lease is None or lease.session.closed:
            lease = self._shared[loop] = Lease(loop)
        lease.users += 1
        return lease

    async def release(self, lease: Lease) -> None:
        """Use it no longer.

        Args:
            lease: What `acquire` gave, on the same event loop.
        """
        lease.users -= 1
        if not lease.users:
            loop = asyncio.get_running_loop()
            if self._shared.get(loop) is lease:
                del self._shared[loop]
            await lease.session.close()


shared = Sessions()
