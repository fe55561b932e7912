# SPDX-License-Identifier: BSD-2-Clause
import asyncio
import os
import subprocess
import sys
import time
from datetime import timedelta

import pytest

from helpers import paths
from pipecat_daily_rest import (
    DailyRESTHelper,
    DailyRoomParams,
    RetryPolicy,
    provisioned_room,
    sweep_rooms,
)
from pipecat_daily_rest._core import room_names as names
from pipecat_daily_rest.errors import (
    DailyAuthenticationError,
    DailyConfigError,
    DailyInvalidRequestError,
    DailyResponseError,
)
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.rest.endpoints import rooms, session
from pipecat_daily_rest.local.rules.schema import Refusal

DAY = 86_400


def later() -> float:
    """Two hours from now, when rooms of today are old enough to go."""
    return time.time() + 7200


async def make(daily, *room_names, exp=DAY):
    properties = {"exp": time.time() + exp} if exp else {}
    rooms = [{"name": name, "properties": properties} for name in room_names]
    async with DailyRESTHelper(daily_api_key=daily.api_key, daily_api_url=daily.api_url) as helper:
        await helper.request("POST", "/batch/rooms", json={"rooms": rooms})


async def sweep(**options):
    return await sweep_rooms(**{"pause": 0, "now": later, **options})


async def test_only_rooms_with_our_names_are_deleted(daily):
    ours = names.make_name("pipecat")
    strangers = [
        "pipecat-0123abcd",  # Pipecat's own
        "pipecat-telephony-0123abcd",
        f"{ours}x",
        ours[:-1],
        ours[:-1] + "X",
        "x" + ours,
        ours.replace("-r", "-q", 1),
        ours.replace("-", "_", 1),
        names.make_name("other"),
        names.make_name("pipecat-more"),
        "standup",
    ]
    await make(daily, ours, *strangers)
    report = await sweep()
    assert report.deleted == (ours,)
    assert (report.spared, report.failed, report.others) == ({}, {}, len(strangers))
    assert set(daily.rooms) == set(strangers)


async def test_another_prefix(daily):
    mine, other = names.make_name("a_b"), names.make_name("axb")
    await make(daily, mine, other)
    assert (await sweep(name_prefix="a_b")).deleted == (mine,)
    assert list(daily.rooms) == [other]


async def test_a_dry_run_tells_and_deletes_nothing(daily):
    rooms = [names.make_name("pipecat") for _ in range(7)]
    await make(daily, *rooms)
    report = await sweep(dry_run=True)
    assert report.dry_run
    assert set(report.deleted) == set(daily.rooms) == set(rooms)
    assert paths(daily, "DELETE") == []
    assert paths(daily, "GET").count("/presence") == 2


async def test_a_young_room_is_spared(daily):
    name = names.make_name("pipecat")
    await make(daily, name)
    report = await sweep_rooms(pause=0)  # by default younger than an hour
    assert (report.deleted, list(report.spared)) == ((), [name])
    assert "less than 3600 s" in report.spared[name]
    assert "/presence" not in paths(daily, "GET")  # nothing to look for
    assert (await sweep(min_age=timedelta(hours=3))).deleted == ()
    assert list(daily.rooms) == [name]
    assert (await sweep_rooms(pause=0, min_age=0)).deleted == (name,)
    assert daily.rooms == {}


@pytest.mark.undocumented("a room without its age")
async def test_a_room_whose_age_is_unknown_is_spared(daily, monkeypatch):
    name = names.make_name("pipecat")
    await make(daily, name)
    monkeypatch.setattr(rooms, "iso", lambda instant: None)
    report = await sweep(min_age=0)
    assert report.spared == {name: "its age is unknown"}
    assert list(daily.rooms) == [name]


async def test_a_room_that_this_process_owns_is_spared(daily):
    async with provisioned_room() as room:
        report = await sweep(min_age=0)
        assert report.spared == {room.name: "this process owns it"}
        assert list(daily.rooms) == [room.name]
        room.keep()
    assert (await sweep()).deleted == (room.name,)


async def test_a_pools_rooms_are_spared_until_they_expire(daily):
    pool, plain = names.make_name("pipecat", pool=True), names.make_name("pipecat")
    await make(daily, pool, plain)
    report = await sweep()
    assert report.deleted == (plain,)
    assert "pool" in report.spared[pool]
    assert (await sweep(now=lambda: time.time() + DAY + 1)).deleted == (pool,)
    assert daily.rooms == {}


async def test_a_room_occupied_at_the_first_look_is_spared(daily):
    occupied, empty = names.make_name("pipecat"), names.make_name("pipecat")
    await make(daily, occupied, empty)
    person = daily.join(occupied)

    async def everybody_leaves(seconds):
        person.leave()

    report = await sweep(sleep=everybody_leaves)
    assert report.deleted == (empty,)
    assert report.spared == {occupied: "somebody is in it"}
    assert list(daily.rooms) == [occupied]


async def test_a_room_occupied_at_the_second_look_is_spared(daily):
    occupied, empty = names.make_name("pipecat"), names.make_name("pipecat")
    await make(daily, occupied, empty)
    pauses = []

    async def somebody_comes(seconds):
        pauses.append(seconds)
        daily.join(occupied)

    report = await sweep_rooms(now=later, sleep=somebody_comes)
    assert report.deleted == (empty,)
    assert report.spared == {occupied: "somebody is in it"}
    assert pauses == [30]  # presence lags by up to 25 s


async def test_many_rooms_are_deleted_in_batches(daily):
    one = names.make_name("pipecat")
    await make(daily, one)
    assert (await sweep()).deleted == (one,)
    assert paths(daily, "DELETE") == [f"/rooms/{one}"]
    many = [names.make_name("pipecat") for _ in range(250)]
    await make(daily, *many)
    daily.requests.clear()
    report = await sweep()
    assert set(report.deleted) == set(many)
    assert paths(daily, "DELETE") == ["/batch/rooms"] * 3
    assert daily.rooms == {}


async def test_rooms_that_others_delete_meanwhile(daily):
    rooms = [names.make_name("pipecat") for _ in range(60)]
    await make(daily, *rooms)

    async def others_delete(seconds):
        for name in rooms[10:20]:
            daily.state.rooms.delete(daily.rooms[name])

    daily.requests.clear()
    report = await sweep(sleep=others_delete)
    assert set(report.deleted) == set(rooms)
    assert report.failed == {}
    assert daily.rooms == {}
    # A batch that was refused, a look, and the rest in one batch.
    assert paths(daily, "DELETE") == ["/batch/rooms"] * 2


async def test_all_were_deleted_meanwhile(daily):
    rooms = [names.make_name("pipecat") for _ in range(9)]
    await make(daily, *rooms)

    async def others_delete(seconds):
        for room in list(daily.rooms.values()):
            daily.state.rooms.delete(room)

    report = await sweep(sleep=others_delete)
    assert set(report.deleted) == set(rooms)
    assert paths(daily, "DELETE") == ["/batch/rooms"]


@pytest.fixture
def choosy(monkeypatch):
    """Has batches refused in which one of some rooms is, without saying which."""
    bad = set()
    delete = rooms.RoomEndpoints.batch_delete

    def refuse(self, request, body):
        if bad & set(body["room_names"]):
            raise Refusal(400, "invalid-request-error", "no")
        return delete(self, request, body)

    monkeypatch.setattr(rooms.RoomEndpoints, "batch_delete", refuse)
    return bad


async def test_a_refused_batch_is_halved(choosy, daily):
    rooms = [names.make_name("pipecat") for _ in range(100)]
    await make(daily, *rooms)
    choosy.add(rooms[33])
    report = await sweep()
    assert set(report.deleted) == set(rooms)
    assert daily.rooms == {}
    deletes = paths(daily, "DELETE")
    assert deletes.count(f"/rooms/{rooms[33]}") == 1
    assert len(deletes) <= 15  # 100 is halved seven times


async def test_batches_that_are_always_refused_end_in_a_report_and_not_in_single_deletes(
    choosy, daily
):
    rooms = [names.make_name("pipecat") for _ in range(200)]
    await make(daily, *rooms)
    choosy |= set(rooms)
    report = await sweep()
    assert set(report.deleted) | set(report.failed) == set(rooms)
    assert set(daily.rooms) == set(report.failed)
    assert len(report.failed) > 150
    assert len(paths(daily, "DELETE")) <= 50


@pytest.mark.undocumented("presence that cannot be read")
async def test_without_a_usable_answer_nothing_is_deleted(daily, monkeypatch):
    await make(daily, names.make_name("pipecat"))
    with pytest.raises(DailyAuthenticationError):
        await sweep(api_key="wrong")
    for nonsense in ([], {"room": None}, None, "nobody"):
        monkeypatch.setattr(session.SessionEndpoints, "presence", lambda *_, said=nonsense: said)
        async with (
            LocalDaily() as other,
            DailyRESTHelper(
                daily_api_key=other.api_key,
                daily_api_url=other.api_url,
                retry=RetryPolicy(attempts=1),
            ) as helper,
        ):
            await make(other, names.make_name("pipecat"))
            with pytest.raises(DailyResponseError, match="presence"):
                await sweep(daily=helper)
            assert len(other.rooms) == 1
    assert len(daily.rooms) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"name_prefix": ""}, "name_prefix"),
        ({"name_prefix": "a b"}, "name_prefix"),
        ({"name_prefix": 5}, "name_prefix"),
        ({"name_prefix": True}, "name_prefix"),
        ({"dry_run": "no"}, "dry_run must be True or False, not str"),
        ({"now": 5}, "now must be a function"),
        ({"sleep": 0.1}, "sleep must be a function"),
        ({"aiohttp_session": 5}, r"aiohttp_session must be an aiohttp\.ClientSession, not int"),
        ({"min_age": -1}, "min_age"),
        ({"min_age": "1h"}, "min_age"),
        ({"pause": -1}, "pause"),
        ({"daily": object(), "api_key": "k"}, "leave out api_key"),
        ({"daily": 5}, r"daily must be a pipecat_daily_rest\.DailyRESTHelper, not int"),
        ({"api_url": "nonsense"}, "DAILY_API_URL"),
        ({"api_url": ["nonsense"]}, "DAILY_API_URL"),
    ],
)
async def test_arguments_that_do_not_fit(daily, arguments, says):
    with pytest.raises(DailyConfigError, match=says):
        await sweep(**arguments)
    assert daily.requests == []


@pytest.mark.parametrize("page", [1, 2])
@pytest.mark.parametrize("unknown_cursor", ["error", "ignore"])
async def test_a_list_goes_on_when_rooms_come_and_go_between_its_pages(unknown_cursor, page):
    async with LocalDaily(choices=Choices(unknown_cursor=unknown_cursor)) as daily:
        rooms = [f"room{number:03}" for number in range(250)]
        await make(daily, *rooms)
        async with DailyRESTHelper(
            daily_api_key=daily.api_key, daily_api_url=daily.api_url
        ) as helper:
            listed = []
            async for room in helper.list_rooms():
                listed.append(room.name)
                if len(listed) == page * 100:
                    for name in listed[-2:]:  # the next page's cursor, and the one before it
                        daily.state.rooms.delete(daily.rooms[name])
                    daily.advance(2)  # the list begins with the newest
                    await helper.create_room(DailyRoomParams(name="new"))
        assert len(listed) == len(set(listed))
        assert set(rooms) <= set(listed)


async def test_the_helpers_batch(daily):
    async with DailyRESTHelper.from_env() as helper:
        assert await helper.delete_rooms([]) == 0
        rooms = [f"room{number}" for number in range(1003)]
        await make(daily, *rooms[:1000])
        await make(daily, *rooms[1000:])
        assert [room.name async for room in helper.list_rooms()]
        daily.requests.clear()
        assert await helper.delete_rooms([*rooms, rooms[0]]) == 1003
        assert paths(daily, "DELETE") == ["/batch/rooms"] * 2
        with pytest.raises(DailyConfigError, match="not a room name"):
            await helper.delete_rooms(["../x"])
        with pytest.raises(DailyInvalidRequestError):
            await helper.delete_rooms(["gone"])
    assert daily.rooms == {}


async def test_presence_by_room(daily):
    await make(daily, "busy", "empty")
    person = daily.join("busy")
    async with DailyRESTHelper.from_env() as helper:
        present = await helper.presence()
    assert [each.id for each in present.pop("busy")] == [person.id]
    assert present == {}


async def command(daily, *options, cwd, **environment):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pipecat_daily_rest", "sweep", "--pause", "0", *options),
        env={**os.environ, **daily.env(), **environment},
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_the_command(daily, tmp_path):
    old, pool = names.make_name("pipecat"), names.make_name("pipecat", pool=True)
    await make(daily, old, pool, "standup")
    daily.join(old)  # leaves again below
    # A .env must not turn the sweep to another account.
    (tmp_path / ".env").write_text("DAILY_API_KEY=wrong\nDAILY_API_URL=http://127.0.0.1:1/v1\n")
    code, out, err = await command(daily, cwd=tmp_path)
    assert (code, err) == (0, "")
    assert f"{old} spared: it is" in out
    assert out.splitlines()[-1] == "0 deleted, 2 spared; 1 with other names left alone"

    (tmp_path / ".env").write_text(f"DAILY_API_KEY={daily.api_key}\n")
    keyless = ("--min-age", "0", "--dry-run")
    code, out, _ = await command(daily, *keyless, cwd=tmp_path, DAILY_API_KEY="")
    assert f"{old} spared: somebody is in it\n" in out
    for participant in list(daily.rooms[old].participants.values()):
        daily.state.calls.leave(participant)
    code, out, _ = await command(daily, "--min-age", "0", "--dry-run", cwd=tmp_path)
    assert code == 0
    assert f"{old} would be deleted\n" in out
    assert f"{pool} spared: it waits in a pool" in out
    assert set(daily.rooms) == {old, pool, "standup"}

    code, out, _ = await command(daily, "--min-age", "0", cwd=tmp_path)
    assert code == 0
    assert f"{old} deleted\n" in out
    assert set(daily.rooms) == {pool, "standup"}

    code, out, err = await command(daily, "--prefix", "a b", cwd=tmp_path)
    assert (code, out) == (2, "")
    assert "Invalid value for '--prefix'" in err
    assert "Traceback" not in err
