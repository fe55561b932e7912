# SPDX-License-Identifier: BSD-2-Clause
"""Which rooms a fleet deletes and when, minute by minute, on a clock that jumps."""

import asyncio
from contextlib import asynccontextmanager

import pytest

import virtual
from memory_fleet import MemoryDaily, MemoryDirectory, MemoryRedis, Server, end
from pipecat_daily_rest._http.redis_slots import RedisAway
from pipecat_daily_rest.answers import DailyPresence
from pipecat_daily_rest.server.bot_user import bot_user_id
from pipecat_daily_rest.server.fleet.directory import Directory
from pipecat_daily_rest.server.fleet.present import Present, by_owner, from_json, to_json
from pipecat_daily_rest.server.fleet.sweep import Sweep, alone

LATEST = 120.0  # seconds in which the rooms of a server that died are gone


@asynccontextmanager
async def fleet(number, **daily_options):
    """A fleet that has run for a while, and whose rooms are old."""
    redis, daily = MemoryRedis(), MemoryDaily(**daily_options)
    servers = [Server(redis, daily) for _ in range(number)]
    for each in servers:
        await each.member.join()
        await asyncio.sleep(0.7)
    for each in servers:
        each.room(bot=True, person=True)
        each.room()  # waits in its pool
    await asyncio.sleep(200)
    yield redis, daily, servers
    await end(servers)


def of(daily, server):
    return [name for name in daily.rooms if f"-s{server.tag}-" in name]


@pytest.mark.parametrize("looks", [True, False], ids=["the lookout", "another"])
@pytest.mark.parametrize("phase", [0.0, 3.5, 7.0, 10.5, 14.0])
def test_a_server_that_is_killed_leaves_no_room(phase, looks):
    async def run():
        async with fleet(4) as (redis, daily, servers):
            await asyncio.sleep(phase)
            dying = next(each for each in servers if (each.tag == redis.lookout[0]) is looks)
            alone = dying.room(person=True)
            just_made = dying.room(bot=True)
            rooms = of(daily, dying)
            kept = set(daily.rooms) - set(rooms)
            began = virtual.now()
            dying.kill()
            await asyncio.sleep(45 - 1)
            assert of(daily, dying) == rooms  # it may be slow, not dead
            await asyncio.sleep(LATEST - 44)
            assert of(daily, dying) == []
            assert {alone, just_made} <= set(rooms)
            # One list finds them, another one finds that there are no more.
            await asyncio.sleep(60)
            assert daily.asked["list"] == 2
            assert dying.tag not in redis.owners
            assert set(daily.rooms) == kept  # those that wait in pools, too
            assert max(daily.gone[name] for name in rooms) - began <= LATEST

    virtual.run(run())


@pytest.mark.parametrize("ahead", [3600.0, 30.0, -30.0, -3600.0])
def test_clocks_that_differ_delete_no_room_of_the_living_and_all_of_the_dead(ahead):
    async def run():
        async with fleet(3, ahead=ahead) as (_, daily, (dead, *others)):
            dead.room()
            kept = {name for each in others for name in of(daily, each)}
            just_made = others[0].room()
            dead.kill()
            await asyncio.sleep(LATEST + 60)
            assert set(daily.rooms) == kept | {just_made}

    virtual.run(run())


def test_a_room_stays_as_long_as_a_bot_is_in_it():
    async def run():
        async with fleet(3) as (_, daily, (dead, *_)):
            bot_room, *_ = of(daily, dead)
            dead.pause()  # its bot is elsewhere, and goes on
            await asyncio.sleep(600)
            assert of(daily, dead) == [bot_room]
            lists = daily.asked["list"]
            dead._bots[0].append(virtual.now())
            await asyncio.sleep(LATEST)
            assert of(daily, dead) == []
            assert daily.asked["list"] - lists <= 1

    virtual.run(run())


@pytest.mark.parametrize("pause", [20.0, 32.0, 44.0])
def test_a_server_that_was_slow_keeps_its_rooms(pause):
    async def run():
        async with fleet(3) as (_, daily, (slow, *_)):
            rooms = of(daily, slow)
            slow.pause()
            await asyncio.sleep(pause)
            await slow.go_on()
            await asyncio.sleep(300)
            assert of(daily, slow) == rooms

    virtual.run(run())


def test_a_server_that_was_away_for_long_loses_what_waits_and_no_call():
    async def run():
        async with fleet(3) as (redis, daily, (slow, *_)):
            slow.pause()
            await asyncio.sleep(100)
            young = slow.room(bot=True)
            await asyncio.sleep(200)
            call, *others = of(daily, slow)
            assert others == [young]
            await slow.go_on()
            waits = slow.room()
            await asyncio.sleep(300)
            assert of(daily, slow) == [call, young, waits]
            assert slow.tag in redis.owners
            slow.kill()
            await asyncio.sleep(LATEST)
            assert of(daily, slow) == []

    virtual.run(run())


@pytest.mark.parametrize("lost", [True, False], ids=["data lost", "data kept"])
def test_redis_is_away_and_nobody_dies(lost):
    async def run():
        async with fleet(4) as (redis, daily, servers):
            rooms = set(daily.rooms)
            redis.up = False
            await asyncio.sleep(300)
            assert all(each.member.away for each in servers)
            redis.up = True
            if lost:
                redis.lose()
            await asyncio.sleep(300)
            assert set(daily.rooms) == rooms
            assert len(redis.owners) == 4

    virtual.run(run())


def test_a_server_that_loses_redis_again_and_again_holds_up_no_sweep():
    async def run():
        async with fleet(4) as (_, daily, (dying, flapping, *others)):
            dying.kill()
            for _ in range(12):
                flapping.member.away = True  # as after an answer that was late
                await asyncio.sleep(10)
            assert of(daily, dying) == []
            assert all(len(of(daily, each)) == 2 for each in (flapping, *others))

    virtual.run(run())


def test_no_room_looks_empty_when_redis_loses_its_data():
    async def run():
        async with fleet(4) as (redis, _, servers):
            seen = []

            async def watch(server):
                while True:
                    seen.append(await server.member.next_look(None))

            watching = [asyncio.create_task(watch(each)) for each in servers]
            for _ in range(20):
                redis.lose()
                await asyncio.sleep(35.5)  # in another phase of looks and renewals each time
            for each in watching:
                each.cancel()
            assert len(seen) > 100
            assert {len(rooms) for rooms in seen} == {1}  # the one with a person

    virtual.run(run())


def test_a_server_is_alive_again_soon_after_redis_lost_it():
    async def run():
        async with fleet(4) as (redis, _, servers):
            redis.lose()
            await asyncio.sleep(2.5)
            assert sorted(redis.owners) == sorted(each.tag for each in servers)
            for tag in redis.owners:  # as when Redis's clock is set
                redis.owners[tag] = 0.0
            await asyncio.sleep(2.5)
            assert min(redis.owners.values()) > virtual.now()

    virtual.run(run())


@pytest.mark.parametrize("lost", [True, False], ids=["data lost", "data kept"])
def test_a_server_dies_while_redis_is_away(lost):
    async def run():
        async with fleet(4) as (redis, daily, (dying, *others)):
            redis.up = False
            await asyncio.sleep(30)
            rooms = of(daily, dying)
            dying.kill()
            await asyncio.sleep(200)
            assert of(daily, dying) == rooms
            redis.up = True
            if lost:
                redis.lose()
            await asyncio.sleep(60)
            assert of(daily, dying) == rooms  # nobody sweeps for a minute
            await asyncio.sleep(60)
            assert of(daily, dying) == []
            assert all(len(of(daily, each)) == 2 for each in others)

    virtual.run(run())


def test_rooms_of_servers_that_redis_never_knew_stay():
    async def run():
        async with fleet(2) as (redis, daily, servers):
            stranger = Server(MemoryRedis(), daily)
            names = [stranger.room(), stranger.room(person=True)]
            daily.rooms["pipecat-r" + "a" * 20] = daily.rooms["mine"] = 0.0
            servers[1].kill()
            await asyncio.sleep(600)
            assert {*names, "mine", "pipecat-r" + "a" * 20} <= set(daily.rooms)
            assert of(daily, servers[1]) == []
            assert stranger.tag not in redis.presence

    virtual.run(run())


def test_one_server_looks_however_many_there_are():
    async def run():
        async with fleet(30) as (_, daily, servers):
            before = daily.asked["presence"]
            await asyncio.sleep(150)
            assert 8 <= daily.asked["presence"] - before <= 12
            assert daily.asked["list"] == 0
            # All hear of it, and look for themselves while Redis is away: together twice a second.
            ask = asyncio.Event()

            async def look():
                ask.set()
                return {}

            seen = await servers[0].member.next_look(look)
            assert sorted(map(len, seen.values())) == [2]
            assert not ask.is_set()

    virtual.run(run())


def test_while_redis_is_away_each_looks_for_itself_but_seldom():
    async def run():
        async with fleet(3) as (redis, _, (one, *_)):
            asked = []

            async def look():
                asked.append(virtual.now())
                return {"room": [None]}

            async def watch():
                while True:
                    await one.member.next_look(look)

            watching = asyncio.create_task(watch())
            await asyncio.sleep(100)
            assert asked == []
            redis.up = False
            one.member._known = ["tag"] * 400
            await asyncio.sleep(1000)
            assert 4 <= len(asked) <= 5
            redis.up = True
            await asyncio.sleep(100)
            assert len(asked) <= 5
            watching.cancel()

    virtual.run(run())


def test_how_often_a_server_looks_alone():
    assert [alone(15, ["tag"] * number) for number in (0, 1, 30, 400)] == [15, 15, 15, 200]


def test_two_looks_have_to_agree_about_a_bot():
    sweep = Sweep(60)
    assert sweep.look({"a": False}, {"one"}, calm=False) == set()
    assert sweep.look({"a": False}, set(), calm=False) == {"a"}
    assert sweep.found({"a": {"one": 0.0, "two": 0.0, "young": 90.0, "odd": None}}, 95) == set()
    assert sweep.deletable(100) == ["two"]
    assert sweep.look({"a": False}, set(), calm=False) == set()
    assert sweep.deletable(100) == ["one", "two"]
    assert sweep.deletable(150) == ["one", "two", "young"]
    assert sweep.deletable(155) == ["odd", "one", "two", "young"]
    # It is back for a look: all begins anew.
    assert sweep.look({"a": True}, set(), calm=False) == set()
    assert sweep.deletable(150) == []
    assert sweep.look({"a": False}, set(), calm=False) == set()
    assert sweep.look({"a": False}, set(), calm=True) == set()
    assert sweep.look({"a": False}, set(), calm=False) == set()
    assert sweep.look({"a": False}, set(), calm=False) == {"a"}


def test_what_servers_tell_each_other_names_nobody():
    session_id = "s12345678-" + "a" * 20
    there = [
        DailyPresence(userId="Ana", userName="Ana"),
        DailyPresence(userId=bot_user_id(session_id), joinTime="2026-11-30T20:00:00.000Z"),
    ]
    rooms = by_owner({f"pipecat-{session_id}": there, "pipecat-x": there}, "pipecat")
    assert rooms == {"12345678": {session_id: Present("2026-11-30T20:00:00.000Z", 1)}}
    told = to_json(rooms["12345678"])
    assert "Ana" not in told
    assert from_json(told.encode()) == rooms["12345678"]
    assert from_json(b"{}") == {}
    for other in (b"[]", b"x", b'{"a": 1}', b"null", b"\xff", b""):
        assert from_json(other) is None  # which is not that nobody is there


async def test_the_scripts_do_what_is_tested_here(redis):
    """Both take the same steps, and give the same."""
    from pipecat_daily_rest._http.redis_slots import SharedRedis

    shared, memory = SharedRedis(redis.url, "account"), MemoryRedis()
    tags = ("a" * 8, "b" * 8)
    real = [Directory(shared, prefix="pipecat", tag=tag) for tag in tags]
    fake = [MemoryDirectory(memory, tag) for tag in tags]
    rooms = {tags[0]: {"s": Present(None, 1)}, "c" * 8: {"s": Present("", 0)}}

    async def steps(one, other):
        yield await one.renew()
        yield await one.renew(back=True)
        yield await other.renew(others=["d" * 8])
        yield await one.elect(), await other.elect(), await one.elect()
        yield await one.seen()
        yield await other.publish(rooms)
        yield await one.publish(rooms)
        yield (await one.seen())[1], (await other.seen())[1], (await one.seen())[0] != ""
        yield await one.stops()
        yield await one.ask_stop(tags[1], "x"), await one.ask_stop("d" * 8, "x")
        yield await other.stops(), await other.stops()
        yield await one.forget(["d" * 8]), await one.renew()
        yield await other.leave(rooms_left=True), await one.publish({})
        yield await other.stops()
        yield await one.leave(rooms_left=False), await other.elect()
        yield await other.renew()
        yield await one.stops(), (await one.renew())[0], (await one.seen())[1]

    async def both(one, other):
        return [each async for each in steps(one, other)]

    found = await both(*real)
    assert found == await both(*fake)
    redis.stop()
    with pytest.raises(RedisAway):
        await real[0].elect()
