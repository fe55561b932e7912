# SPDX-License-Identifier: BSD-2-Clause
"""Many rooms in one request: the local Daily creates or deletes all of them, or none."""

import pytest

from helpers import calling
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.choices import Choices


async def test_create(call, local_daily) -> None:
    rooms = [{"name": "a", "privacy": "private"}, {}, {"properties": {"enable_chat": True}}]
    status, answer = await call("POST", "/batch/rooms", {"rooms": rooms})
    assert status == 200
    assert [room["privacy"] for room in answer] == ["private", "public", "public"]
    assert answer[2]["config"] == {"enable_chat": True}
    assert list(local_daily.rooms) == [room["name"] for room in answer]
    assert await call("GET", "/rooms/a") == (200, answer[0])


BUCKET = {"bucket_region": "us-west-2", "assume_role_arn": "arn", "allow_api_access": True}


@pytest.mark.parametrize(
    "rooms",
    [
        [],
        None,
        "a",
        ["a"],
        [{"name": "a"}, {"name": "b c"}],
        [{"name": "a"}, {"name": "taken"}],
        [{"name": "a"}, {"name": "a"}],
        [{"name": "a"}, {"properties": {"exp": 1}}],
        [{"name": "a"}, {"nope": 1}],
        [{}] * 1001,
        [
            {"properties": {"recordings_bucket": {**BUCKET, "bucket_name": str(number)}}}
            for number in range(11)
        ],
    ],
)
async def test_a_create_that_is_refused_makes_no_room(call, local_daily, rooms) -> None:
    local_daily.state.rooms.create("taken", "public", {})
    status, answer = await call("POST", "/batch/rooms", {"rooms": rooms})
    assert (status, answer["error"]) == (400, "invalid-request-error")
    assert list(local_daily.rooms) == ["taken"]


async def test_a_thousand_rooms(call, local_daily) -> None:
    bucket = {"recordings_bucket": {**BUCKET, "bucket_name": "one"}}
    rooms = [{"name": f"r{number}", "properties": bucket} for number in range(1000)]
    assert (await call("POST", "/batch/rooms", {"rooms": rooms}))[0] == 200
    names = [room["name"] for room in rooms]
    assert await call("DELETE", "/batch/rooms", {"room_names": names}) == (
        200,
        {"deleted_count": 1000},
    )
    assert local_daily.rooms == {}


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"room_names": []},
        {"room_names": "a"},
        {"room_names": ["a", 5]},
        {"room_names": ["a", "none"]},
        {"room_names": ["a", "old"]},
        {"room_names": ["a", "a"]},
        {"room_names": ["a"] + [f"r{number}" for number in range(1000)]},
        {"rooms": ["a"]},
        {"room_names": ["a"], "names": ["a"]},
    ],
)
async def test_a_delete_that_is_refused_deletes_nothing(call, local_daily, body) -> None:
    local_daily.state.rooms.create("old", "public", {"exp": local_daily.state.clock.now() + 1})
    local_daily.advance(2)
    local_daily.state.rooms.create("a", "public", {})
    status, answer = await call("DELETE", "/batch/rooms", body)
    assert (status, answer["error"]) == (400, "invalid-request-error")
    assert list(local_daily.rooms) == ["a"]


async def test_delete_ejects_everyone(call, local_daily) -> None:
    for name in ("a", "b", "c"):
        local_daily.state.rooms.create(name, "public", {})
    local_daily.join("a")
    assert await call("DELETE", "/batch/rooms", {"room_names": ["a", "c"]}) == (
        200,
        {"deleted_count": 2},
    )
    await local_daily.state.log.wait_for("scripted left", room="a")
    assert list(local_daily.rooms) == ["b"]


@pytest.mark.parametrize(
    ("choices", "names", "status", "left"),
    [
        (Choices(batch_delete_missing=404), ["a", "none"], 404, ["a"]),
        (Choices(batch_delete_missing=None), ["a", "none"], 200, []),
        (Choices(batch_delete_missing=None), ["none"], 200, ["a"]),
        (Choices(batch_delete_duplicates=True), ["a", "a"], 200, []),
    ],
)
async def test_choices_about_delete(choices, names, status, left) -> None:
    async with LocalDaily(choices=choices) as daily, calling(daily) as call:
        daily.state.rooms.create("a", "public", {})
        refused = {"error": "not-found", "info": "room none not found"}
        answer = {"deleted_count": 1 - len(left)} if status == 200 else refused
        assert await call("DELETE", "/batch/rooms", {"room_names": names}) == (status, answer)
        assert list(daily.rooms) == left


async def test_a_wrapped_answer() -> None:
    choices = Choices(batch_create_wrapped=True)
    async with LocalDaily(choices=choices) as daily, calling(daily) as call:
        _, page = await call("POST", "/batch/rooms", {"rooms": [{"name": "a"}]})
    assert page["total_count"] == 1
    assert [room["name"] for room in page["data"]] == ["a"]
