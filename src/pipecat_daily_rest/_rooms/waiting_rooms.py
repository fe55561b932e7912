# SPDX-License-Identifier: BSD-2-Clause
"""The rooms that wait in a pool: created in batches, replaced in time, deleted at the end."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from loguru import logger

from pipecat_daily_rest._core.waiting import carry_out
from pipecat_daily_rest._http.api import API
from pipecat_daily_rest._rest.batch_creation import BATCH
from pipecat_daily_rest._rest.room_lookup import list_rooms
from pipecat_daily_rest._rooms.bounds import Bounds
from pipecat_daily_rest._rooms.owned import process_rooms
from pipecat_daily_rest._rooms.pool_batch import PoolBatch, PoolRoom
from pipecat_daily_rest.errors import DailyError

_EARLY = 0.1  # of the ttl: so long before a room's time is over its successor is created
_LOOKED_AT = 100  # rooms, a page: where machines share the account, a check reads no more


@dataclass(frozen=True, kw_only=True)
class PoolStats:
    """A pool's numbers.

    Parameters:
        waiting: How many rooms are ready.
        target: How many it keeps ready at present, from ``size`` to ``max_size``.
        hits: How often a waiting room was handed out.
        misses: How often none was ready, so that one had to be made on the spot.
        age: Seconds that the oldest waiting room has waited; 0 when there is none.
        made: How many rooms were made ahead.
        expired: How many had waited for ``ttl`` and were deleted unused.
        vanished: How many somebody else had deleted while they waited.
        refills: How many requests made rooms.
        refill_time: Seconds that the last of these took; 0 when there was none.
        failures: How many refills have failed since the last one that did not.
    """

    waiting: int = 0
    target: int = 0
    hits: int = 0
    misses: int = 0
    age: float = 0.0
    made: int = 0
    expired: int = 0
    vanished: int = 0
    refills: int = 0
    refill_time: float = 0.0
    failures: int = 0


@dataclass(frozen=True, kw_only=True)
class PoolPlan:
    """What a pool keeps ready; times are in seconds."""

    body: dict[str, Any]  # of a room without a name and an expiry
    make_name: Callable[[], str]
    size: int
    max_size: int
    lifetime: float  # that a room has left at least when it is handed out
    ttl: float  # that a room waits at the most
    now: Callable[[], float]  # unix time

    def new_body(self) -> dict[str, Any]:
        """What is sent for one more room."""
        exp = round(self.now() + self.ttl + self.lifetime, 3)
        return {
            **self.body,
            "name": self.make_name(),
            "properties": {**self.body["properties"], "exp": exp},
        }


class WaitingRooms:
    """The rooms that wait in a pool, the oldest in front."""

    def __init__(self, plan: PoolPlan, api: API, bounds: Bounds, line: tuple[str, int]) -> None:
        self._plan = plan
        self._api = api
        self._timings = api.timings
        self._bounds = bounds
        self._line = line
        self._waiting: deque[PoolRoom] = deque()
        self._numbers = PoolStats(target=plan.size)
        self._missed = False
        self._refill_at = 0.0
        self._check_gap = self._timings.pool_check
        self._check_at = plan.now() + self._check_gap
        self._wake = asyncio.Event()
        self._refilling: asyncio.Task[None] | None = None
        self._ended = False
        self._deletions: set[asyncio.Task[Any]] = set()

    @property
    def stats(self) -> PoolStats:
        """The numbers at this moment."""
        age = 0.0
        if self._waiting:
            age = max(0.0, self._plan.now() - self._until(self._waiting[0]) + self._plan.ttl)
        waiting = sum(not each.ownership.ending for each in self._waiting)
        return replace(self._numbers, waiting=waiting, age=age)

    def count(self, **more: int) -> None:
        """Add to the numbers."""
        sums = {name: getattr(self._numbers, name) + number for name, number in more.items()}
        self._numbers = replace(self._numbers, **sums)

    # -- Handing out -------------------------------------------------------------------------

    def take(self) -> PoolRoom | None:
        """Hand out the room that has waited longest; None when none is ready."""
        self._drop_old()
        taken = self._waiting.popleft() if self._waiting else None
        if taken is not None:
            taken.ownership.hand_out()
        left = len(self._waiting)
        self._missed = self._missed or taken is None
        if left <= self._numbers.target // 2:
            self._refill_at = 0.0
        elif left == self._numbers.target - 1:
            self._refill_at = self._plan.now() + self._refill_gap()
        self._wake.set()
        return taken

    def _refill_gap(self) -> float:
        """Seconds in which further rooms may be handed out before a refill replaces them all.

        Where machines share the account, their refills together are what counts: each waits until
        half of its rooms are gone, or until many would soon have waited for ``ttl``.
        """
        return self._timings.refill_gap if self._api.fleet is None else self._plan.ttl / 2

    async def put_back(self, taken: PoolRoom) -> None:
        """Take a room back that nobody has seen."""
        if self._ended:
            await taken.ownership.delete(self._bounds.delete())
        else:
            taken.ownership.put_back()
            self._waiting.appendleft(taken)

    # -- Beginning and end -------------------------------------------------------------------

    async def begin(self) -> None:
        """Create the first rooms."""
        try:
            await self._refill()
        except DailyError as exc:
            if not exc.retryable:
                raise
            self._note_failure(exc)

    def start_refilling(self) -> None:
        """Refill from now on."""
        self._refilling = asyncio.create_task(self._refill_for_ever(), name="refill a room pool")

    async def end(self) -> None:
        """Delete the rooms that wait or are being created. Never raises a `DailyError`."""
        self._ended = True
        if self._refilling is not None:
            self._refilling.cancel()
            await asyncio.wait({self._refilling})
        while self._waiting:
            self._delete(self._waiting.popleft())
        while self._deletions:
            await asyncio.wait(self._deletions)

    def _delete(self, room: PoolRoom) -> None:
        self._in_background(lambda: room.ownership.delete(self._bounds.delete()))

    def _in_background(self, deletion: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        begun = False

        def begin() -> Coroutine[Any, Any, Any]:
            nonlocal begun
            begun = True
            return deletion()

        def ended(task: asyncio.Task[Any]) -> None:
            if not begun:  # it was cancelled before its first step, as when the event loop ends
                self._in_background(deletion)
            self._deletions.discard(task)

        task = asyncio.create_task(carry_out(begin), name="delete rooms of a pool")
        self._deletions.add(task)
        task.add_done_callback(ended)

    # -- Refilling ---------------------------------------------------------------------------

    async def _refill_for_ever(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._do_what_is_due()
            except DailyError as exc:
                self._note_failure(exc)
                # A room that is handed out does not cut this short: it does not bring Daily back.
                retry_after = getattr(exc, "retry_after", None)
                await asyncio.sleep(self._api.policy.pause(self._numbers.failures, retry_after))
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self._next_due() - self._plan.now()):
                    await self._wake.wait()

    async def _do_what_is_due(self) -> None:
        self._drop_old()
        if self._missing() and not process_rooms.drains and self._plan.now() >= self._refill_at:
            await self._refill()
        if self._plan.now() >= self._check_at:
            await self._check()
            self._check_at = self._plan.now() + self._check_gap

    def _next_due(self) -> float:
        """When something is due, if nothing happens before; in unix seconds."""
        if process_rooms.drains:
            return self._plan.now() + self._timings.pool_check
        old = self._old()
        times = [self._check_at]
        if old:
            times.append(self._until(self._waiting[0]))
        if self._missing():
            times.append(self._refill_at)
        else:
            times.append(self._until(self._waiting[old]) - self._plan.ttl * _EARLY)
        return min(times)

    def _until(self, room: PoolRoom) -> float:
        """Until when it may be handed out, in unix seconds."""
        return room.exp - self._plan.lifetime

    def _old(self) -> int:
        """How many will soon have waited for ``ttl``; they stand in front."""
        limit = self._plan.now() + self._plan.ttl * _EARLY
        for number, room in enumerate(self._waiting):
            if self._until(room) > limit:
                return number
        return len(self._waiting)

    def _missing(self) -> int:
        return max(0, self._numbers.target - len(self._waiting) + self._old())

    def _drop_old(self) -> None:
        """Drop the rooms that have waited for ``ttl``, and those that a drain deletes."""
        while self._waiting:
            first = self._waiting[0]
            if first.ownership.ending:
                self._waiting.popleft()
            elif self._until(first) <= self._plan.now():
                self._waiting.popleft()
                self._delete(first)
                self.count(expired=1)
                if self._numbers.target > self._plan.size:
                    self.count(target=-1)
            else:
                break

    async def _refill(self) -> None:
        if self._missed:
            self._missed = False
            target = min(2 * self._numbers.target, self._plan.max_size)
            self._numbers = replace(self._numbers, target=target)
        number = min(self._missing(), BATCH)
        loop = asyncio.get_running_loop()
        start = loop.time()
        batch = PoolBatch(self._api, [self._plan.new_body() for _ in range(number)], self._line)
        try:
            created = await batch.created()
        except BaseException:
            self._in_background(lambda: batch.undo(self._bounds))
            raise
        self._waiting.extend(created)
        self._refill_at = 0.0
        if self._numbers.failures:
            logger.info("The pool is filled again")
        self.count(made=number, refills=1)
        self._numbers = replace(self._numbers, refill_time=loop.time() - start, failures=0)
        logger.debug("{} rooms made ahead, {} wait", number, len(self._waiting))

    def _note_failure(self, error: DailyError) -> None:
        self.count(failures=1)
        if self._numbers.failures == 1:
            logger.warning("The pool cannot be filled, and goes on trying: {}", error)

    async def _check(self) -> None:
        """Drop the rooms that somebody else has deleted."""
        unseen = {each.room.name for each in self._waiting}
        if not unseen:
            return
        oldest = min(each.room.created_at for each in self._waiting)
        looked_at = 0
        try:
            async for room in list_rooms(self._api):
                unseen.discard(room.name)
                if not unseen or room.created_at < oldest:  # the newest come first
                    break
                looked_at += 1
                if looked_at == _LOOKED_AT and self._api.fleet is not None:
                    # Others make so many rooms that this tells nothing of ours: it would cost the
                    # fleet a page for each hundred of them, from each machine.
                    self._check_gap = max(self._check_gap, min(2 * self._check_gap, self._plan.ttl))
                    return
        except DailyError as exc:
            logger.debug("The rooms of the pool could not be checked: {}", exc)
            return
        self._check_gap = self._timings.pool_check
        for gone in [each for each in self._waiting if each.room.name in unseen]:
            self._waiting.remove(gone)
            self._delete(gone)  # in case it exists all the same
            self.count(vanished=1)
            logger.info("Room {} of the pool was deleted by somebody else", gone.room.name)
