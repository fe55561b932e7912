# SPDX-License-Identifier: BSD-2-Clause
"""The client keeps within the rate limits of a local Daily."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from pipecat_daily_rest import (
    DailyConfigError,
    DailyNotFoundError,
    DailyRateLimitError,
    DailyRESTHelper,
    DailyTimeoutError,
    RateLimits,
    RetryPolicy,
    owned_rooms,
    provisioned_room,
)
from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._http.rates import tier_of
from pipecat_daily_rest._http.retry import never_happened
from pipecat_daily_rest._http.tier import Tier
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.rest.limits import Limits

LONG = 1000.0  # seconds; a window that no test outlasts
CLOSED = {"default": (4, LONG), "slow": (1, LONG), "media_start": (1, LONG)}
QUICK = {"default": (20, 0.5), "slow": (2, LONG), "media_start": (2, 0.5)}


@asynccontextmanager
async def limited(numbers, *, choices=None, daily_numbers=None, **options):
    """A local Daily with rate limits, and a helper that knows them."""
    limits = Limits(**(daily_numbers or numbers))
    async with (
        LocalDaily(limits=limits, choices=choices) as daily,
        helper_of(daily, pace=RateLimits(**numbers), **options) as helper,
    ):
        yield daily, helper


def helper_of(daily, **options):
    return DailyRESTHelper(daily_api_key=daily.api_key, daily_api_url=daily.api_url, **options)


async def ask(helper, times=1):
    return await asyncio.gather(*(helper.request("GET", "/rooms") for _ in range(times)))


async def settled(condition):
    while not condition():  # noqa: ASYNC110 - nothing else tells
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("tier", "requests"),
    [
        ("slow", ["DELETE /rooms/a", "GET /recordings"]),
        (
            "media_start",
            [
                "POST /rooms/a/recordings/start",
                "POST /rooms/a/live-streaming/start",
                "POST /rooms/a/dialOut/start",
            ],
        ),
        (
            "default",
            [
                "GET /rooms",
                "POST /rooms",
                "GET /rooms/a",
                "DELETE /batch/rooms",
                "DELETE /recordings/a",
                "GET /recordings/a",
                "POST /rooms/a/recordings/stop",
                "POST /rooms/a/transcription/start",
                "DELETE /rooms/a/b",
            ],
        ),
    ],
)
def test_the_tiers(tier, requests):
    for request in requests:
        assert tier_of(*request.split()) == tier


@pytest.mark.parametrize("window", ["sliding", "fixed"])
@pytest.mark.parametrize("latency", [0.0, 0.1])
async def test_a_burst_waits_and_nothing_is_refused(window, latency):
    async with limited(QUICK, choices=Choices(rate_window=window)) as (daily, helper):
        daily.latency = latency
        began = time.monotonic()
        await ask(helper, 70)
        # 15 in each window, since 5 are kept for teardown.
        assert time.monotonic() - began >= 4 * 0.5
        assert daily.limits.refused.total() == 0
        assert daily.limits.passed == {"default": 70}


async def test_a_burst_of_rooms_succeeds_and_is_deleted_right_after_it():
    async with limited({**QUICK, "default": (20, 1.0)}) as (daily, helper):
        inside, end = asyncio.Semaphore(0), asyncio.Event()

        async def session():
            async with provisioned_room(daily=helper):
                inside.release()
                await end.wait()

        sessions = [asyncio.create_task(session()) for _ in range(40)]
        for _ in sessions:
            await inside.acquire()
        assert len(daily.rooms) == 40
        before = len(daily.requests)
        end.set()
        await asyncio.gather(*sessions)
        assert daily.rooms == {}
        assert len(daily.requests) - before <= 3
        assert daily.limits.refused.total() == 0


async def test_the_helpers_of_an_account_share_its_limits_and_others_do_not():
    async with limited(CLOSED) as (daily, helper), LocalDaily() as other:
        async with helper_of(daily) as second, helper_of(other, pace=RateLimits(**CLOSED)) as third:
            await ask(helper, 3)
            waiting = asyncio.create_task(ask(second))
            await ask(third)
            assert not waiting.done()
            assert daily.limits.passed == {"default": 3}
            waiting.cancel()


async def test_several_loops_and_threads_share_the_limits():
    async with limited(QUICK) as (daily, _):

        async def work():
            async with helper_of(daily) as helper:
                await ask(helper, 15)

        await asyncio.gather(*(asyncio.to_thread(asyncio.run, work()) for _ in range(4)))
        assert daily.limits.refused.total() == 0
        assert daily.limits.passed == {"default": 60}


async def test_the_pace_can_be_switched_off():
    policy = RetryPolicy(attempts=1)
    async with limited(CLOSED) as (daily, _), helper_of(daily, pace=False, retry=policy) as helper:
        with pytest.raises(DailyRateLimitError):
            await ask(helper, 5)
        assert daily.limits.refused == {"default": 1}


async def test_the_limits_given_to_one_helper_hold_for_all():
    async with limited(CLOSED, daily_numbers={"default": (100, LONG)}) as (daily, helper):
        await ask(helper, 3)
        waiting = asyncio.create_task(ask(helper))
        async with helper_of(daily, pace=RateLimits(default=(60, LONG))) as second:
            await ask(second, 40)
            await waiting
        async with helper_of(daily) as third:
            await ask(third, 10)
        assert daily.limits.passed == {"default": 54}


async def test_a_request_that_waits_too_long_was_never_sent():
    async with limited(CLOSED) as (daily, _):
        pace = RateLimits(**CLOSED, wait=0.2)
        async with helper_of(daily, pace=pace) as helper:
            await ask(helper, 3)
            began = time.monotonic()
            with pytest.raises(DailyTimeoutError, match=r"GET /rooms: not sent: too many") as exc:
                await ask(helper)
            assert time.monotonic() - began >= 0.19
            assert exc.value.attempts == 0
            assert never_happened(exc.value)
            assert exc.value.retryable
            assert len(daily.requests) == 3


async def test_a_room_that_waits_too_long_is_not_created_and_waits_once(monkeypatch):
    async with limited(CLOSED) as (daily, _):
        async with helper_of(daily, pace=RateLimits(**CLOSED, wait=0.5)) as helper:
            await ask(helper, 3)
            take, waits = Tier.take, []

            async def noted(*arguments, **options):
                waits.append("begins")
                try:
                    return await take(*arguments, **options)
                finally:
                    waits.append("ends")

            monkeypatch.setattr(Tier, "take", noted)
            with pytest.raises(DailyTimeoutError, match="Unable to create room: not sent") as exc:
                async with provisioned_room(daily=helper):
                    pass
            assert waits == [*["begins"] * (len(waits) // 2), *["ends"] * (len(waits) // 2)]
            assert exc.value.attempts == 0
            assert len(daily.requests) == 3
            assert owned_rooms() == ()


async def test_a_cancelled_wait_ends_at_once_and_sends_nothing():
    async with limited(CLOSED) as (daily, helper):
        await ask(helper, 3)

        async def session():
            async with provisioned_room(daily=helper):
                pass

        sessions = [asyncio.create_task(session()) for _ in range(3)]
        await settled(lambda: len(owned_rooms()) == 3)
        for task in sessions:
            task.cancel()
        done, _ = await asyncio.wait(sessions, timeout=60)
        assert len(done) == 3
        assert all(task.cancelled() for task in done)
        assert owned_rooms() == ()
        assert len(daily.requests) == 3


async def test_the_deadline_begins_with_the_first_send():
    numbers = {**QUICK, "default": (4, 1.0)}
    policy = RetryPolicy(deadline=0.9)
    async with limited(numbers, retry=policy) as (daily, helper):
        await ask(helper, 12)  # the last one waits for three seconds
        assert daily.limits.passed == {"default": 12}


async def test_the_deadlines_clock_stands_still_while_a_request_waits():
    deadline = Deadline(LONG, stops=True)
    firm = Deadline(LONG)
    with deadline.waiting(), firm.waiting():
        before = deadline.left()
        with deadline.waiting():
            await asyncio.sleep(0.05)
        assert deadline.left() == before
        assert firm.left() < LONG - 0.04
    assert before - 0.02 < deadline.left() <= before
    assert 0.04 < deadline.waited < LONG
    deadline.end()
    assert deadline.left() == 0
    assert firm.waited == 0


async def test_a_429_closes_the_tier_for_all_requests():
    """Another program uses the account, too."""
    async with limited({"default": (100, LONG)}) as (daily, helper):
        daily.fail("GET", "/rooms", status=429, times=1)
        with_pause = asyncio.create_task(ask(helper))
        await settled(lambda: daily.requests and daily.requests[0].status == 429)
        at = daily.requests[0].at
        await with_pause
        await helper.presence()
        assert all(request.at - at >= 0.14 for request in daily.requests[1:])


async def test_no_request_fails_when_the_limit_is_lower_than_configured():
    """The pacer does not know of other programs on the account: it learns by the 429s."""
    numbers = {"default": (10, 1.0)}
    # How often a request is refused is left to chance.
    policy = RetryPolicy(attempts=100, deadline=100)
    known = {"default": (100, 5.0)}
    async with limited(known, daily_numbers=numbers, retry=policy) as (daily, helper):
        await ask(helper, 25)
        assert daily.limits.passed == {"default": 25}
        assert daily.limits.refused.total() > 0


async def test_media_starts_wait_in_their_own_tier():
    async with limited({**CLOSED, "default": (100, LONG)}) as (_, helper):
        with pytest.raises(DailyNotFoundError):
            await helper.request("POST", "/rooms/a/dialOut/start", json={})
        waiting = asyncio.create_task(helper.request("POST", "/rooms/a/recordings/start", json={}))
        await ask(helper, 10)
        assert not waiting.done()
        waiting.cancel()


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ({"default": (0, 5.0)}, "default"),
        ({"slow": (50, 0.0)}, "slow"),
        ({"media_start": (5, float("nan"))}, "media_start"),
        ({"wait": -1.0}, "wait"),
        ({"wait": "x"}, "wait"),
        ({"wait": None}, "wait"),
        ({"wait": True}, "wait"),
        ({"default": 5}, "default"),
        ({"default": None}, "default"),
        ({"default": "ab"}, "default"),
        ({"default": ("a", "b")}, "default"),
        ({"default": (5,)}, "default"),
        ({"default": (5, 1.0, 2)}, "default"),
        ({"default": (2.5, 1.0)}, "default"),
        ({"slow": (5, None)}, "slow"),
        ({"media_start": {5: 1, 6: 2}}, "media_start"),
        ({"redis_url": 5}, "redis_url"),
        ({"redis_url": True}, "redis_url"),
    ],
)
def test_wrong_limits(numbers, says):
    with pytest.raises(DailyConfigError, match=says):
        RateLimits(**numbers)
