# SPDX-License-Identifier: BSD-2-Clause
"""One rate tier: who may send, and who waits.

A request has a slot of its tier from before it is sent until a window after its *answer*: Daily
counts it somewhere in between, so that no delay on the way can bring more requests into one of
Daily's windows than the limit.
"""

import asyncio
import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self, TypeAlias
from weakref import WeakSet

Rate: TypeAlias = tuple[int, float]
Clock: TypeAlias = Callable[[], float]
Loop: TypeAlias = asyncio.AbstractEventLoop

_MARGIN = 0.02  # seconds that a slot counts longer, since clocks are corrected
_BACKOFF = 0.2  # seconds that a tier rests after the first 429; twice that after the next
_GRAIN = 0.002  # seconds between two looks for a free slot


class _Waiter:
    """A request that waits for its turn."""

    __slots__ = ("admitted", "loop", "turn")

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.turn = self.loop.create_future()
        self.admitted = False

    def wake(self) -> None:
        if not self.turn.done():
            self.turn.set_result(None)


class Tier:
    """One tier of one account. Several event loops and threads may share it.

    Parameters:
        rate: Requests and seconds.
        reserve: How many slots only teardown gets.
    """

    def __init__(self, rate: Rate, *, reserve: int = 0, clock: Clock = time.monotonic) -> None:
        """Initialize; all slots are free.

        Args:
            rate: Requests and seconds.
            reserve: How many slots only teardown gets.
            clock: Gives seconds.
        """
        self.rate = rate
        self.reserve = reserve
        self._clock = clock
        # Taken anew by its owner when the garbage collector ends a request of a dead event loop.
        self._lock = threading.RLock()
        self._flying = 0
        self._cooling: deque[float] = deque()  # when each slot of an answered request is free
        self._closed_until = -math.inf
        self._refusals = 0
        self._teardown: deque[_Waiter] = deque()
        self._others: deque[_Waiter] = deque()
        self._ticking: WeakSet[Loop] = WeakSet()

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._teardown) + len(self._others)

    @property
    def used(self) -> int:
        """How many slots count at present."""
        return self._flying + len(self._cooling)

    def try_take(self, *, teardown: bool = False) -> "Slot | None":
        """Take a slot if one is free and nobody was here before.

        Args:
            teardown: Whether the request takes something down.

        Returns:
            The slot; None when the request would have to wait.
        """
        with self._lock:
            if self._teardown or (self._others and not teardown) or not self._take(teardown):
                return None
        return Slot(self)

    def _take(self, teardown: bool) -> bool:
        now = self._clock()
        while self._cooling and self._cooling[0] <= now:
            self._cooling.popleft()
        room = self.rate[0] - (0 if teardown else self.reserve)
        if now < self._closed_until or self.used >= room:
            return False
        self._flying += 1
        return True

    async def take(self, bound: float, *, teardown: bool = False) -> "Slot | None":
        """Wait for a slot, in order of arrival. Who is cancelled frees its place.

        Args:
            bound: Seconds to wait at the most.
            teardown: Whether the request takes something down; then it goes before others.

        Returns:
            The slot; None when none was free in time.
        """
        if (slot := self.try_take(teardown=teardown)) is not None:
            return slot
        if bound <= 0:
            return None
        waiter = _Waiter()
        queue = self._teardown if teardown else self._others
        with self._lock:
            queue.append(waiter)
        self._tick_in(waiter.loop)
        try:
            await asyncio.wait({waiter.turn}, timeout=bound)
        except BaseException:  # or its event loop was thrown away
            with self._lock:
                admitted = waiter.admitted
                if waiter in queue:
                    queue.remove(waiter)
            if admitted:
                Slot(self).void()
            raise
        with self._lock:
            if not waiter.admitted:
                queue.remove(waiter)
                return None
        return Slot(self)

    def _admit(self) -> None:
        """Let in who is first, as far as there are slots."""
        with self._lock:
            for queue, teardown in ((self._teardown, True), (self._others, False)):
                while queue and self._take(teardown):
                    waiter = queue.popleft()
                    waiter.admitted = True
                    try:
                        waiter.loop.call_soon_threadsafe(waiter.wake)
                    except RuntimeError:  # its loop is closed
                        waiter.admitted = False
                        self._flying -= 1
                if queue:
                    return

    def _tick_in(self, loop: Loop) -> None:
        """Look for free slots from this loop, as long as somebody on it waits."""
        with self._lock:
            if loop in self._ticking:
                return
            self._ticking.add(loop)
        loop.call_later(self._pause(), self._tick, loop)

    def _tick(self, loop: Loop) -> None:
        self._admit()
        with self._lock:
            if not any(each.loop is loop for each in (*self._teardown, *self._others)):
                self._ticking.discard(loop)
                return
        loop.call_later(self._pause(), self._tick, loop)

    def _pause(self) -> float:
        """Seconds until a slot may be free. One of a request in flight is given back later."""
        with self._lock:
            now = self._clock()
            if now < self._closed_until:
                soonest = self._closed_until
            else:
                soonest = self._cooling[0] if self._cooling else now + self.rate[1]
        return max(_GRAIN, soonest - now)

    def give_back(self, *, counted: bool) -> None:
        """Take note that a request was answered, or that it never will be."""
        with self._lock:
            self._flying -= 1
            if counted:
                self._cooling.append(self._clock() + self.rate[1] + _MARGIN)
        if not counted:
            self._admit()

    def judge(self, sent_at: float, *, refused: bool, retry_after: float) -> None:
        """Take note of an answer: a 429 closes the whole tier for a while.

        Args:
            sent_at: When the request got its slot.
            refused: Whether the answer was a 429.
            retry_after: Seconds that Daily asked to wait; 0 when it did not say.
        """
        with self._lock:
            since_closed = sent_at >= self._closed_until
            if not refused:
                self._refusals = 0 if since_closed else self._refusals
                return
            self._refusals += since_closed
            pause = min(self.rate[1], _BACKOFF * 2.0 ** min(self._refusals - 1, 30))
            jitter = random.uniform(0.75, 1.25)  # noqa: S311 - jitter, not a secret
            closed_until = self._clock() + max(retry_after, pause * jitter)
            self._closed_until = max(self._closed_until, closed_until)

    def now(self) -> float:
        """Give the present.

        Returns:
            Seconds of the tier's clock.
        """
        return self._clock()


class Ticket(Protocol):
    """A slot that is counted elsewhere, too."""

    def end(self, *, counted: bool) -> None:
        """Take note that the request was answered, or that it never will be."""


class Slot:
    """The right to send one request; to be used in a ``with`` around it.

    Parameters:
        counts: Whether Daily may count the request; False when it never got there.
        ticket: The slot that the request has among all machines, if they keep count together.
    """

    __slots__ = ("_taken_at", "_tier", "counts", "ticket")

    def __init__(self, tier: Tier | None) -> None:
        """Initialize the slot.

        Args:
            tier: Whose it is; None where nothing is counted.
        """
        self._tier = tier
        self._taken_at = 0.0 if tier is None else tier.now()
        self.counts = True
        self.ticket: Ticket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._tier is not None:
            self._tier.give_back(counted=self.counts)
        if self.ticket is not None:
            self.ticket.end(counted=self.counts)

    def void(self) -> None:
        """Give the slot back without having sent anything."""
        self.counts = False
        with self:
            pass

    def judge(self, *, refused: bool, retry_after: float = 0.0) -> None:
        """Take note of an answer.

        Args:
            refused: Whether it was a 429.
            retry_after: Seconds that Daily asked to wait; 0 when it did not say.
        """
        if self._tier is not None:
            self._tier.judge(self._taken_at, refused=refused, retry_after=retry_after)
