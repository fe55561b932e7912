# SPDX-License-Identifier: BSD-2-Clause
"""One aiohttp session for each event loop."""

import asyncio
from typing import TypeAlias
from weakref import WeakKeyDictionary

import aiohttp

_KEEPALIVE = 50.0  # seconds; Daily's side drops an idle connection after 60 to 120

_Loop: TypeAlias = asyncio.AbstractEventLoop


class Sessions:
    """One session per event loop, counted by its users and closed by the last."""

    def __init__(self) -> None:
        self._shared: WeakKeyDictionary[_Loop, tuple[aiohttp.ClientSession, int]] = (
            WeakKeyDictionary()
        )

    def acquire(self) -> aiohttp.ClientSession:
        """Use the running loop's session.

        Returns:
            The session.
        """
        loop = asyncio.get_running_loop()
        session, users = self._shared.get(loop, (None, 0))
        if session is None or session.closed:
            connector = aiohttp.TCPConnector(keepalive_timeout=_KEEPALIVE)
            session, users = aiohttp.ClientSession(connector=connector), 0
        self._shared[loop] = (session, users + 1)
        return session

    async def release(self, session: aiohttp.ClientSession) -> None:
        """Use it no longer.

        Args:
            session: What `acquire` gave.
        """
        loop = asyncio.get_running_loop()
        shared, users = self._shared.get(loop, (None, 0))
        if shared is not session:
            return
        if users > 1:
            self._shared[loop] = (session, users - 1)
        else:
            del self._shared[loop]
            await session.close()


shared = Sessions()
