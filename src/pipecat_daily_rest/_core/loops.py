# SPDX-License-Identifier: BSD-2-Clause
"""One object for each event loop; those of closed loops are freed at the next loop's first use."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

Loop: TypeAlias = asyncio.AbstractEventLoop
T = TypeVar("T")


class PerLoop(Generic[T]):
    """One object for each event loop.

    Parameters:
        make: Makes the object.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: WeakKeyDictionary[Loop, T] = WeakKeyDictionary()

    def get(self) -> T:
        """Give the running loop's object."""
        loop = asyncio.get_running_loop()
        found = self._made.get(loop)
        if found is None:
            for other in self._made.keyrefs():  # its object may hold the loop
                if (old := other()) is not None and old.is_closed():
                    self._made.pop(old, None)
            found = self._made[loop] = self._make()
        return found

    def drop(self) -> None:
        """Forget the running loop's object, if there is one."""
        self._made.pop(asyncio.get_running_loop(), None)
