# SPDX-License-Identifier: BSD-2-Clause
"""Several servers of one account and one Redis: each answers for the sessions of all."""

import asyncio
import signal
from contextlib import AsyncExitStack

import aiohttp
import pytest

from balancer import balanced
from pipecat_daily_rest import DailyConfigError, DailyForbiddenError
from pipecat_daily_rest._core import room_names
from pipecat_daily_rest.models import (
    DailyMeetingTokenParams,
    DailyMeetingTokenProperties,
    DailyRoomParams,
)
from pipecat_daily_rest.server import EndReason, StartConflict, StartRequest, lease
from pipecat_daily_rest.server.app import create_app
from pipecat_daily_rest.server.bot_user import bot_user_id
from pipecat_daily_rest.server.errors import AtCapacity, FleetUnknown, UnknownSession
from pipecat_daily_rest.server.presence import PresenceWatch
from pipecat_daily_rest.tokens import read_token
from serving import STAY, served, until
from timings import set_timings

KEY = "k" * 16
START = {"createDailyRoom": True, "body": STAY}


def quick(monkeypatch, **seconds):
    times = {"tick": 0.05, "renew": 0.2, "lease": 30.0, "look": 0.1, "calm": 0.01, "young": 0.0}
    given = {f"fleet_{name}": value for name, value in {**times, **seconds}.items()}
    set_timings(monkeypatch, redis_retry=0.1, **given)


@pytest.fixture(autouse=True)
def _quick(redis, monkeypatch):
    quick(monkeypatch)


@pytest.fixture
async def behind(serve):
    """Opens replicas behind a balancer; gives them, and what asks the balancer."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(aiohttp.ClientSession())

        async def behind(number, **options):
            replicas = [await serve(**options) for _ in range(number)]
            urls = []
            for each in replicas:
                _, port = await stack.enter_async_context(served(create_app(each)))
                urls.append(f"http://127.0.0.1:{port}")
            url = await stack.enter_async_context(balanced(urls))

            async def ask(method, path, data=None, **headers):
                async with client.request(method, url + path, json=data, headers=headers) as answer:
                    return answer.status, await answer.json()

            return replicas, ask

        yield behind


async def started(ask, number):
    answers = await asyncio.gather(*(ask("POST", "/start", START) for _ in range(number)))
    assert {status for status, _ in answers} == {200}
    return [answer["sessionId"] for _, answer in answers]


def of(replicas):
    return {each.id: each for replica in replicas for each in replica.list()}


@pytest.mark.parametrize("number", [2, 5])
async def test_any_replica_answers_for_any_session_and_stops_it(behind, local_daily, number):
    replicas, ask = await behind(number)
    ids = [id for _ in replicas for id in await started(ask, 1)]  # each on another one
    sessions = of(replicas)
    assert [replica.taken for replica in replicas] == [1] * number
    paths = [f"/sessions/{each}" for each in ids]
    for _ in replicas:  # by each of them
        status, described = await ask("GET", paths[0])
        assert (status, described["roomName"]) == (200, f"pipecat-{ids[0]}")
    statuses = [(await ask("DELETE", path))[0] for path in paths[1:] + paths[:1]]
    assert set(statuses) == {202}
    for session in sessions.values():
        assert (await session.wait()).reason is EndReason.STOPPED
    assert local_daily.rooms == {}
    # The end of a session is known to its own server only.
    statuses = [(await ask("GET", paths[0]))[0] for _ in range(number)]
    assert sorted(statuses) == [200, *[404] * (number - 1)]


async def test_what_another_replica_says_of_a_session(serve, local_daily):
    tokens = []

    async def bot(runner_args):
        tokens.append(runner_args.token)
        await asyncio.Event().wait()

    one, other = await serve(bot), await serve()
    session = await one.start(StartRequest())
    await session.began.wait()
    described = await other.fleet.elsewhere.describe(session.id)
    assert described["state"] == "starting"
    assert described["agent"] is described["runningSince"] is None
    local_daily.join(session.room_url, tokens[-1], user_name="Bot")
    described = await other.fleet.elsewhere.describe(session.id)
    assert (described["sessionId"], described["state"]) == (session.id, "running")
    assert described["createdAt"]
    assert described["runningSince"]
    assert set(described) == set(session.describe())


async def test_what_is_no_session(behind, local_daily):
    _, ask = await behind(2)
    for id in ("s", "x" * 30, "s12345678-" + "a" * 20, "s%2F..", "s" * 300):
        for method in ("GET", "DELETE"):
            status, answer = await ask(method, f"/sessions/{id}")
            assert (status, answer["code"]) == (404, "404")
    asked = {each.path for each in local_daily.requests if each.path.startswith("/rooms/")}
    assert asked == {"/rooms/pipecat-s12345678-" + "a" * 20}  # Daily is asked of nothing else


async def test_by_pipecat_clouds_paths(behind):
    replicas, ask = await behind(2)
    (id,) = await started(ask, 1)
    path = f"/v1/organizations/o/services/a/sessions/{id}"
    described = [await ask("GET", path) for _ in replicas]
    assert [(status, each["endState"]) for status, each in described] == [(200, "active")] * 2
    stopped = [await ask("DELETE", path) for _ in replicas]
    assert stopped[0] == (200, {"status": "terminated", "session_id": id})
    assert (await of(replicas)[id].wait()).reason is EndReason.STOPPED
    assert [(await ask("GET", path.replace(id, "x")))[0] for _ in replicas] == [404, 404]


async def test_its_own_token_stops_a_session_from_any_replica(serve, helper):
    one, other = await serve(), await serve()
    session = await one.start(StartRequest(body=STAY))
    properties = DailyMeetingTokenProperties(user_name="Eve")
    params = DailyMeetingTokenParams(properties=properties)
    guest = await helper.get_token(session.room_url, owner=False, params=params)
    owner = await helper.get_token(session.room_url)
    elsewhere = other.fleet.elsewhere
    assert not await elsewhere.stop_by_token(session.id, owner)
    assert not await elsewhere.stop_by_token(session.id, "x")
    assert not await elsewhere.stop_by_token("x", guest)
    asked = []
    stop = one.fleet.member._stop
    one.fleet.member._stop = lambda what: (asked.append(what), stop(what))
    # A token of the room that is not the session's own: its server tells it from that.
    assert await elsewhere.stop_by_token(session.id, guest)
    await until(lambda: asked)
    assert session.asked_for is None
    assert await elsewhere.stop_by_token(session.id, str(session.user_token))
    assert (await session.wait()).reason is EndReason.STOPPED
    assert guest not in str(asked)


@pytest.mark.parametrize("known", [True, False])
async def test_the_room_goes_when_its_server_does_not_react(serve, local_daily, monkeypatch, known):
    quick(monkeypatch, react=0.1, lease=30.0 if known else 0.1)
    one, other = await serve(stop_grace=0.1), await serve(stop_grace=0.1)
    session = await one.start(StartRequest(body=STAY))
    for task in one.fleet.member._tasks:
        task.cancel()
    if not known:
        await asyncio.sleep(0.15)  # its lease ends
    assert (await other.fleet.elsewhere.stop(session.id))["state"] == "ending"
    await until(lambda: local_daily.rooms == {})
    with pytest.raises(UnknownSession):
        await other.fleet.elsewhere.describe(session.id)


# -- Idempotency keys ------------------------------------------------------------------------


def repeated(key=KEY, **given):
    return StartRequest(**{"body": STAY, "idempotency_key": key, **given})


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


# -- One looks for all -----------------------------------------------------------------------


async def test_one_server_looks_for_all(serve, local_daily, monkeypatch):
    async def look(self):
        raise AssertionError

    monkeypatch.setattr(PresenceWatch, "_look", look)
    replicas = [await serve(join_timeout=1.0, empty_timeout=0.1) for _ in range(3)]
    sessions = [await replica.start(StartRequest(body=STAY)) for replica in replicas]
    ana = local_daily.join(sessions[0].room_url, sessions[0].user_token, user_name="Ana")
    for session in sessions[1:]:
        assert (await session.wait()).reason is EndReason.NOBODY_JOINED
    assert sessions[0].end is None
    ana.leave()
    assert (await sessions[0].wait()).reason is EndReason.EVERYBODY_LEFT


async def test_the_list_of_the_fleet(behind, local_daily):
    replicas, ask = await behind(3)
    ids = await started(ask, 3)
    sessions = of(replicas)
    for id in ids[:2]:
        local_daily.join(sessions[id].room_url, sessions[id].user_token, user_name="Ana")
    status, listed = await ask("GET", "/sessions?scope=fleet")
    while status == 503 or listed["total_count"] < 2:
        assert status == 200 or listed["code"] == "fleet-unknown"
        await asyncio.sleep(0.02)
        status, listed = await ask("GET", "/sessions?scope=fleet")
    assert [each["sessionId"] for each in listed["sessions"]] == sorted(ids[:2])
    assert {each["state"] for each in listed["sessions"]} == {"starting"}
    assert 0 <= listed["age"] < 30
    assert "Ana" not in str(listed)
    answers = [await ask("GET", "/sessions?scope=fleet&limit=1&offset=1") for _ in replicas]
    assert [len(each["sessions"]) for _, each in answers] == [1] * 3
    assert (await ask("GET", "/sessions?scope=fleet&state=running"))[1]["total_count"] == 0
    assert "age" not in (await ask("GET", "/sessions"))[1]
    assert (await ask("GET", "/sessions?scope=world"))[0] == 422


async def test_without_redis_there_is_no_fleet(behind, monkeypatch):
    monkeypatch.delenv("DAILY_REDIS_URL")
    replicas, ask = await behind(2)
    (id,) = await started(ask, 1)
    statuses = sorted([(await ask("GET", f"/sessions/{id}"))[0] for _ in replicas])
    assert statuses == [200, 404]
    status, answer = await ask("GET", "/sessions?scope=fleet")
    assert (status, answer["code"], answer["field"]) == (422, "invalid-request", "scope")


# -- Redis is away ---------------------------------------------------------------------------


async def test_calls_and_starts_go_on_while_redis_is_away(serve, local_daily, redis, monkeypatch):
    quick(monkeypatch, react=0.1)
    options = {"fleet_max_sessions": 2, "empty_timeout": 0.1, "stop_grace": 0.1}
    one, other = await serve(**options), await serve(**options)
    early = [await replica.start(StartRequest(body=STAY)) for replica in (one, other)]
    redis.stop()
    late = [await each.start(repeated(f"the-key-of-{each.rooms._tag}")) for each in (one, other)]
    assert (await one.start(repeated(f"the-key-of-{one.rooms._tag}"))) is late[0]
    assert not any(each.end for each in early)
    # Each looks for itself now.
    ana = local_daily.join(late[1].room_url, late[1].user_token, user_name="Ana")
    await until(lambda: [each for each in local_daily.requests if each.path == "/presence"])
    await until(lambda: other._shared.presence._rooms[late[1].room_name].joined)
    ana.leave()
    assert (await late[1].wait()).reason is EndReason.EVERYBODY_LEFT
    # A session of another server is stopped by the end of its room.
    await one.fleet.elsewhere.stop(early[1].id)
    await until(lambda: early[1].room_name not in local_daily.rooms)
    with pytest.raises(FleetUnknown):
        await one.fleet.elsewhere.listed()
    redis.start()
    await until(lambda: not one.fleet.member.away and not other.fleet.member.away)
    # The new Redis knows the keys, and what counts.
    again = await other.start(repeated(f"the-key-of-{one.rooms._tag}"))
    assert again.id == late[0].id
    with pytest.raises(AtCapacity):
        await other.start(StartRequest(body=STAY))
    assert set(local_daily.rooms) == {early[0].room_name, late[0].room_name}


async def test_a_redis_that_lost_its_data_is_told_of_the_dead(serve, local_daily, redis):
    one, dead = await serve(), await serve()
    session = await dead.start(StartRequest(body=STAY))
    await until(lambda: dead.rooms._tag in one.fleet.member._known)
    for task in dead.fleet.member._tasks:
        task.cancel()
    redis.stop()
    redis.start()
    await until(lambda: local_daily.rooms == {})
    del session


async def test_a_server_that_ends_leaves_nothing_in_redis(serve, redis):
    from redis import Redis

    sessions = await serve(fleet_max_sessions=5)
    session = await sessions.start(repeated())
    await sessions.__aexit__(None, None, None)
    assert session.end
    with Redis.from_url(redis.url) as client:
        left = [key.decode().rpartition(":fleet:")[2] for key in client.keys("*:fleet:*")]
        assert sorted({each.split(":")[1] for each in left} - {"calm"}) in (
            ["presence", "start"],
            ["start"],
        )
        assert all(client.pttl(key) > 0 for key in client.keys("*:fleet:*"))
        told = b"".join(client.get(key) for key in client.keys("*:start:*"))
    for secret in (session.user_token, KEY, "stay", sessions.rooms.helper.api.key):
        assert str(secret).encode() not in told


def test_the_bot_of_each_session_has_a_user_id_of_its_own():
    assert bot_user_id("s12345678-" + "a" * 20) != bot_user_id("s12345678-" + "b" * 20)


async def test_a_dead_server_of_this_host_is_left_to_the_fleet(serve, local_daily, helper):
    account = helper.api.account.digest
    dead = lease.Lease(lease.Owner(lease.make_tag(), "pipecat", account))
    dead.take()
    dead._file.close()  # as the end of a process does
    ids = [room_names.session_part(dead.owner.tag) for _ in "12"]
    empty, held = [
        await helper.create_room(DailyRoomParams(name=f"pipecat-{each}")) for each in ids
    ]
    properties = DailyMeetingTokenProperties(user_id=bot_user_id(ids[1]))
    params = DailyMeetingTokenParams(properties=properties)
    token = await helper.get_token(held.url, params=params)
    bot = local_daily.join(held.url, token, user_name="Bot")
    await serve()
    await until(lambda: empty.name not in local_daily.rooms)
    assert set(local_daily.rooms) == {held.name}
    bot.leave()
    await until(lambda: local_daily.rooms == {})
