# SPDX-License-Identifier: BSD-2-Clause
import asyncio
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from loguru import logger

from helpers import sent
from pipecat_daily_rest import (
    DailyMeetingTokenProperties,
    DailyRESTHelper,
    DailyRoomParams,
    DailyRoomProperties,
    PoolStats,
    RateLimits,
    RetryPolicy,
    RoomPool,
    owned_rooms,
)
from pipecat_daily_rest._core import room_names
from pipecat_daily_rest._core.timings import Timings
from pipecat_daily_rest._rooms.owned import process_rooms
from pipecat_daily_rest.errors import (
    DailyAuthenticationError,
    DailyConfigError,
    DailyForbiddenError,
    DailyInvalidRequestError,
)
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.choices import Choices
from timings import set_timings
from tokens import claims

LIFETIME = 1800
TTL = 600
POLICY = RetryPolicy(attempts=3, backoff=0.005, max_backoff=0.02)


@pytest.fixture
def daily(daily, monkeypatch):
    set_timings(monkeypatch, look_again=(0.02, 0.1))
    return daily


class Time:
    """The time of a pool and of the local Daily, which moves when a test says so."""

    def __init__(self, daily):
        self.daily = daily
        self.ahead = 0

    def now(self):
        return time.time() + self.ahead

    def pass_by(self, pool, seconds):
        self.ahead += seconds
        self.daily.advance(seconds)
        pool._rooms._wake.set()


@asynccontextmanager
async def pool_of(daily, **options):
    """A pool that tries again soon."""
    async with (
        DailyRESTHelper(
            daily_api_key=daily.api_key, daily_api_url=daily.api_url, retry=POLICY
        ) as helper,
        RoomPool(daily=helper, lifetime=LIFETIME, ttl=TTL, **options) as pool,
    ):
        yield pool


async def holds(condition):
    while not condition():  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.01)


async def until(pool, **numbers):
    """Wait until a pool has these numbers."""
    await holds(lambda: {name: getattr(pool.stats, name) for name in numbers} == numbers)


async def until_gone(daily, gone):
    await holds(lambda: not gone & {*daily.rooms, *(room.name for room in owned_rooms())})


def batches(daily):
    return [len(each.body["rooms"]) for each in sent(daily, "POST", "/batch/rooms")]


@pytest.fixture
def said():
    lines = []
    sink = logger.add(lambda message: lines.append(message.record["message"]), level="INFO")
    yield lines
    logger.remove(sink)


# -- Handing out -----------------------------------------------------------------------------


async def test_rooms_are_created_ahead_and_deleted_at_the_end(daily):
    before = time.time()
    async with RoomPool(size=3, lifetime=LIFETIME, ttl=TTL) as pool:
        assert len(daily.rooms) == pool.stats.waiting == 3
        assert batches(daily) == [3]
        for name, room in daily.rooms.items():
            assert room_names.is_pool(name, "pipecat")
            assert room.privacy == "private"
            assert room.config["eject_at_room_exp"] is True
            assert -0.001 <= room.config["exp"] - before - LIFETIME - TTL < 60
        assert {room.name for room in owned_rooms()} == set(daily.rooms)
        requests = len(daily.requests)
        async with pool.room() as room:
            assert len(daily.requests) == requests  # none, tokens included
            assert daily.join(room.url, room.bot_token).participant.is_owner
            assert not daily.join(room.url, room.user_token).participant.is_owner
        assert room.name not in daily.rooms
    assert daily.rooms == {}
    assert owned_rooms() == ()


async def test_a_hand_out_sends_no_request(daily):
    async with RoomPool() as pool:
        block = pool.room()
        with pytest.raises(StopIteration) as end:
            block.__aenter__().send(None)  # an await that waits would give a future
        assert end.value.value.name in daily.rooms
        await block.__aexit__(None, None, None)


async def test_a_pool_hands_out_provisioned_rooms(daily):
    async with RoomPool(size=2, lifetime=LIFETIME, ttl=TTL) as pool, pool.room() as room:
        exp = daily.rooms[room.name].config["exp"]
        assert room.expires_at == datetime.fromtimestamp(exp, UTC)
        assert room.owned
        assert room.is_local
        assert room.runner_args().token == room.bot_token
        assert tuple(room) == (room.url, room.bot_token)
        extra = claims(daily, await room.create_token(owner=True))
        assert (extra["r"], extra["o"]) == (room.name, True)
        assert claims(daily, room.bot_token)["o"] is True
        assert claims(daily, room.user_token)["o"] is False


async def test_the_oldest_room_is_handed_out_first(daily):
    async with RoomPool(size=2) as pool:
        first, second = daily.rooms
        async with pool.room() as one, pool.room() as two:
            assert [one.name, two.name] == [first, second]


async def test_tokens_are_valid_for_lifetime_from_the_hand_out_on(daily):
    clock = Time(daily)
    async with pool_of(daily, now=clock.now) as pool:
        clock.ahead = 300  # the room has waited
        async with pool.room() as room:
            for token in (room.bot_token, room.user_token, await room.create_token()):
                assert 0 <= clock.now() + LIFETIME - claims(daily, token)["exp"] < 60
            assert room.expires_at.timestamp() > claims(daily, room.bot_token)["exp"]


async def test_parameters_of_the_pool_and_of_one_hand_out(daily):
    params = DailyRoomParams(privacy="public", properties=DailyRoomProperties(enable_chat=True))
    bot = DailyMeetingTokenProperties(user_name="Bot")
    async with RoomPool(params, size=1, bot=bot, name_prefix="desk") as pool:
        user = DailyMeetingTokenProperties(user_name="Ana", eject_after_elapsed=60)
        async with pool.room(user=user) as room:
            assert room.name.startswith("desk-p")
            assert daily.rooms[room.name].privacy == "public"
            assert daily.rooms[room.name].config["enable_chat"] is True
            assert claims(daily, room.bot_token)["u"] == "Bot"
            assert claims(daily, room.user_token)["u"] == "Ana"
            assert claims(daily, room.user_token)["ejt"] is True
    assert (params.name, params.properties.exp) == (None, None)
    assert (bot.room_name, user.room_name, user.exp) == (None, None, None)


async def test_a_kept_room_stays(daily):
    async with RoomPool(size=2) as pool, pool.room() as room:
        room.keep()
    assert list(daily.rooms) == [room.name]
    assert owned_rooms() == ()


async def test_an_empty_pool_makes_a_room_on_the_spot_and_logs_it(daily, said):
    daily.fail("POST", "/batch/rooms", status=503, times=None)
    async with pool_of(daily) as pool:
        async with pool.room() as room:
            assert room_names.is_ours(room.name, "pipecat")
            assert not room_names.is_pool(room.name, "pipecat")
            assert daily.join(room.url, room.user_token)
        assert (pool.stats.hits, pool.stats.misses) == (0, 1)
    assert "The pool is empty: a room is made on the spot" in said
    assert daily.rooms == {}


async def test_daily_may_create_the_tokens(daily):
    async with RoomPool(size=1, token_source="api") as pool, pool.room() as room:
        assert len(sent(daily, "POST", "/meeting-tokens")) == 2
        assert daily.join(room.url, room.bot_token)
    assert sent(daily, "GET", "/") == []  # nothing is signed here


async def test_a_refused_token_leaves_the_room_in_the_pool(daily):
    daily.fail("POST", "/meeting-tokens", status=403)
    async with RoomPool(size=1, token_source="api") as pool:
        [name] = daily.rooms
        with pytest.raises(DailyForbiddenError):
            async with pool.room():
                pytest.fail("was handed out")
        async with pool.room() as room:
            assert room.name == name
        assert pool.stats.hits == 1


async def test_a_block_may_outlive_its_pool(daily):
    async with RoomPool(size=2, token_source="api") as pool:
        block = pool.room()
        room = await block.__aenter__()
    assert list(daily.rooms) == [room.name]
    assert await room.create_token()
    with pytest.raises(DailyConfigError, match="not open"):
        await pool.room().__aenter__()
    assert pool._helper.api._connections
    await block.__aexit__(None, None, None)
    assert not pool._helper.api._connections  # its session is given back
    assert daily.rooms == {}


async def test_a_room_that_is_made_on_the_spot_while_the_pool_ends(daily):
    daily.fail("POST", "/batch/rooms", status=503, times=None)
    making = daily.fail("POST", "/rooms", delay=0.3)

    async def session():
        async with pool.room() as room:
            return room

    async with RoomPool() as pool:
        task = asyncio.create_task(session())
        await making.wait()
    assert (await task).gone
    assert daily.rooms == {}


# -- Beginning -------------------------------------------------------------------------------


async def test_a_wrong_key_is_an_error_at_once(daily):
    before = asyncio.all_tasks()
    with pytest.raises(DailyAuthenticationError, match="check DAILY_API_KEY"):
        async with RoomPool(api_key="x" * 32):
            pytest.fail("was entered")
    assert asyncio.all_tasks() == before
    assert owned_rooms() == ()


async def test_rooms_that_daily_refuses_are_an_error_at_once():
    async with LocalDaily(choices=Choices(max_api_rooms=4)) as daily:
        with pytest.raises(DailyInvalidRequestError, match="already has 4 rooms"):
            async with RoomPool(api_key=daily.api_key, api_url=daily.api_url):
                pytest.fail("was entered")
    assert owned_rooms() == ()


async def test_without_a_key():
    with pytest.raises(DailyConfigError, match="DAILY_API_KEY is not set"):
        await RoomPool().__aenter__()


async def test_daily_room_url_is_refused(daily, monkeypatch):
    monkeypatch.setenv("DAILY_ROOM_URL", "https://x.daily.co/standup")
    with pytest.raises(DailyConfigError, match="DAILY_ROOM_URL is set"):
        await RoomPool().__aenter__()
    assert daily.requests == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"size": 0}, "size must be a whole number, at least 1"),
        ({"size": 2.5}, "size must be"),
        ({"size": "5"}, "size must be"),
        ({"size": True}, "size must be"),
        ({"max_size": "9"}, "max_size must be a whole number, at least 5"),
        ({"now": 5}, "now must be a function, not int"),
        ({"size": 5, "max_size": 4}, "max_size must be a whole number, at least 5"),
        ({"ttl": 0}, "ttl must be"),
        ({"lifetime": timedelta(0)}, "lifetime must be"),
        ({"params": DailyRoomParams(name="mine")}, "leave out name"),
        ({"params": DailyRoomParams(properties=DailyRoomProperties(exp=4e9))}, "exp"),
        ({"params": DailyRoomParams(properties=DailyRoomProperties(nbf=4e9))}, "nbf"),
        ({"name_prefix": "ä"}, "name_prefix"),
        ({"name_prefix": 5}, "name_prefix"),
        ({"token_source": "here"}, "token_source"),
        ({"user": DailyMeetingTokenProperties(is_owner=True)}, "never has owner rights"),
    ],
)
def test_arguments_that_do_not_fit(arguments, says):
    with pytest.raises(DailyConfigError, match=says):
        RoomPool(**arguments)


async def test_token_properties_that_do_not_fit_are_an_error_before_any_request(daily):
    user = DailyMeetingTokenProperties(user_id="x" * 37)
    with pytest.raises(DailyConfigError, match="user_id"):
        await RoomPool(user=user).__aenter__()
    assert daily.requests == []


async def test_a_pool_is_entered_once(daily):
    async with RoomPool() as pool:
        with pytest.raises(DailyConfigError, match="entered only once"):
            await pool.__aenter__()
        assert pool.stats.waiting == 5
    with pytest.raises(DailyConfigError, match="entered only once"):
        await pool.__aenter__()


# -- Daily away ------------------------------------------------------------------------------


async def test_it_opens_while_daily_is_away_and_fills_when_daily_is_back(daily, said):
    away = daily.fail("*", "*", drop="before", times=None)
    async with pool_of(daily) as pool:
        assert pool.stats.waiting == 0
        with pytest.raises(Exception, match="Unable to create room: no answer"):
            async with pool.room():
                pytest.fail("was handed out")
        await holds(lambda: pool.stats.failures >= 3)
        away.cancel()
        await until(pool, waiting=5, failures=0)
        async with pool.room() as room:
            assert daily.join(room.url, room.user_token)
    assert len([line for line in said if "cannot be filled, and goes on trying" in line]) == 1
    assert said.count("The pool is filled again") == 1
    assert daily.rooms == {}


async def test_a_pool_refills_again_after_an_outage_and_a_refused_key(daily):
    async with pool_of(daily, size=2) as pool:
        fault = daily.fail("POST", "/batch/rooms", status=401, times=None)
        async with pool.room(), pool.room():
            await fault.wait(3)
            fault.cancel()
            await until(pool, waiting=2)


@pytest.mark.parametrize(("lost", "asked"), [("before", 2), ("after", 1)])
async def test_a_batch_without_an_answer_is_looked_for(daily, lost, asked):
    daily.fail("POST", "/batch/rooms", drop=lost)
    async with pool_of(daily, size=3) as pool:
        assert pool.stats.waiting == len(daily.rooms) == 3
        assert batches(daily) == [3] * asked
    assert daily.rooms == {}
    assert owned_rooms() == ()


@pytest.mark.parametrize("lost", ["before", "after"])
async def test_a_batch_without_any_answer_leaves_no_room(daily, lost):
    daily.fail("POST", "/batch/rooms", drop=lost)
    looking = daily.fail("GET", "/rooms/*", status=503, times=None)
    async with pool_of(daily, size=50) as pool:
        await until(pool, waiting=50)
        first, last = (each.body["rooms"] for each in sent(daily, "POST", "/batch/rooms"))
        gone = {room["name"] for room in first}
        assert gone.isdisjoint(room["name"] for room in last)
        looking.cancel()
        await until_gone(daily, gone)
        looked = {each.path for each in daily.requests if each.method == "GET"} - {"/"}
        assert looked == {f"/rooms/{first[0]['name']}"}  # one tells of all
        assert len(daily.rooms) == 50
    assert daily.rooms == {}
    assert owned_rooms() == ()


async def test_a_batch_that_cannot_be_looked_for_is_logged(daily, said):
    daily.fail("POST", "/batch/rooms", drop="after")
    for method in ("GET", "DELETE"):
        daily.fail(method, "/rooms/*", status=403, times=None)
    async with pool_of(daily, size=2) as pool:
        lost = set(daily.rooms)
        await until(pool, waiting=2)
        await holds(lambda: not lost & {room.name for room in owned_rooms()})
    for name in lost:
        assert any(f"Room {name} could not be deleted" in line for line in said)


@pytest.mark.parametrize(
    "fault", [{"truncate": True}, {"html": True}, {"nulls": True}, {"status": 500}]
)
async def test_a_batch_with_an_unreadable_answer_leaves_no_room(daily, fault):
    daily.fail("POST", "/batch/rooms", **fault)
    async with pool_of(daily, size=3) as pool:
        await until(pool, waiting=3)
    assert daily.rooms == {}


async def test_an_answer_that_is_wrapped_like_a_list():
    async with LocalDaily(choices=Choices(batch_create_wrapped=True)) as daily:
        async with RoomPool(size=3, api_key=daily.api_key, api_url=daily.api_url) as pool:
            assert pool.stats.waiting == len(daily.rooms) == 3
            assert pool.stats.refills == 1
        assert daily.rooms == {}


async def test_the_domain_may_be_away_at_first(daily):
    daily.fail("GET", "/", status=503, times=POLICY.attempts)
    async with pool_of(daily, size=1) as pool, pool.room() as room:
        assert daily.join(room.url, room.user_token)


async def test_an_error_that_is_not_retryable_is_raised_at_once(daily):
    daily.fail("GET", "/", status=403)
    with pytest.raises(DailyForbiddenError, match="Unable to get the domain"):
        async with pool_of(daily):
            pytest.fail("was entered")
    assert daily.rooms == {}


# -- Keeping it filled -----------------------------------------------------------------------


async def test_rooms_taken_within_the_refill_gap_are_replaced_with_one_request(daily, monkeypatch):
    set_timings(monkeypatch, refill_gap=100)
    clock = Time(daily)
    async with pool_of(daily, size=8, now=clock.now) as pool, pool.room():
        clock.pass_by(pool, 50)
        await asyncio.sleep(0.02)  # time to make one good, if it were not waited for others
        async with pool.room(), pool.room():
            clock.pass_by(pool, 49)
            await asyncio.sleep(0.02)
            assert batches(daily) == [8]
            clock.pass_by(pool, 1)
            await until(pool, waiting=8)
            assert batches(daily) == [8, 3]


async def test_a_half_empty_pool_is_refilled_at_once(daily, monkeypatch):
    set_timings(monkeypatch, refill_gap=3600)
    async with pool_of(daily, size=4) as pool, pool.room():
        assert batches(daily) == [4]
        async with pool.room():
            await until(pool, waiting=4)
            assert batches(daily) == [4, 2]


async def test_no_room_is_handed_out_with_less_than_its_lifetime(daily):
    clock = Time(daily)
    async with pool_of(daily, size=2, now=clock.now) as pool:
        old = set(daily.rooms)
        clock.ahead = TTL + 1  # nothing had the time to replace them
        async with pool.room() as room:
            assert room.name not in old
            assert room.expires_at.timestamp() > time.time() + LIFETIME - 60
        assert pool.stats.misses == 1
        assert pool.stats.expired == 2
        await until_gone(daily, old)


async def test_rooms_are_replaced_before_their_ttl_is_over(daily):
    clock = Time(daily)
    async with pool_of(daily, size=3, now=clock.now) as pool:
        old = set(daily.rooms)
        clock.pass_by(pool, TTL * 0.8)
        await asyncio.sleep(0.05)
        assert set(daily.rooms) == old
        clock.pass_by(pool, TTL * 0.15)  # not yet over
        await until(pool, waiting=6)
        async with pool.room() as room:
            assert room.name in old
        clock.pass_by(pool, TTL * 0.1)
        await until_gone(daily, old)
        await until(pool, waiting=3, expired=2, target=3, misses=0)
        assert len(daily.rooms) == 3


async def test_a_room_that_somebody_else_deleted_is_replaced(daily, call, said):
    clock = Time(daily)
    async with pool_of(daily, size=3, now=clock.now) as pool:
        _, gone, _ = daily.rooms
        assert (await call("DELETE", f"/rooms/{gone}"))[0] == 200
        clock.pass_by(pool, Timings.pool_check)
        await until(pool, vanished=1, waiting=3, made=4)
        for _ in range(3):
            async with pool.room() as room:
                assert room.name != gone
    assert f"Room {gone} of the pool was deleted by somebody else" in said


async def test_a_check_lists_rooms_back_to_the_oldest_waiting_one(daily, call, monkeypatch):
    await call("POST", "/batch/rooms", {"rooms": [{"name": f"old-{n}"} for n in range(250)]})
    daily.advance(3600)
    clock = Time(daily)
    clock.ahead = 3600
    async with pool_of(daily, size=3, now=clock.now) as pool:
        [first, *_] = pool._rooms._waiting
        daily.state.rooms.delete(daily.rooms[first.room.name])
        clock.pass_by(pool, Timings.pool_check)
        await until(pool, vanished=1)
        assert len(sent(daily, "GET", "/rooms")) == 1


async def test_a_pool_of_a_fleet_refills_when_half_of_it_is_gone(daily, redis):
    clock = Time(daily)
    async with pool_of(daily, size=6, now=clock.now) as pool, AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(pool.room())
            clock.pass_by(pool, 20)
        await asyncio.sleep(0.05)
        assert (pool.stats.refills, pool.stats.waiting) == (1, 4)
        await stack.enter_async_context(pool.room())
        await until(pool, refills=2, waiting=6)
        await stack.enter_async_context(pool.room())
        clock.pass_by(pool, TTL / 2)  # it does not wait for ever
        await until(pool, refills=3, waiting=6)


async def test_a_pool_of_a_fleet_looks_at_one_page_and_less_and_less_often(daily, call, redis):
    clock = Time(daily)
    async with pool_of(daily, size=3, now=clock.now) as pool:
        gone, *_ = daily.rooms
        daily.advance(1)  # the rooms of others are newer
        await call("POST", "/batch/rooms", {"rooms": [{"name": f"x-{n}"} for n in range(250)]})
        await call("DELETE", f"/rooms/{gone}")
        for checks, gap in ((1, 120), (2, 240)):
            clock.pass_by(pool, gap / 2)
            await holds(lambda: pool._rooms._check_gap == gap)  # noqa: B023 - awaited here
            assert len(sent(daily, "GET", "/rooms")) == checks
            clock.pass_by(pool, gap / 2)
            await asyncio.sleep(0.05)
            assert len(sent(daily, "GET", "/rooms")) == checks
        assert pool.stats.vanished == 0


async def test_a_failed_check_drops_no_room(daily):
    clock = Time(daily)
    async with pool_of(daily, size=3, now=clock.now) as pool:
        fault = daily.fail("GET", "/rooms", status=500, times=None)
        clock.pass_by(pool, Timings.pool_check)
        await fault.wait(POLICY.attempts)
        await asyncio.sleep(0.05)
        assert (pool.stats.vanished, pool.stats.waiting, pool.stats.failures) == (0, 3, 0)


async def test_a_burst_enlarges_a_pool_and_quiet_shrinks_it(daily):
    clock = Time(daily)
    async with pool_of(daily, size=2, max_size=5, now=clock.now) as pool:
        for target in (4, 5, 5):
            blocks = [pool.room() for _ in range(pool.stats.waiting + 1)]
            await asyncio.gather(*(block.__aenter__() for block in blocks))
            await until(pool, target=target, waiting=target)
            await asyncio.gather(*(block.__aexit__(None, None, None) for block in blocks))
        clock.pass_by(pool, TTL + 1)
        await until(pool, target=2)
        await until(pool, waiting=2)


async def test_without_max_size_a_pool_keeps_its_size(daily):
    async with pool_of(daily, size=1) as pool, pool.room(), pool.room():
        await until(pool, waiting=1)
        assert pool.stats.target == 1


async def test_stats(daily):
    clock = Time(daily)
    pool = RoomPool(size=2, now=clock.now, ttl=TTL)
    assert pool.stats == PoolStats(target=2)
    async with pool:
        clock.ahead = 100
        stats = pool.stats
        assert 100 <= stats.age < 160
        assert (stats.waiting, stats.made, stats.refills, stats.failures) == (2, 2, 1, 0)
        assert 0 < stats.refill_time < 60
        async with pool.room():
            assert pool.stats.hits == 1
        await until(pool, waiting=2, made=3, refills=2)
        with pytest.raises(AttributeError):
            stats.hits = 5
    assert (pool.stats.waiting, pool.stats.age, pool.stats.made) == (0, 0, 3)


# -- The end ---------------------------------------------------------------------------------


async def test_drained_rooms_are_not_handed_out(daily):
    async with pool_of(daily, size=3) as pool:
        drained = set(daily.rooms)
        assert await process_rooms.drain()
        assert pool.stats.waiting == 0
        async with pool.room() as room:
            assert room.name not in drained
        await until(pool, waiting=3)
    assert daily.rooms == {}


async def test_the_line_that_opened_a_pool_is_known(daily):
    async with RoomPool(size=1) as pool:
        line = here()
        [waiting] = owned_rooms()
        assert waiting.opened_at == (__file__, line - 1)
        async with pool.room() as room:
            assert room._ownership.opened_at == (__file__, here() - 1)


def here():
    return sys._getframe(1).f_lineno


async def test_a_pool_is_deleted_with_one_request(daily):
    async with RoomPool(size=70):
        assert len(daily.rooms) == 70
    assert daily.rooms == {}
    [deletion] = [each for each in daily.requests if each.method == "DELETE"]
    assert (deletion.path, len(deletion.body["room_names"])) == ("/batch/rooms", 70)


async def test_a_pool_with_a_missing_room_is_deleted_with_few_requests(daily, call):
    async with RoomPool(size=70):
        await call("DELETE", f"/rooms/{list(daily.rooms)[30]}")
    assert daily.rooms == {}
    assert len(sent(daily, "DELETE", "/batch/rooms")) <= 3


async def test_a_refill_that_waits_for_the_rate_limit_is_given_up_at_the_end(daily):
    async with (
        DailyRESTHelper(
            daily_api_key=daily.api_key,
            daily_api_url=daily.api_url,
            pace=RateLimits(default=(2, 3600), wait=3600),  # the first fill and the domain
        ) as helper,
        RoomPool(size=1, daily=helper) as pool,
        pool.room(),
    ):
        await holds(lambda: len(owned_rooms()) == 2)  # one in use, one waits for its turn
    assert owned_rooms() == ()
    assert batches(daily) == [1]


async def test_a_body_that_raises(daily):
    with pytest.raises(ZeroDivisionError):
        async with RoomPool() as pool, pool.room():
            raise ZeroDivisionError
    assert daily.rooms == {}


async def test_a_failed_deletion_is_logged(daily, said):
    fault = daily.fail("DELETE", "*", status=500, times=None)
    async with pool_of(daily, size=2):
        left = set(daily.rooms)
    assert fault.hits
    assert set(daily.rooms) == left
    told = [line for line in said if "could not be deleted" in line and "It ends by itself" in line]
    assert len(told) == 2
    assert owned_rooms() == ()


async def test_a_deletion_that_is_cancelled_before_it_begins_begins_all_the_same(daily):
    deleted = []

    async def deletion():
        deleted.append(True)

    async with RoomPool(size=1) as pool:
        rooms = pool._rooms
        rooms._in_background(deletion)
        [task] = rooms._deletions
        task.cancel()  # as the end of an event loop does to every task
    assert deleted == [True]
    assert daily.rooms == {}
