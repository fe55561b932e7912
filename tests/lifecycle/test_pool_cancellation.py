# SPDX-License-Identifier: BSD-2-Clause
"""A pool is cancelled at every await of its own and of its tasks: no room is left."""

import asyncio
import random
from contextlib import AsyncExitStack

import pytest
from cancelled import ENOUGH, Cancelled
from watching import HASTY, POLICY, all_of, helper_of, watched

from pipecat_daily_rest import RoomPool
from pipecat_daily_rest.errors import DailyError
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.rest.failures import KINDS
from sizes import size
from timings import set_timings

FEWEST = 20  # awaits that a pool has
pytestmark = pytest.mark.usefixtures("counted")


async def session(daily, helper, /, *, rooms=1, until=None, **options):
    """A pool that hands rooms out, some of them made on the spot, and is filled again."""
    async with RoomPool(size=2, daily=helper, **options) as pool, AsyncExitStack() as blocks:
        for _ in range(rooms):
            room = await blocks.enter_async_context(pool.room())
            daily.join(room.name, room.user_token)
        while until is not None and not until(pool.stats):  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


def refilled(stats):
    return stats.refills > 1


VARIANTS = {
    "one room": {},
    "tokens of the API": {"token_source": "api"},
    "more than are ready": {"rooms": 4},
    "filled again": {"until": refilled},
}


@pytest.mark.parametrize("when", ["at", "after"])
@pytest.mark.parametrize("variant", VARIANTS)
async def test_once_at_every_await(variant, when, monkeypatch):
    set_timings(monkeypatch, refill_gap=0.0)
    ends = number = 0
    async with watched() as errors:
        while ends < ENOUGH:
            number += 1
            async with LocalDaily() as daily, helper_of(daily) as helper:
                cancelled = Cancelled(daily, number, when=when)
                await cancelled.run(session(daily, helper, **VARIANTS[variant]))
            if not cancelled.requested:
                ends += 1
                assert cancelled.end is None
        assert errors == []
    assert number > FEWEST


@pytest.mark.large
async def test_twice():
    """At each await and at some of those that follow."""
    dice = random.Random(3)
    ends = number = both = 0
    async with watched() as errors:
        while ends < ENOUGH:
            number += 1
            seconds = [
                number + 1,
                *(dice.randint(number + 2, number + 25) for _ in range(size(1, 4))),
            ]
            for second in seconds:
                for when in ("at", "after"):
                    async with LocalDaily() as daily, helper_of(daily) as helper:
                        cancelled = Cancelled(daily, number, second, when=when)
                        await cancelled.run(session(daily, helper))
                        both += not cancelled.steps.acts
            ends += not cancelled.requested
        assert errors == []
    assert number > FEWEST
    assert both > FEWEST


REQUESTS = {
    "fill": ("POST", "/batch/rooms"),
    "create": ("POST", "/rooms"),
    "domain": ("GET", "/"),
    "delete": ("DELETE", "*"),
}


def with_a_fault(dice: random.Random, kinds: list[str]):
    """One pool: a fault at one of its requests, and one or two cancellations."""
    request, kind = dice.choice(list(REQUESTS)), dice.choice(kinds)
    method, path = REQUESTS[request]
    # A deletion that never succeeds leaves a room.
    times = dice.choice([1, 2] if request == "delete" else [1, 2, None])
    numbers = sorted(dice.sample(range(1, 90), dice.choice([1, 1, 2])))
    when = dice.choice(["at", "after"])

    async def run() -> None:
        policy = HASTY if "hang" in kind else POLICY
        async with LocalDaily() as daily, helper_of(daily, policy) as helper:
            daily.fail(method, path, times=times, **KINDS[kind].describe())
            cancelled = Cancelled(daily, *numbers, when=when)
            try:
                await cancelled.run(session(daily, helper, rooms=3))
            except AssertionError as exc:
                raise AssertionError(request, kind, times, numbers, when) from exc
            if not cancelled.requested:
                assert isinstance(cancelled.end, DailyError | None)

    return run()


@pytest.mark.large
@pytest.mark.parametrize("seed", range(size(1, 3)))
async def test_with_a_fault(seed):
    dice = random.Random(seed)
    kinds = [kind for kind in KINDS if "hang" not in kind]
    async with watched() as errors:
        await all_of(with_a_fault(dice, kinds) for _ in range(80))
        assert errors == []


async def test_with_a_request_that_hangs():
    dice = random.Random(5)
    async with watched():
        await all_of(with_a_fault(dice, ["hang", "hang-after"]) for _ in range(16))
