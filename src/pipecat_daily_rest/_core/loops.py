# SPDX-License-Identifier: BSD-2-Clause
"""One of something for each event loop. What a closed loop had is let go when another comes."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

Loop: TypeAlias = asyncio.AbstractEventLoop
T = TypeVar("T")


class PerLoop(Generic[T]):
    """One of something for each event loop."""

    def __init__(self, make: Callable[[], T]) -> None:
        """Initialize; there is none yet."""
        self._make = make
        self._made: WeakKeyDictionary[Loop, T] = WeakKeyDictionary()

    def get(self) -> T:
        """Give the running loop's."""
        loop = asyncio.get_running_loop()
        found = self._made.get(loop)
        if found is None:
            for other in self._made.keyrefs():  # a lock or a task in it may hold its loop
                if (old := other()) is not None and old.is_closed():
                    self._made.pop(old, None)
            found = self._made[loop] = self._make()
        return found

    def drop(self) -> None:
        """Let go of the running loop's, if it has one."""
        self._made.pop(asyncio.get_running_loop(), None)
