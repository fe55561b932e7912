# SPDX-License-Identifier: BSD-2-Clause
"""What servers of one account and one Redis agree upon before a start: its key, and their limit."""

import asyncio
import signal

import pytest

from pipecat_daily_rest import DailyConfigError, DailyForbiddenError
from pipecat_daily_rest.models import (
    DailyMeetingTokenProperties,
)
from pipecat_daily_rest.server import StartConflict, StartRequest
from pipecat_daily_rest.server.errors import AtCapacity, UnknownSession
from pipecat_daily_rest.tokens import read_token
from replicas import KEY, START, of, quick, repeated
from serving import STAY, until

pytestmark = pytest.mark.usefixtures("quick_fleet")


# -- Idempotency keys ------------------------------------------------------------------------


async def test_a_key_starts_one_session_in_the_whole_fleet(serve, local_daily):
    replicas = [await serve(max_sessions=1) for _ in range(3)]
    held = local_daily.fail("POST", "/rooms", delay=0.1)
    token = DailyMeetingTokenProperties(user_name="Ana")
    starts = [
        asyncio.create_task(replica.start(repeated(token=token))) for replica in replicas * 10
    ]
    await held.wait()
    found = await asyncio.gather(*starts)
    assert len({each.id for each in found}) == len(local_daily.rooms) == 1
    (session,) = of(replicas).values()
    for each in found:
        assert each.room_url == session.room_url
        # Each replica signs a token of the same properties.
        read = read_token(each.user_token, api_key=local_daily.api_key)
        assert (read.room_name, read.user_name, read.is_owner) == (each.room_name, "Ana", False)
        assert read.exp == int(session.room_expires_at.timestamp())
    local_daily.join(found[-1].room_url, found[-1].user_token)
    others = [each for each in found if each is not session]
    assert others
    with pytest.raises(UnknownSession, match="runs on another server"):
        await others[0].wait()
    # It is given by full and draining servers, too, since it starts nothing.
    for replica in replicas:
        if not replica.taken:
            await replica.start(StartRequest(body=STAY))
        drained = asyncio.create_task(replica.drain(600))
        await asyncio.sleep(0)
        assert (await replica.start(repeated(token=token))).id == session.id
        await replica.drain(0)
        await drained
    assert local_daily.rooms == {}


async def test_keys_of_others_and_for_other_requests(behind):
    replicas, ask = await behind(2)
    key = {"Idempotency-Key": KEY}
    first = [await ask("POST", "/start", START, **key) for _ in range(4)]
    assert len({answer["sessionId"] for _, answer in first}) == 1
    assert {frozenset(answer) for _, answer in first} == {
        frozenset({"dailyRoom", "dailyToken", "sessionId"})
    }
    others = [await ask("POST", "/start", {"createDailyRoom": True}, **key) for _ in range(2)]
    assert [(status, each["code"]) for status, each in others] == [
        (409, "idempotency-conflict")
    ] * 2
    # The key is scoped to the API key.
    caller = await replicas[1].start(repeated(caller="another"))
    assert caller.id not in {answer["sessionId"] for _, answer in first}


async def test_a_key_whose_start_failed_may_start_on_another_replica(serve, local_daily):
    one, other = await serve(), await serve()
    local_daily.fail("POST", "/rooms", status=403, delay=0.1)
    failing = asyncio.create_task(one.start(repeated()))
    await until(lambda: local_daily.requests and local_daily.requests[-1].path == "/rooms")
    session = await other.start(repeated())
    with pytest.raises(DailyForbiddenError):
        await failing
    assert session.end is None
    assert not session.elsewhere
    with pytest.raises(StartConflict):
        await one.start(repeated(body={}))


async def test_a_session_without_a_room_has_its_key_as_well(serve):
    one, other = await serve(), await serve()
    first = await one.start(repeated(create_room=False))
    again = await other.start(repeated(create_room=False))
    assert (again.id, again.room_url, again.user_token) == (first.id, None, None)
    with pytest.raises(UnknownSession):
        await other.fleet.elsewhere.describe(first.id)


async def test_a_start_whose_server_died_before_it_had_a_room_is_made_elsewhere(
    serve, local_daily, monkeypatch
):
    quick(monkeypatch, lease=0.3)
    one, other = await serve(), await serve()
    held = local_daily.fail("POST", "/rooms", delay=4.0)
    dying = asyncio.create_task(one.start(repeated()))
    await held.wait()
    for task in one.fleet.member._tasks:
        task.cancel()
    session = await other.start(repeated())
    assert not session.elsewhere
    await dying


async def test_a_start_that_failed_while_redis_was_away_holds_its_key_for_a_while_only(
    serve, local_daily, redis, monkeypatch
):
    quick(monkeypatch, lease=1.0)
    one, other = await serve(), await serve()
    held = local_daily.fail("POST", "/rooms", status=403, delay=3.0)
    failing = asyncio.create_task(one.start(repeated()))
    await held.wait()
    redis.signal(signal.SIGSTOP)
    with pytest.raises(DailyForbiddenError):
        await failing
    redis.signal(signal.SIGCONT)
    await until(lambda: not one.fleet.member.away and not other.fleet.member.away)
    async with asyncio.timeout(60):
        assert not (await other.start(repeated())).elsewhere


# -- The fleet's limit -----------------------------------------------------------------------


async def test_a_limit_for_the_fleet(serve, local_daily):
    replicas = [await serve(fleet_max_sessions=3) for _ in range(3)]
    starts = [replica.start(StartRequest(body=STAY)) for replica in replicas * 4]
    found = await asyncio.gather(*starts, return_exceptions=True)
    sessions = [each for each in found if not isinstance(each, Exception)]
    assert len(sessions) == len(local_daily.rooms) == 3
    refused = [each for each in found if isinstance(each, Exception)]
    assert {type(each).__mro__[1] for each in refused} == {AtCapacity}
    assert "3 sessions of the fleet" in str(refused[0])
    assert sum(replica.numbers.refused["full"] for replica in replicas) == 9
    # A key that has started one is given all the same.
    await replicas[0].stop(next(iter(each.id for each in replicas[0].list())))
    first = await replicas[1].start(repeated())
    assert (await replicas[2].start(repeated())).id == first.id
    with pytest.raises(AtCapacity):
        await replicas[2].start(StartRequest(body=STAY))


async def test_a_dead_server_loses_what_it_counts(serve, redis, monkeypatch):
    from redis import Redis

    quick(monkeypatch, lease=2.0)
    one, other = await serve(fleet_max_sessions=1), await serve(fleet_max_sessions=1)
    await one.start(StartRequest(body=STAY))
    with Redis.from_url(redis.url) as client:
        (key,) = client.keys("*:sessions")

        def lease():
            return client.zrange(key, 0, -1, withscores=True)[0][1]

        first = lease()
        await until(lambda: lease() > first)
        with pytest.raises(AtCapacity):
            await other.start(StartRequest(body=STAY))
        for task in one.fleet.member._tasks:
            task.cancel()
        await until(lambda: not client.exists(key))
    assert await other.start(StartRequest(body=STAY))


async def test_a_limit_without_redis(serve, monkeypatch):
    monkeypatch.delenv("DAILY_REDIS_URL")
    with pytest.raises(DailyConfigError, match="needs DAILY_REDIS_URL"):
        await serve(fleet_max_sessions=1)
