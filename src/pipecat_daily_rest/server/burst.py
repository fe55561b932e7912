# SPDX-License-Identifier: BSD-2-Clause
"""Many starts at once: all are answered first, since bots that begin take the CPUs."""

import asyncio
import math

_PAUSE = 0.005  # seconds without a start or an answer after which a burst is over
_LONGEST = 0.03  # seconds that a bot waits for the answers of other starts


class Burst:
    """The starts of one moment."""

    def __init__(self) -> None:
        """Initialize; there is none."""
        self._size = 0
        self._unanswered = 0
        self._last = -math.inf  # when one came or was answered, in seconds of the event loop

    def add(self, answered: asyncio.Future[None]) -> None:
        """Add a start that is to be answered."""
        now = asyncio.get_running_loop().time()
        if not self._unanswered and now - self._last >= _PAUSE:
            self._size = 0
        self._size += 1
        self._unanswered += 1
        self._last = now
        answered.add_done_callback(self._answered)

    def _answered(self, _: asyncio.Future[None]) -> None:
        self._unanswered -= 1
        self._last = asyncio.get_running_loop().time()

    async def over(self) -> None:
        """Wait until all are answered, but not for long: a bot has to begin, too."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _LONGEST
        while (now := loop.time()) < until and self._size > 1:
            if not self._unanswered and now - self._last >= _PAUSE:
                return
            await asyncio.sleep(_PAUSE)
