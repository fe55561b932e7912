# SPDX-License-Identifier: BSD-2-Clause
"""One rate tier: which request may be sent, and which waits.

A request holds a slot of its tier from before it is sent until one window after its *response*.
Daily counts it somewhere in between, so whatever the network's delay, no window of Daily's gets more
requests than the limit.
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

_MARGIN = 0.02  # seconds that a slot is held longer, since clocks are corrected
_BACKOFF = 0.2  # seconds that a tier is closed after the first 429; twice that after the next
_GRAIN = 0.002  # seconds between two looks for a free slot


class _Waiter:
    """A request that waits for a slot."""

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
        reserve: How many slots are kept for teardown.
    """

    def __init__(self, rate: Rate, *, reserve: int = 0, clock: Clock = time.monotonic) -> None:
        self.rate = rate
        self.reserve = reserve
        self._clock = clock
        # Reentrant: the garbage collector may end a request of a closed loop while it is held.
        self._lock = threading.RLock()
        self._in_flight = 0
        self._free_at: deque[float] = deque()  # for each slot whose request has its response
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
        """How many slots are taken."""
        return self._in_flight + len(self._free_at)

    def try_take(self, *, teardown: bool = False) -> "Slot | None":
        """Take a slot if one is free and no request came before; else None."""
        with self._lock:
            if self._teardown or (self._others and not teardown) or not self._take(teardown):
                return None
        return Slot(self)

    def _take(self, teardown: bool) -> bool:
        now = self._clock()
        while self._free_at and self._free_at[0] <= now:
            self._free_at.popleft()
        limit = self.rate[0] - (0 if teardown else self.reserve)
        if now < self._closed_until or self.used >= limit:
            return False
        self._in_flight += 1
        return True

    async def take(self, bound: float, *, teardown: bool = False) -> "Slot | None":
        """Wait for a slot in order of arrival, teardown first; None after `bound` seconds."""
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
        except BaseException:  # a cancellation, or the end of the event loop
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
        """Give the free slots to those who wait, in order."""
        with self._lock:
            for queue, teardown in ((self._teardown, True), (self._others, False)):
                while queue and self._take(teardown):
                    waiter = queue.popleft()
                    waiter.admitted = True
                    try:
                        waiter.loop.call_soon_threadsafe(waiter.wake)
                    except RuntimeError:  # its loop is closed
                        waiter.admitted = False
                        self._in_flight -= 1
                if queue:
                    return

    def _tick_in(self, loop: Loop) -> None:
        """Look for free slots on this loop as long as a request on it waits."""
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
        """Seconds until a slot may be free. The slots of requests in flight are free later."""
        with self._lock:
            now = self._clock()
            if now < self._closed_until:
                soonest = self._closed_until
            else:
                soonest = self._free_at[0] if self._free_at else now + self.rate[1]
        return max(_GRAIN, soonest - now)

    def give_back(self, *, counted: bool) -> None:
        """End a request in flight; its slot is free at once if Daily cannot have counted it."""
        with self._lock:
            self._in_flight -= 1
            if counted:
                self._free_at.append(self._clock() + self.rate[1] + _MARGIN)
        if not counted:
            self._admit()

    def judge(self, sent_at: float, *, refused: bool, retry_after: float) -> None:
        """Note a response: a 429 closes the tier, for `retry_after` seconds at the least."""
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
        """Give the clock's seconds."""
        return self._clock()


class Ticket(Protocol):
    """A slot in Redis."""

    def end(self, *, counted: bool) -> None:
        """End the request; Daily counts it, or surely does not."""


class Slot:
    """The right to send one request; to be used in a ``with`` around it.

    Parameters:
        counts: Whether Daily may count the request; False when it was surely not sent.
        ticket: The request's slot in Redis, where machines share the account.
    """

    __slots__ = ("_taken_at", "_tier", "counts", "ticket")

    def __init__(self, tier: Tier | None) -> None:
        """Initialize the slot; without a tier nothing is counted."""
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
        """Note a response, a 429 if `refused`."""
        if self._tier is not None:
            self._tier.judge(self._taken_at, refused=refused, retry_after=retry_after)
