# SPDX-License-Identifier: BSD-2-Clause
"""When it must be over."""

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager


class Deadline:
    """An instant on the event loop's clock that several requests share.

    Parameters:
        waited: Seconds that its clock stood still.
    """

    def __init__(self, seconds: float, *, stops: bool = False) -> None:
        """Initialize the deadline.

        Args:
            seconds: From now.
            stops: Whether its clock stands still while a request waits for its turn.
        """
        self.stops = stops
        self.waited = 0.0
        self._now = asyncio.get_running_loop().time
        self._at = self._now() + seconds
        self._stopped: list[float] = []  # when each that waits began

    def left(self) -> float:
        """Give the time that is left.

        Returns:
            Seconds, 0 when it is over.
        """
        return max(0.0, self._at - (self._stopped[0] if self._stopped else self._now()))

    def end(self) -> None:
        """Leave no time."""
        self._at = -math.inf

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Stop its clock, if it stops."""
        began = self._now()
        if self.stops:
            self._stopped.append(began)
        try:
            yield
        finally:
            if self.stops:
                first = self._stopped[0]
                self._stopped.remove(began)
                stood = (self._stopped[0] if self._stopped else self._now()) - first
                self.waited += stood
                self._at += stood
