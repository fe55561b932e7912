# SPDX-License-Identifier: BSD-2-Clause
"""The deadline that several requests share."""

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager


class Deadline:
    """An instant on the event loop's clock.

    Parameters:
        stops: Whether its clock stands still while a request waits for the rate limits.
        waited: Seconds that it stood still.
    """

    def __init__(self, seconds: float, *, stops: bool = False) -> None:
        self.stops = stops
        self.waited = 0.0
        self._now = asyncio.get_running_loop().time
        self._at = self._now() + seconds
        self._stopped: list[float] = []  # when each wait began

    def left(self) -> float:
        """Give the seconds that are left, 0 at the least."""
        return max(0.0, self._at - (self._stopped[0] if self._stopped else self._now()))

    def end(self) -> None:
        """Leave no seconds."""
        self._at = -math.inf

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Stop its clock meanwhile, if `stops`."""
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
