# SPDX-License-Identifier: BSD-2-Clause
"""Machines that share an account through Redis delete their rooms together."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from helpers import sent
from pipecat_daily_rest import DailyRESTHelper, RetryPolicy, provisioned_room
from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._http.account import Account
from pipecat_daily_rest._http.redis_slots import SharedRedis
from pipecat_daily_rest._rest import fleet_deletions
from pipecat_daily_rest._rest.deletion_batcher import delete_room
from pipecat_daily_rest.errors import DailyError

MACHINES = 5


@pytest.fixture
def daily(local_daily):
    return local_daily


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(fleet_deletions, "_GAP", 300)
    monkeypatch.setattr(fleet_deletions, "_LOOK", 0.02)


@asynccontextmanager
async def machines(daily, redis, count=MACHINES):
    """Helpers, each with an account of its own, as in processes of their own."""
    async with AsyncExitStack() as stack:
        helpers = []
        for _ in range(count):
            helper = DailyRESTHelper(
                daily_api_key=daily.api_key,
                daily_api_url=daily.api_url,
                retry=RetryPolicy(attempts=1),
            )
            api = (await stack.enter_async_context(helper)).api
            digest, api.account = api.account.digest, Account(api.account.digest)
            api._pacer = api.account.pacer
            api._pacer.fleet = SharedRedis(redis.url, digest)
            helpers.append(helper)
        yield helpers


async def create(daily, call, *names):
    body = {"rooms": [{"name": name} for name in names]}
    assert (await call("POST", "/batch/rooms", body))[0] == 200


def delete(helper, name, seconds=20.0):
    return asyncio.create_task(delete_room(helper.api, name, deadline=Deadline(seconds)))


async def test_rooms_of_many_machines_go_with_few_requests(redis, daily, call):
    names = [f"room-{number}" for number in range(4 * MACHINES)]
    await create(daily, call, *names)
    async with machines(daily, redis) as helpers:
        first = delete(helpers[0], names[0])
        assert await first  # at once, and alone
        others = [
            delete(helpers[number % MACHINES], name) for number, name in enumerate(names) if number
        ]
        assert all(await asyncio.gather(*others))
    assert not daily.rooms
    batches = sent(daily, "DELETE", "/batch/rooms")
    # What five machines did within 0.3 s is in two requests, whatever the machine's pace.
    assert 2 <= len(batches) <= 4
    assert len(batches[0].body["room_names"]) == 1
    assert not [each for each in daily.requests if each.path.startswith("/rooms/room")]


async def test_a_room_that_was_gone_is_told_to_its_own_machine(redis, daily, call):
    await create(daily, call, "here", "there", "first")
    async with machines(daily, redis, 2) as (one, other):
        assert await delete(one, "first")  # now the turn is taken for a while
        here, gone, there = delete(one, "here"), delete(one, "gone"), delete(other, "there")
        assert await asyncio.gather(here, gone, there) == [True, False, True]
    assert not daily.rooms


async def test_a_machine_that_fails_leaves_the_others_their_rooms(redis, daily, call):
    await create(daily, call, "first", "one", "other")
    async with machines(daily, redis, 2) as (one, other):
        assert await delete(one, "first")
        daily.fail("DELETE", "/batch/rooms", status=500, times=1)
        rooms = [delete(one, "one"), delete(other, "other")]
        results = await asyncio.gather(*rooms, return_exceptions=True)
    # Whoever had the turn, each machine then deletes its room itself.
    assert not daily.rooms
    assert results == [True, True]


async def test_what_a_dead_machine_wrote_down_is_deleted_by_the_others(redis, daily, call):
    await create(daily, call, "of-the-dead", "ours")
    async with machines(daily, redis, 1) as (one,):
        fleet = one.api.fleet
        key = f"{fleet.prefix}:deletions"
        await fleet.run(fleet_deletions._ADD, key, 60_000, "of-the-dead")
        assert await delete(one, "ours")
    assert not daily.rooms
    assert len(sent(daily, "DELETE", "/batch/rooms")) == 1


async def test_a_turn_that_is_never_passed_on_is_waited_for_a_while_only(
    redis, daily, call, monkeypatch
):
    monkeypatch.setattr(fleet_deletions, "_WAIT", 0.2)
    await create(daily, call, "ours")
    async with machines(daily, redis, 1) as (one,):
        fleet = one.api.fleet
        key = f"{fleet.prefix}:deletions"
        await fleet.run(fleet_deletions._ADD, key, 60_000, "x")
        arguments = ("the dead", 60_000, 1000, "x")
        assert (await fleet.run(fleet_deletions._LOOK_FOR, key, *arguments, gives=list))[0]
        assert await delete(one, "ours")
        assert not daily.rooms
        assert len(sent(daily, "DELETE", "/rooms/ours")) == 1


async def test_without_redis_each_machine_deletes_its_own(redis, daily, call):
    await create(daily, call, "one", "other")
    async with machines(daily, redis, 2) as (one, other):
        redis.stop()
        assert await asyncio.gather(delete(one, "one"), delete(other, "other")) == [True, True]
    assert len([each for each in daily.requests if each.path.startswith("/rooms/")]) == 2


async def test_an_error_reaches_who_deletes(redis, daily, call):
    await create(daily, call, "ours")
    async with machines(daily, redis, 1) as (one,):
        daily.fail("DELETE", "/batch/rooms", status=500, times=None)
        daily.fail("DELETE", "/rooms/ours", status=500, times=None)
        with pytest.raises(DailyError, match="ours"):
            await delete(one, "ours")


async def test_a_block_deletes_its_room_by_the_fleet(redis, daily):
    async with machines(daily, redis, 1) as (one,):
        async with provisioned_room(daily=one) as room:
            assert room.name in daily.rooms
        assert not daily.rooms
    assert [each.path for each in sent(daily, "DELETE", "/batch/rooms")]
