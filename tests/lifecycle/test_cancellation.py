# SPDX-License-Identifier: BSD-2-Clause
"""A session is cancelled at every await of its own and of its tasks: no room is left."""

import asyncio
import random

import pytest
from cancelled import ENOUGH, Cancelled, nothing_is_left
from stepping import Driven, Steps, When
from watching import HASTY, POLICY, REQUESTS, all_of, helper_of, watched

from pipecat_daily_rest import DailyRoomParams, provisioned_room
from pipecat_daily_rest.errors import DailyError
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.rest.failures import KINDS
from sizes import size

FEWEST = 12  # awaits that a session has
pytestmark = pytest.mark.usefixtures("counted")


async def session(daily, /, *, body_raises=False, **options):
    if "daily" not in options:
        options.update(api_key=daily.api_key, api_url=daily.api_url)
    async with provisioned_room(**options) as room:
        daily.join(room.name, room.user_token)
        await asyncio.sleep(0)
        if body_raises:
            raise ZeroDivisionError


VARIANTS = {
    "local tokens": {},
    "tokens of the API": {"token_source": "api"},
    "a name of the caller's": {"params": DailyRoomParams(name="mine")},
    "a body that raises": {"body_raises": True},
}


@pytest.mark.parametrize("when", ["at", "after"])
@pytest.mark.parametrize("variant", VARIANTS)
async def test_once_at_every_await(variant, when):
    ends = number = 0
    async with watched() as errors:
        while ends < ENOUGH:
            number += 1
            async with LocalDaily() as daily:
                cancelled = Cancelled(daily, number, when=when)
                await cancelled.run(session(daily, **VARIANTS[variant]))
            if not cancelled.requested:
                ends += 1
                assert isinstance(
                    cancelled.end, ZeroDivisionError if "raises" in variant else type(None)
                )
        assert errors == []
    assert number > FEWEST


@pytest.mark.large
async def test_twice():
    """At each await and at one of those that follow: the next one, and some at random."""
    dice = random.Random(3)
    ends = number = both = 0
    async with watched() as errors:
        while ends < ENOUGH:
            number += 1
            seconds = [
                number + 1,
                *(dice.randint(number + 2, number + 25) for _ in range(size(5, 8))),
            ]
            for second in seconds:
                for when in ("at", "after"):
                    async with LocalDaily() as daily:
                        cancelled = Cancelled(daily, number, second, when=when)
                        await cancelled.run(session(daily))
                        both += not cancelled.steps.acts
            ends += not cancelled.requested
        assert errors == []
    assert number > FEWEST
    assert both > 3 * FEWEST


async def test_again_and_again():
    """A bot that is told to stop at every single step."""
    async with watched() as errors:
        for first in range(1, FEWEST):
            async with LocalDaily() as daily:
                cancelled = Cancelled(daily, *range(first, 200))
                await cancelled.run(session(daily))
                assert cancelled.requested
        assert errors == []


async def test_by_a_timeout():
    timeout: asyncio.Timeout

    async def timed(coro):
        nonlocal timeout
        async with asyncio.timeout(None) as timeout:
            await coro

    def expire():
        timeout.reschedule(asyncio.get_running_loop().time())

    ends = number = 0
    async with watched() as errors:
        while ends < ENOUGH:
            number += 1
            async with LocalDaily() as daily:
                steps = Steps({number: expire})
                task = asyncio.create_task(Driven(timed(session(daily)), steps))
                await asyncio.wait({task})
                nothing_is_left(daily, steps)
            assert isinstance(task.exception(), TimeoutError if timeout.expired() else type(None))
            assert task.cancelling() == 0
            ends += not timeout.expired()
        assert errors == []
    assert number > FEWEST


@pytest.mark.parametrize("token_source", ["local", "api"])
async def test_by_a_task_group(token_source):
    async def grouped(daily, fails):
        async def fail():
            await fails.wait()
            raise ZeroDivisionError

        async with asyncio.TaskGroup() as group:
            failing = group.create_task(fail())
            inner = group.create_task(session(daily, token_source=token_source))
            inner.add_done_callback(lambda _: fails.is_set() or failing.cancel())
        return inner

    ends = number = 0
    async with watched() as errors:
        while ends < ENOUGH:
            number += 1
            fails = asyncio.Event()
            async with LocalDaily() as daily:
                steps = Steps({number: fails.set})
                task = asyncio.create_task(Driven(grouped(daily, fails), steps))
                await asyncio.wait({task})
                nothing_is_left(daily, steps)
            if fails.is_set():
                [error] = task.exception().exceptions
                assert isinstance(error, ZeroDivisionError)
            else:
                assert task.result().result() is None
                ends += 1
        assert errors == []
    assert number > FEWEST


# -- With faults -----------------------------------------------------------------------------


def with_a_fault(dice: random.Random, kinds: list[str]):
    """One session: a fault at one of its requests, and one or two cancellations."""
    request, kind = dice.choice(list(REQUESTS)), dice.choice(kinds)
    method, path = REQUESTS[request]
    # A deletion that never succeeds leaves a room.
    times = dice.choice([1, 2] if request == "delete" else [1, 2, None])
    numbers = sorted(dice.sample(range(1, 60), dice.choice([1, 1, 2])))
    when: When = dice.choice(["at", "after"])
    source = "api" if request == "token" else dice.choice(["local", "api"])
    lost = dice.choice(["before", "after"])
    name = f"mine-{dice.getrandbits(64):x}" if dice.random() < 0.3 else None
    if request == "look" and (times is None or kind == "nulls"):
        name = None  # a room of the caller's name stays, unless a look tells that it is ours
    params = DailyRoomParams(name=name) if name else None

    async def run() -> None:
        policy = HASTY if "hang" in kind else POLICY
        async with LocalDaily() as daily, helper_of(daily, policy) as helper:
            if request == "look":
                daily.fail("POST", "/rooms", drop=lost)
            daily.fail(method, path, times=times, **KINDS[kind].describe())
            cancelled = Cancelled(daily, *numbers, when=when)
            try:
                await cancelled.run(
                    session(daily, daily=helper, token_source=source, params=params)
                )
            except AssertionError as exc:
                raise AssertionError(request, kind, times, numbers, when, source, name) from exc
            if not cancelled.requested:
                assert isinstance(cancelled.end, DailyError | None)

    return run()


@pytest.mark.large
@pytest.mark.parametrize("seed", range(size(1, 4)))
async def test_with_a_fault(seed):
    dice = random.Random(seed)
    kinds = [kind for kind in KINDS if "hang" not in kind]
    async with watched() as errors:
        await all_of(with_a_fault(dice, kinds) for _ in range(100))
        assert errors == []


async def test_with_a_request_that_hangs():
    dice = random.Random(5)
    async with watched():
        await all_of(with_a_fault(dice, ["hang", "hang-after"]) for _ in range(24))
