# SPDX-License-Identifier: BSD-2-Clause
"""Unix time that a test can move forward, and timers on it."""

import asyncio
import math
import time
from collections.abc import Callable

from pipecat_daily_rest.errors import DailyConfigError

_LAST = 32_503_680_000.0  # unix time of the year 3000; Python's calendar ends in 9999
_TICK = 1e-6  # seconds: more than the rounding error of a sum of unix times


class Timer:
    """One call that is due at an instant of a `Clock`, in unix seconds."""

    def __init__(self, clock: "Clock", when: float, callback: Callable[[], None]) -> None:
        self.when = when
        self._clock = clock
        self._callback = callback
        self._handle: asyncio.TimerHandle | None = None
        self.arm()

    def arm(self) -> None:
        """Wait in real time for as long as the clock has to go."""
        if self._handle is not None:
            self._handle.cancel()
        delay = max(0.0, self.when - self._clock.now())
        self._handle = asyncio.get_running_loop().call_later(delay, self.fire)

    def fire(self) -> None:
        """Call now, once."""
        self.cancel()
        self._callback()

    def cancel(self) -> None:
        """Never call."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._clock.timers.discard(self)


class Clock:
    """The local Daily's time: real time, plus what `advance` has added."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self.timers: set[Timer] = set()

    @property
    def ahead(self) -> float:
        """How many seconds it was moved forward."""
        return self._ahead

    def now(self) -> float:
        """Give the present, in unix seconds."""
        return time.time() + self._ahead

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call something at an instant, in unix seconds; one in the past is due at once."""
        timer = Timer(self, when, callback)
        self.timers.add(timer)
        return timer

    def advance(self, seconds: float) -> None:
        """Move forward. What falls due is called before this returns, in order, each at its time."""
        if not 0 <= seconds < math.inf:
            msg = f"advance({seconds}): time only moves forward"
            raise DailyConfigError(msg)
        if self.now() + seconds > _LAST:
            msg = f"advance({seconds:g}): the clock goes to the year 3000 at most"
            raise DailyConfigError(msg)
        end = self._ahead + seconds
        while True:
            timer = min(self.timers, key=lambda timer: timer.when, default=None)
            if timer is None or timer.when > time.time() + end:
                break
            self._ahead = min(end, max(self._ahead, timer.when - time.time() + _TICK))
            timer.fire()
        self._ahead = end
        for timer in self.timers:
            timer.arm()

    def stop(self) -> None:
        """Cancel every timer."""
        for timer in list(self.timers):
            timer.cancel()
