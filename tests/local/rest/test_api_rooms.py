# SPDX-License-Identifier: BSD-2-Clause
"""Rooms: create, get, list, update, delete, expire."""

import re
import uuid
from datetime import UTC, datetime

import pytest

from helpers import calling
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.choices import Choices

NOT_FOUND = {"error": "not-found", "info": "room demo not found"}


@pytest.mark.undocumented("null for what a new room need not have")
async def test_a_room_without_properties(call, local_daily) -> None:
    before = int(local_daily.state.clock.now())
    for options in ({"json": {}}, {}, {"json": {"name": None, "privacy": None, "properties": {}}}):
        status, room = await call("POST", "/rooms", **options)
        assert status == 200
        assert sorted(room) == [
            "api_created", "config", "created_at", "id", "name", "privacy", "url",
        ]  # fmt: skip
        assert str(uuid.UUID(room["id"])) == room["id"]
        assert re.fullmatch("[A-Za-z0-9]{20}", room["name"])
        assert room["api_created"] is True
        assert room["privacy"] == "public"
        assert room["url"] == f"{local_daily.url}/{room['name']}"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z", room["created_at"])
        created = datetime.strptime(room["created_at"], "%Y-%m-%dT%H:%M:%S.%fZ")
        assert before <= created.replace(tzinfo=UTC).timestamp() <= local_daily.state.clock.now()
        assert room["config"] == {}
        assert await call("GET", f"/rooms/{room['name']}") == (200, room)
    assert len(local_daily.rooms) == 3


@pytest.mark.undocumented("null for what a new room need not have")
async def test_a_room_with_properties(call, local_daily) -> None:
    exp = local_daily.state.clock.now() + 60.25
    body = {
        "name": "Demo_1-a",
        "privacy": "private",
        "properties": {
            "exp": exp,
            "enable_chat": False,
            "start_video_off": True,
            "enable_prejoin_ui": False,
            "max_participants": 200,
            "eject_at_room_exp": True,
            "geo": None,
        },
    }
    status, room = await call("POST", "/rooms", body)
    assert status == 200
    assert (room["name"], room["privacy"]) == ("Demo_1-a", "private")
    assert room["config"] == {
        "exp": exp,
        "start_video_off": True,
        "enable_prejoin_ui": False,
        "eject_at_room_exp": True,
    }
    assert local_daily.rooms["Demo_1-a"].config == room["config"]


async def test_a_taken_name(call) -> None:
    assert (await call("POST", "/rooms", {"name": "demo"}))[0] == 200
    assert await call("POST", "/rooms", {"name": "demo"}) == (
        400,
        {"error": "invalid-request-error", "info": "a room named demo already exists"},
    )
    assert (await call("POST", "/rooms", {"name": "Demo"}))[0] == 200


@pytest.mark.parametrize(
    ("body", "info"),
    [
        (
            {"name": "a b"},
            "a b contains invalid characters (room names can contain A-Z, a-z, 0-9, '-', and '_')",
        ),
        (
            {"properties": {"exp": 1}},
            "exp was '1', which is in the past rather than in the future",
        ),
        ({"properties": {"nope": 1}}, "unknown property 'nope'"),
        ({"nope": 1}, "unknown property 'nope'"),
        ({"privacy": "x"}, "privacy was 'x' but should be one of public, private"),
        ({"properties": []}, "properties was '[]' but should be an object"),
    ],
)
async def test_a_create_that_is_refused(call, local_daily, body, info) -> None:
    assert await call("POST", "/rooms", body) == (
        400,
        {"error": "invalid-request-error", "info": info},
    )
    assert local_daily.rooms == {}


@pytest.mark.parametrize("name", ["demo", "a%20b", "a%2Fb", "%C3%A4", "a" * 300])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_a_room_that_does_not_exist(call, name, method) -> None:
    status, answer = await call(method, f"/rooms/{name}", {} if method == "POST" else None)
    assert status == 404
    assert answer["error"] == "not-found"
    assert re.fullmatch("room .+ not found", answer["info"])
    assert "deleted" not in answer


async def test_update_changes_only_what_was_sent(call, local_daily) -> None:
    now = local_daily.state.clock.now()
    properties = {"exp": now + 60, "enable_chat": True, "lang": "de", "max_participants": 2}
    _, room = await call("POST", "/rooms", {"name": "demo", "properties": properties})
    changes = {"lang": None, "enable_chat": False, "exp": now + 90, "start_audio_off": True}
    status, updated = await call(
        "POST", "/rooms/demo", {"privacy": "private", "properties": changes}
    )
    assert status == 200
    config = {"exp": now + 90, "max_participants": 2, "start_audio_off": True}
    assert updated == {**room, "privacy": "private", "config": config}
    assert await call("POST", "/rooms/demo", {}) == (200, updated)
    assert await call("GET", "/rooms/demo") == (200, updated)


@pytest.mark.parametrize(
    "body", [{"name": "demo"}, {"properties": {"exp": 5}}, {"properties": {"nope": 1}}]
)
async def test_an_update_that_is_refused(call, body) -> None:
    _, room = await call("POST", "/rooms", {"name": "demo"})
    status, answer = await call("POST", "/rooms/demo", body)
    assert (status, answer["error"]) == (400, "invalid-request-error")
    assert await call("GET", "/rooms/demo") == (200, room)


async def test_null_removes_a_rooms_exp(call, local_daily) -> None:
    exp = local_daily.state.clock.now() + 60
    await call("POST", "/rooms", {"name": "demo", "properties": {"exp": exp}})
    await call("POST", "/rooms/demo", {"properties": {"exp": None}})
    local_daily.advance(3600)
    assert (await call("GET", "/rooms/demo"))[0] == 200


async def test_delete(call, local_daily) -> None:
    await call("POST", "/rooms", {"name": "demo"})
    assert await call("DELETE", "/rooms/demo") == (200, {"deleted": True, "name": "demo"})
    assert await call("DELETE", "/rooms/demo") == (404, NOT_FOUND)
    assert await call("GET", "/rooms/demo") == (404, NOT_FOUND)
    assert (await call("POST", "/rooms", {"name": "demo"}))[0] == 200
    what = [entry.what for entry in local_daily.state.log.entries]
    assert what == ["created", "deleted", "created"]


async def test_an_expired_room_does_not_exist(call, local_daily) -> None:
    exp = int(local_daily.state.clock.now()) + 60
    await call("POST", "/rooms", {"name": "other"})
    await call("POST", "/rooms", {"name": "demo", "properties": {"exp": exp}})
    local_daily.advance(61)
    await local_daily.state.log.wait_for("expired", room="demo")
    assert await call("GET", "/rooms/demo") == (404, NOT_FOUND)
    assert await call("POST", "/rooms/demo", {"properties": {"exp": exp + 90}}) == (404, NOT_FOUND)
    _, rooms = await call("GET", "/rooms")
    assert rooms["total_count"] == 1
    assert [room["name"] for room in rooms["data"]] == ["other"]
    assert list(local_daily.rooms) == ["other"]
    assert await call("DELETE", "/rooms/demo") == (404, {**NOT_FOUND, "deleted": True})
    assert await call("DELETE", "/rooms/demo") == (404, NOT_FOUND)


async def test_a_room_that_expired_long_ago_is_collected(call, local_daily) -> None:
    now = local_daily.state.clock.now()
    for name in ("demo", "busy"):
        await call("POST", "/rooms", {"name": name, "properties": {"exp": now + 60}})
    guest = local_daily.join("busy")
    local_daily.advance(61 + 86_400)
    assert await call("DELETE", "/rooms/demo") == (404, NOT_FOUND)
    status, answer = await call("DELETE", "/rooms/busy")
    assert (status, answer.get("deleted")) == (404, True)
    await local_daily.state.log.wait_for("scripted left", room="busy")
    assert guest.id in local_daily.state.log.entries[-1].detail


async def test_the_name_of_an_expired_room_is_free(call, local_daily) -> None:
    exp = local_daily.state.clock.now() + 60
    _, old = await call("POST", "/rooms", {"name": "demo", "properties": {"exp": exp}})
    local_daily.join("demo")
    local_daily.advance(61)
    status, new = await call("POST", "/rooms", {"name": "demo"})
    assert status == 200
    assert new["id"] != old["id"]
    await local_daily.state.log.wait_for("scripted left", room="demo")
    assert local_daily.rooms["demo"].participants == {}
    local_daily.advance(86_400)
    assert (await call("GET", "/rooms/demo"))[0] == 200


async def make(call, daily: LocalDaily, count: int) -> list[str]:
    """Create rooms, each a second older than the one before."""
    for index in range(count):
        await call("POST", "/rooms", {"name": f"room-{index}"})
        daily.advance(1)
    return [f"room-{index}" for index in reversed(range(count))]


def names(answer) -> list[str]:
    status, page = answer
    assert status == 200
    return [room["name"] for room in page["data"]]


async def test_lists_are_newest_first_in_pages(call, local_daily) -> None:
    newest_first = await make(call, local_daily, 7)
    ids = {name: local_daily.rooms[name].id for name in newest_first}
    assert names(await call("GET", "/rooms")) == newest_first
    collected: list[str] = []
    query = "limit=3"
    while page := names(await call("GET", f"/rooms?{query}")):
        collected += page
        query = f"limit=3&starting_after={ids[page[-1]]}"
    assert collected == newest_first
    _, page = await call("GET", f"/rooms?limit=3&starting_after={ids['room-6']}")
    assert page["total_count"] == 7
    last = names(await call("GET", "/rooms?limit=3&ending_before=" + ids["room-0"]))
    assert last == ["room-3", "room-2", "room-1"]
    assert names(await call("GET", "/rooms?ending_before=" + ids["room-6"])) == []
    between = f"/rooms?starting_after={ids['room-5']}&ending_before={ids['room-2']}"
    assert names(await call("GET", between)) == ["room-4", "room-3"]


async def test_rooms_of_one_second_are_listed_by_id(call, local_daily) -> None:
    second = int(local_daily.state.clock.now()) + 1
    for index in range(5):
        room = local_daily.state.rooms.create(f"room-{index}", "public", {})
        room.created_at = second + index / 10
    _, page = await call("GET", "/rooms")
    ids = [room["id"] for room in page["data"]]
    assert ids == sorted(ids, reverse=True)


async def test_a_page_has_100_rooms_at_most(call, local_daily) -> None:
    for index in range(103):
        local_daily.state.rooms.create(f"room-{index}", "public", {})
    for query in ("", "?limit=100", "?limit=5000"):
        _, page = await call("GET", "/rooms" + query)
        assert (page["total_count"], len(page["data"])) == (103, 100)
    assert len(names(await call("GET", "/rooms?limit=0"))) == 1


@pytest.mark.parametrize(
    "query", ["limit=x", "limit=", "limit=1.5", "starting_after=x", "ending_before="]
)
async def test_a_query_that_is_refused(call, query) -> None:
    status, answer = await call("GET", f"/rooms?{query}")
    assert (status, answer["error"]) == (400, "invalid-request-error")


SIP = {"display_name": "caller", "sip_mode": "dial-in", "codecs": {"audio": ["OPUS"]}}


async def test_a_room_for_a_phone_call(call) -> None:
    _, room = await call("POST", "/rooms", {"name": "demo", "properties": {"sip": SIP}})
    assert room["config"]["sip"] == SIP
    assert list(room["config"]["sip_uri"]) == ["endpoint"]
    assert re.fullmatch(r"demo\.0@[a-z.-]+\.invalid", room["config"]["sip_uri"]["endpoint"])

    _, kept = await call("POST", "/rooms/demo", {"properties": {"enable_chat": True}})
    assert kept["config"]["sip_uri"] == room["config"]["sip_uri"]

    two = {"sip": {**SIP, "num_endpoints": 3}}
    _, more = await call("POST", "/rooms/demo", {"properties": two})
    uri = more["config"]["sip_uri"]
    assert len({uri["endpoint"], *uri["extra_endpoints"]}) == 3

    _, off = await call("POST", "/rooms/demo", {"properties": {"sip": None}})
    assert off["config"] == {"enable_chat": True}

    digits = {"sip": {**SIP, "force_digit_only_username": True}}
    _, room = await call("POST", "/rooms", {"properties": digits})
    assert re.fullmatch(r"[0-9]{10}@.*\.invalid", room["config"]["sip_uri"]["endpoint"])


async def with_choices(choices: Choices, *requests) -> list:
    """Send the same requests to a local Daily with other choices."""
    answers = []
    async with LocalDaily(choices=choices) as daily, calling(daily) as call:
        for request in requests:
            if callable(request):
                request(daily)
            else:
                answers.append(await call(*request))
    return answers


def an_expired_demo(daily: LocalDaily) -> None:
    daily.state.rooms.create("demo", "public", {"exp": daily.state.clock.now() + 60})
    daily.advance(61)


async def test_choices_about_expired_rooms() -> None:
    [(status, taken), (_, listed), (gone, plain), (free, _)] = await with_choices(
        Choices(expired_name_free=False, expired_in_total_count=True, collected_after=600),
        an_expired_demo,
        ("POST", "/rooms", {"name": "demo"}),
        ("GET", "/rooms"),
        lambda daily: daily.advance(600),
        ("DELETE", "/rooms/demo"),
        ("POST", "/rooms", {"name": "demo"}),
    )
    assert (status, taken["info"]) == (400, "a room named demo already exists")
    assert listed == {"total_count": 1, "data": []}
    assert (gone, plain) == (404, NOT_FOUND)
    assert free == 200


async def test_a_choice_about_what_an_expired_room_answers() -> None:
    later = {"properties": {"exp": 4_000_000_000}}
    for choice, statuses in ((True, [200, 200, 200]), (False, [404, 404, 404])):
        answers = await with_choices(
            Choices(expired_room_answers=choice),
            an_expired_demo,
            ("GET", "/rooms/demo"),
            ("POST", "/rooms/demo", later),
            ("GET", "/rooms/demo"),
            ("GET", "/rooms"),
        )
        *asked, (_, listed) = answers
        assert [status for status, _ in asked] == statuses
        assert listed["total_count"] == int(choice)  # open again


async def test_a_choice_about_a_batch_of_nothing() -> None:
    [(status, answer)] = await with_choices(
        Choices(batch_delete_of_nothing=200), ("DELETE", "/batch/rooms", {"room_names": []})
    )
    assert (status, answer) == (200, {"deleted_count": 0})


async def test_a_choice_about_updates_and_ejections() -> None:
    for choice, reason in ((True, None), (False, "room-expired")):
        async with LocalDaily(choices=Choices(update_moves_ejection=choice)) as daily:
            now = daily.state.clock.now()
            config = {"exp": now + 90, "eject_at_room_exp": True}
            room = daily.state.rooms.create("demo", "public", config)
            guest = daily.join("demo")
            daily.state.rooms.update(room, None, {**config, "exp": now + 210})
            daily.advance(100)
            assert guest.left_reason == reason
            daily.advance(111)
            assert guest.left_reason == "room-expired"


async def test_choices_about_lists_and_bodies() -> None:
    answers = await with_choices(
        Choices(limit_out_of_range="error", unknown_cursor="ignore", empty_body=False),
        ("GET", "/rooms?limit=101"),
        ("GET", "/rooms?limit=0"),
        ("GET", "/rooms?limit=100&starting_after=x"),
        ("POST", "/rooms"),
        ("POST", "/rooms", {"name": "demo"}),
        ("DELETE", "/rooms/demo"),
    )
    assert [status for status, _ in answers] == [400, 400, 200, 400, 200, 200]
    assert answers[3][1]["error"] == "json-parsing-error"


async def test_choices_about_the_number_of_rooms_and_sip() -> None:
    answers = await with_choices(
        Choices(max_api_rooms=1, too_many_rooms_info="{limit} at most", sip_prefix=True),
        ("GET", "/"),
        ("POST", "/rooms", {"properties": {"sip": SIP}}),
        ("POST", "/rooms", {"name": "demo"}),
    )
    assert answers[0][1]["config"]["max_api_rooms"] == 1
    assert answers[1][1]["config"]["sip_uri"]["endpoint"].startswith("sip:")
    assert answers[2] == (400, {"error": "invalid-request-error", "info": "1 at most"})


async def test_choices_about_sip_in_a_rooms_config() -> None:
    for shown in (True, False):
        answers = await with_choices(
            Choices(sip_in_config=shown),
            ("POST", "/rooms", {"name": "demo", "properties": {"sip": SIP}}),
            ("POST", "/rooms/demo", {"properties": {"lang": "fr"}}),
            ("GET", "/rooms/demo"),
        )
        for status, room in answers:
            assert status == 200
            assert ("sip" in room["config"]) is shown
            assert room["config"]["sip_uri"]["endpoint"]


async def test_screen_sharing_cannot_change_while_a_meeting_runs() -> None:
    for choice, status in (("error", 400), ("ignore", 200)):
        choices = Choices(screenshare_in_meeting=choice)
        async with LocalDaily(choices=choices) as daily, calling(daily) as call:

            async def update(properties: dict, call=call) -> int:
                return (await call("POST", "/rooms/demo", {"properties": properties}))[0]

            room = daily.state.rooms.create("demo", "public", {})
            assert await update({"enable_screenshare": False}) == 200
            guest = daily.join("demo")
            assert await update({"enable_screenshare": False, "lang": "fr"}) == 200
            assert await update({"enable_screenshare": True, "lang": "es"}) == status
            assert room.config["enable_screenshare"] is False
            assert room.config["lang"] == ("fr" if status == 400 else "es")
            guest.leave()
            assert await update({"enable_screenshare": None}) == 200
            assert "enable_screenshare" not in room.config
