# SPDX-License-Identifier: BSD-2-Clause
"""The rooms that wait in a pool: made in batches, replaced in time, deleted at the end."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from loguru import logger

from pipecat_daily_rest._core import room_names
from pipecat_daily_rest._core.waiting import carry_out
from pipecat_daily_rest._http.api import API
from pipecat_daily_rest._rest.batch_creation import BATCH
from pipecat_daily_rest._rest.room_lookup import list_rooms
from pipecat_daily_rest._rooms.bounds import Bounds
from pipecat_daily_rest._rooms.owned import process_rooms
from pipecat_daily_rest._rooms.pool_batch import Batch, Made
from pipecat_daily_rest.errors import DailyError

_EARLY = 0.1  # of the ttl: how long before a room has waited enough its successor is made


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
class Plan:
    """What a pool keeps ready.

    Parameters:
        body: What is sent for a room; each gets a name and an expiry of its own.
        prefix: How the names begin.
        size: How many wait.
        max_size: How many wait at the most.
        lifetime: Seconds that a room has left at least when it is handed out.
        ttl: Seconds that a room waits at the most.
        now: The present in unix seconds.
    """

    body: dict[str, Any]
    prefix: str
    size: int
    max_size: int
    lifetime: float
    ttl: float
    now: Callable[[], float]

    def order(self) -> tuple[dict[str, Any], str, float]:
        """Give what is sent for one more room, its name and its expiry."""
        name = room_names.make_name(self.prefix, pool=True)
        exp = round(self.now() + self.ttl + self.lifetime, 3)
        properties = {**self.body["properties"], "exp": exp}
        return {**self.body, "name": name, "properties": properties}, name, exp


class Stock:
    """The rooms that wait, the one that was made first in front."""

    def __init__(self, plan: Plan, api: API, bounds: Bounds, line: tuple[str, int]) -> None:
        """Initialize an empty stock."""
        self._plan = plan
        self._api = api
        self._timings = api.timings
        self._bounds = bounds
        self._line = line
        self._waiting: deque[Made] = deque()
        self._numbers = PoolStats(target=plan.size)
        self._missed = False
        self._fill_at = 0.0
        self._look_at = plan.now() + api.timings.pool_check
        self._wake = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._ended = False
        self._ends: set[asyncio.Task[Any]] = set()

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

    # -- Out and back ------------------------------------------------------------------------

    def take(self) -> Made | None:
        """Take the room that has waited longest, of those that still may be handed out.

        Returns:
            The room, the caller's from now on; None when none is ready.
        """
        self._drop()
        taken = self._waiting.popleft() if self._waiting else None
        if taken is not None:
            taken.ownership.hand_out()
        left = len(self._waiting)
        self._missed = self._missed or taken is None
        if left <= self._numbers.target // 2:
            self._fill_at = 0.0
        elif left == self._numbers.target - 1:
            self._fill_at = self._plan.now() + self._timings.refill_gap
        self._wake.set()
        return taken

    async def put_back(self, taken: Made) -> None:
        """Take a room back that nobody has seen."""
        if self._ended:
            await taken.ownership.delete(self._bounds.delete())
        else:
            taken.ownership.put_back()
            self._waiting.appendleft(taken)

    # -- Beginning and end -------------------------------------------------------------------

    async def begin(self) -> None:
        """Make the first rooms."""
        try:
            await self._fill()
        except DailyError as exc:
            if not exc.retryable:
                raise
            self._note_failure(exc)

    def keep(self) -> None:
        """Keep it filled from now on."""
        self._keeper = asyncio.create_task(self._keep(), name="keep a room pool filled")

    async def end(self) -> None:
        """Delete the rooms that wait, and those that are being made. Never raises a `DailyError`."""
        self._ended = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
        while self._waiting:
            self._delete(self._waiting.popleft())
        while self._ends:
            await asyncio.wait(self._ends)

    def _delete(self, room: Made) -> None:
        self._in_background(lambda: room.ownership.delete(self._bounds.delete()))

    def _in_background(self, end: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        task = asyncio.create_task(carry_out(end), name="delete rooms of a pool")
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)

    # -- Keeping it filled -------------------------------------------------------------------

    async def _keep(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._tend()
            except DailyError as exc:
                self._note_failure(exc)
                # What is handed out does not cut this short: it does not bring Daily back.
                retry_after = getattr(exc, "retry_after", None)
                await asyncio.sleep(self._api.policy.pause(self._numbers.failures, retry_after))
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self._next() - self._plan.now()):
                    await self._wake.wait()

    async def _tend(self) -> None:
        """Do what is due."""
        self._drop()
        if self._missing() and not process_rooms.drains and self._plan.now() >= self._fill_at:
            await self._fill()
        if (now := self._plan.now()) >= self._look_at:
            self._look_at = now + self._timings.pool_check
            await self._look()

    def _next(self) -> float:
        """When something is due, if nothing happens before."""
        if process_rooms.drains:
            return self._plan.now() + self._timings.pool_check
        ripe = self._ripe()
        times = [self._look_at]
        if ripe:
            times.append(self._until(self._waiting[0]))
        if self._missing():
            times.append(self._fill_at)
        else:
            times.append(self._until(self._waiting[ripe]) - self._plan.ttl * _EARLY)
        return min(times)

    def _until(self, room: Made) -> float:
        """When it may be handed out no longer."""
        return room.exp - self._plan.lifetime

    def _ripe(self) -> int:
        """How many will soon have waited enough; they stand in front."""
        limit = self._plan.now() + self._plan.ttl * _EARLY
        for number, room in enumerate(self._waiting):
            if self._until(room) > limit:
                return number
        return len(self._waiting)

    def _missing(self) -> int:
        return max(0, self._numbers.target - len(self._waiting) + self._ripe())

    def _drop(self) -> None:
        """Part with the rooms that have waited enough, and with those that were drained."""
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

    async def _fill(self) -> None:
        if self._missed:
            self._missed = False
            target = min(2 * self._numbers.target, self._plan.max_size)
            self._numbers = replace(self._numbers, target=target)
        number = min(self._missing(), BATCH)
        loop = asyncio.get_running_loop()
        start = loop.time()
        batch = Batch(self._api, [self._plan.order() for _ in range(number)], self._line)
        try:
            made = await batch.made()
        except BaseException:
            self._in_background(lambda: batch.undo(self._bounds))
            raise
        self._waiting.extend(made)
        self._fill_at = 0.0
        if self._numbers.failures:
            logger.info("The pool is filled again")
        self.count(made=number, refills=1)
        self._numbers = replace(self._numbers, refill_time=loop.time() - start, failures=0)
        logger.debug("{} rooms made ahead, {} wait", number, len(self._waiting))

    def _note_failure(self, error: DailyError) -> None:
        self.count(failures=1)
        if self._numbers.failures == 1:
            logger.warning("The pool cannot be filled, and goes on trying: {}", error)

    async def _look(self) -> None:
        """Find the rooms that somebody else has deleted; ``_fill`` replaces them."""
        unseen = {each.room.name for each in self._waiting}
        if not unseen:
            return
        oldest = min(each.room.created_at for each in self._waiting)
        try:
            async for room in list_rooms(self._api):
                unseen.discard(room.name)
                if not unseen or room.created_at < oldest:  # the newest come first
                    break
        except DailyError as exc:
            logger.debug("Whether the rooms of the pool still exist could not be told: {}", exc)
            return
        for gone in [each for each in self._waiting if each.room.name in unseen]:
            self._waiting.remove(gone)
            self._delete(gone)  # should it be there all the same
            self.count(vanished=1)
            logger.info("Room {} of the pool was deleted by somebody else", gone.room.name)
