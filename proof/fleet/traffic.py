# SPDX-License-Identifier: BSD-2-Clause
"""Calls come and go in a fleet of replicas, and what that asks of Daily is counted."""

import asyncio
import random
import time
from asyncio import _get_running_loop
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from statistics import quantiles
from unittest import mock

from loguru import logger

from pipecat_daily_rest._core.timings import Timings
from pipecat_daily_rest._rest.deletion_batcher import delete_room
from pipecat_daily_rest._rest.helper import DailyRESTHelper
from pipecat_daily_rest._rooms.bounds import Bounds
from pipecat_daily_rest._rooms.pool import RoomPool
from pipecat_daily_rest._rooms.provision import provision
from pipecat_daily_rest._rooms.room_spec import RoomSpec
from pipecat_daily_rest.errors import DailyError
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.rest.limits import Limits
from proof.fleet.virtual_daily import VirtualDaily, VirtualRedis, helper_of, unix
from virtual import VirtualLoop, now, run

SETTLE = 60.0  # seconds before anything is counted; most of it is the start of the servers
PRESENCE = 15.0  # seconds between two looks of the fleet's poller


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What happens.

    Parameters:
        calls: How many calls there are at a time.
        length: Seconds that a call takes, on the average; each has an exponential length.
        replicas: How many servers there are.
        pool: How many rooms wait in each of them; 0 makes rooms one by one.
        batch_tier: The rate tier in which Daily counts batches.
        seconds: How long it is counted.
    """

    calls: int
    length: float = 600.0
    replicas: int = 400
    pool: int = 0
    batch_tier: str = "default"
    seconds: float = 600.0


@dataclass
class Outcome:
    """What came of it.

    Parameters:
        waits: Seconds that each start waited for its room and tokens.
        failed: How many starts got no room.
        asked: Requests by what they were, in the time that was counted.
        passed: Requests that Daily let through, by rate tier.
        refused: Requests that Daily answered with a 429.
        left: Rooms that were there at the end.
    """

    scenario: Scenario
    waits: list[float] = field(default_factory=list)
    failed: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    left: int = 0

    @property
    def binds(self) -> bool:
        """Whether Daily's limits are felt: a start in twenty waits for a second, or one fails.

        Requests that are refused are felt later, when pools are empty.
        """
        return self.failed > 0 or self.refused > 0 or self.wait(95) > 1.0

    @property
    def load(self) -> float:
        """Give the share of the default tier's limit that is used."""
        requests, seconds = Limits().default
        return self.passed["default"] / self.scenario.seconds / (requests / seconds)

    def rate(self, *names: str) -> float:
        """Give requests a second; all of them without names."""
        counted = sum(self.asked[name] for name in names) if names else self.asked.total()
        return counted / self.scenario.seconds

    def wait(self, percent: int) -> float:
        """Give a percentile of the waits."""
        return quantiles(self.waits, n=100)[percent - 1] if len(self.waits) > 1 else 0.0


class _Replica:
    """One server: its helper, its pool, its calls."""

    def __init__(self, helper: DailyRESTHelper, pool: int) -> None:
        self.helper = helper
        self.calls = 0
        self.pool = RoomPool(size=pool, daily=helper, now=unix) if pool else None

    def room(self):
        if self.pool is not None:
            return self.pool.room()
        return provision(RoomSpec(daily=self.helper), Bounds())


class _Run:
    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.outcome = Outcome(scenario)
        self.random = random.Random(7)  # noqa: S311 - to be repeated, not to be secret
        choices = Choices(batch_tier=scenario.batch_tier)  # type: ignore[arg-type]
        self.daily = VirtualDaily(Limits(), choices)
        self.tasks: set[asyncio.Task[None]] = set()
        self.deletions: set[asyncio.Task[None]] = set()  # of calls that began before
        self.counting = False

    async def run(self) -> Outcome:
        redis, timings = VirtualRedis(), Timings()
        scenario = self.scenario
        self.replicas = [
            _Replica(helper_of(self.daily, redis, timings), scenario.pool)
            for _ in range(scenario.replicas)
        ]
        async with AsyncExitStack() as stack:
            await asyncio.gather(*(self._open(stack, each) for each in self.replicas))
            for _ in range(scenario.calls):
                self._begin(self._running(self.random.choice(self.replicas)))
            poller = asyncio.create_task(self._poll())
            arrivals = asyncio.create_task(self._arrive())
            await asyncio.sleep(SETTLE)
            self.daily.asked.clear()
            self.daily.limits.passed.clear()
            self.daily.limits.refused.clear()
            self.counting = True
            await asyncio.sleep(scenario.seconds)
            self.outcome.asked = Counter(self.daily.asked)
            self.outcome.passed = Counter(self.daily.limits.passed)
            self.outcome.refused = self.daily.limits.refused.total()
            self.counting = False
            self.daily.limits.limits = None  # the end is not what is measured: each for itself
            for replica in self.replicas:
                replica.helper.api.account.pacer.fleet = None
            for task in (poller, arrivals, *self.tasks):
                task.cancel()
            await asyncio.gather(poller, arrivals, *self.tasks, return_exceptions=True)
            await asyncio.gather(*self.deletions)
        self.outcome.left = len(self.daily.rooms)
        return self.outcome

    async def _open(self, stack: AsyncExitStack, replica: _Replica) -> None:
        """Servers do not all start in the same second."""
        await asyncio.sleep(self.random.uniform(0, SETTLE * 2 / 3))
        with suppress(DailyError):  # the first room asks again
            await replica.helper.warm()
        if replica.pool is not None:
            await stack.enter_async_context(replica.pool)

    async def _poll(self) -> None:
        """One replica asks for the presence of all."""
        while True:
            await asyncio.sleep(PRESENCE)
            with suppress(DailyError):
                await self.replicas[0].helper.presence()

    async def _arrive(self) -> None:
        rate = self.scenario.calls / self.scenario.length
        while True:
            await asyncio.sleep(self.random.expovariate(rate))
            one, other = self.random.choices(self.replicas, k=2)
            self._begin(self._call(min(one, other, key=lambda each: each.calls)))

    def _begin(self, work) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _running(self, replica: _Replica) -> None:
        """A call that began before the simulation: its room exists."""
        name = f"before-{self.random.getrandbits(64):x}"
        self.daily._make({"name": name, "privacy": "private", "properties": {}})
        replica.calls += 1
        try:
            await asyncio.sleep(self.random.expovariate(1 / self.scenario.length))
        finally:
            replica.calls -= 1
            self.deletions.add(asyncio.create_task(self._delete(replica, name)))

    async def _delete(self, replica: _Replica, name: str) -> None:
        with suppress(DailyError):
            await delete_room(replica.helper.api, name)

    async def _call(self, replica: _Replica) -> None:
        began, counted = now(), self.counting
        replica.calls += 1
        try:
            async with replica.room():
                if counted and self.counting:
                    self.outcome.waits.append(now() - began)
                await asyncio.sleep(self.random.expovariate(1 / self.scenario.length))
        except DailyError:
            self.outcome.failed += counted
        finally:
            replica.calls -= 1


@contextmanager
def _virtual_clocks() -> Iterator[None]:
    """Everything that asks for the time gets the virtual one."""
    real, monotonic = time.time, time.monotonic

    def clock(virtual: Callable[[], float], actual: Callable[[], float]) -> Callable[[], float]:
        return lambda: virtual() if isinstance(_get_running_loop(), VirtualLoop) else actual()

    with (
        mock.patch("time.time", clock(unix, real)),
        mock.patch("time.monotonic", clock(now, monotonic)),
    ):
        yield


def simulate(scenario: Scenario) -> Outcome:
    """Run a scenario in virtual time."""
    logger.disable("pipecat_daily_rest")
    try:
        with _virtual_clocks():
            return run(_Run(scenario).run())
    finally:
        logger.enable("pipecat_daily_rest")
