# SPDX-License-Identifier: BSD-2-Clause
"""Several servers of one account and one Redis: each answers for the sessions of all."""

import asyncio

import pytest

from pipecat_daily_rest._core import room_names
from pipecat_daily_rest.models import (
    DailyMeetingTokenParams,
    DailyMeetingTokenProperties,
    DailyRoomParams,
)
from pipecat_daily_rest.server import EndReason, StartRequest, lease
from pipecat_daily_rest.server.bot_user import bot_user_id
from pipecat_daily_rest.server.errors import AtCapacity, FleetUnknown, UnknownSession
from pipecat_daily_rest.server.presence import PresenceWatch
from replicas import KEY, START, of, quick, repeated
from serving import STAY, until

pytestmark = pytest.mark.usefixtures("quick_fleet")


async def started(ask, number):
    answers = await asyncio.gather(*(ask("POST", "/start", START) for _ in range(number)))
    assert {status for status, _ in answers} == {200}
    return [answer["sessionId"] for _, answer in answers]


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


async def test_a_redis_whose_clock_was_set_back_keeps_nobody_alive(serve, redis, monkeypatch):
    from redis import Redis

    quick(monkeypatch, lease=1.0, calm=0.5)
    sessions = await serve(fleet_max_sessions=1)
    with Redis.from_url(redis.url) as client:
        (owners,) = client.keys("*:owners")
        seconds, _ = client.time()
        client.zadd(owners, {"deadserv": (seconds + 3600) * 1000})
        client.zadd(owners.replace(b"owners", b"sessions"), {"dead": (seconds + 3600) * 1000})
        for name, value in ((b"lookout", "deadserv"), (b"calm", "1")):
            client.set(owners.replace(b"owners", name), value, ex=3600)
        assert await sessions.start(StartRequest(body=STAY))
        async with asyncio.timeout(60):
            await until(lambda: client.zscore(owners, "deadserv") is None)


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
