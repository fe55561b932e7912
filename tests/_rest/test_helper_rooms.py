# SPDX-License-Identifier: BSD-2-Clause
"""The helper's methods for rooms: changed, and made by the thousand."""

import asyncio
import re
import time

import pytest
from loguru import logger

from helpers import sent
from pipecat_daily_rest import (
    DailyBatchError,
    DailyConfigError,
    DailyConnectionError,
    DailyError,
    DailyInvalidRequestError,
    DailyNotFoundError,
    DailyRateLimitError,
    DailyRESTHelper,
    DailyRoomExistsError,
    DailyRoomParams,
    DailyRoomProperties,
    DailyRoomSipParams,
    DailyServerError,
    RecordingsBucketConfig,
    RetryPolicy,
)
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.rest.journal import Journal

QUICK = RetryPolicy(backoff=0.01)


@pytest.fixture
async def helper(local_daily):
    async with DailyRESTHelper(
        daily_api_key=local_daily.api_key, daily_api_url=local_daily.api_url, retry=QUICK
    ) as helper:
        yield helper


@pytest.fixture
def said():
    messages = []
    sink = logger.add(lambda message: messages.append(message.record["message"]), level="WARNING")
    yield messages
    logger.remove(sink)


def named(*names, exp=None):
    properties = DailyRoomProperties(exp=exp)
    return [DailyRoomParams(name=name, properties=properties) for name in names]


# -- Update ----------------------------------------------------------------------------------


async def test_only_fields_that_were_set_change(helper, local_daily):
    exp = time.time() + 600
    properties = DailyRoomProperties(exp=exp, enable_chat=True, geo="us-west-2")
    await helper.create_room(DailyRoomParams(name="demo", properties=properties))
    room = await helper.update_room("demo", DailyRoomProperties(start_video_off=True, lang="fr"))
    assert room.config.model_dump(exclude_defaults=True) == {
        "exp": exp,
        "enable_chat": True,
        "geo": "us-west-2",
        "start_video_off": True,
        "lang": "fr",
    }
    [request] = sent(local_daily, "POST", "/rooms/demo")
    assert request.body == {"properties": {"lang": "fr", "start_video_off": True}}
    assert room.privacy == "public"
    assert (await helper.update_room("demo", privacy="private")).privacy == "private"
    assert local_daily.rooms["demo"].config["lang"] == "fr"


async def test_a_property_is_reset(helper, local_daily):
    properties = DailyRoomProperties(
        exp=time.time() + 600,
        enable_chat=True,
        max_participants=3,
        geo="us-west-2",
        sip=DailyRoomSipParams(display_name="caller"),
    )
    room = await helper.create_room(DailyRoomParams(name="demo", properties=properties))
    assert room.config.sip_endpoint
    room = await helper.update_room(
        "demo",
        DailyRoomProperties(max_participants=None, enable_people_ui=False),
        reset=["enable_chat", "sip", "exp"],
    )
    config = local_daily.rooms["demo"].config
    unset = {"enable_prejoin_ui": False, "enable_emoji_reactions": False}
    assert config == {**unset, "geo": "us-west-2", "enable_people_ui": False}
    assert (room.config.exp, room.config.sip, room.config.sip_endpoint) == (None, None, "")
    await helper.update_room("demo", reset="geo")
    assert local_daily.rooms["demo"].config == {**unset, "enable_people_ui": False}


async def test_a_nested_object_is_sent_whole(helper, local_daily):
    await helper.create_room(DailyRoomParams(name="demo"))
    sip = DailyRoomSipParams(num_endpoints=2)  # display_name and sip_mode are Daily's to have
    room = await helper.update_room("demo", DailyRoomProperties(sip=sip))
    assert room.config.sip == sip
    assert len(room.config.sip_uri["extra_endpoints"]) == 1


async def test_a_room_that_was_read_can_be_written_back(helper, local_daily):
    properties = DailyRoomProperties(
        lang="fr", sip=DailyRoomSipParams(), permissions={"canSend": ["audio"]}
    )
    room = await helper.create_room(DailyRoomParams(name="demo", properties=properties))
    room.config.lang = "es"
    again = await helper.update_room("demo", room.config)
    assert again.config.lang == "es"
    assert again.config.permissions == {"canSend": ["audio"]}
    assert again.config.sip_endpoint


async def test_an_update_that_is_refused(helper, local_daily):
    await helper.create_room(DailyRoomParams(name="demo"))
    before = len(local_daily.requests)
    for arguments, words in (
        ({}, "Nothing to change"),
        ({"properties": DailyRoomProperties()}, "Nothing to change"),
        ({"properties": DailyRoomProperties(exp=1.0)}, "in the past"),
        ({"properties": DailyRoomProperties(lang="fr"), "reset": ["lang"]}, "lang cannot be set"),
    ):
        with pytest.raises(DailyConfigError, match=words):
            await helper.update_room("demo", **arguments)
    with pytest.raises(DailyConfigError):
        await helper.update_room("../demo", privacy="private")
    assert len(local_daily.requests) == before
    with pytest.raises(DailyInvalidRequestError, match="unknown property 'enable_chatt'"):
        await helper.update_room("demo", reset=["enable_chatt"])
    with pytest.raises(DailyNotFoundError, match="Unable to update room 'none'"):
        await helper.update_room("none", privacy="private")


async def test_an_update_is_sent_again_after_a_lost_response(helper, local_daily):
    await helper.create_room(DailyRoomParams(name="demo"))
    local_daily.fail("POST", "/rooms/demo", drop="after")
    room = await helper.update_room("demo", DailyRoomProperties(lang="fr"))
    assert room.config.lang == "fr"
    assert len(sent(local_daily, "POST", "/rooms/demo")) == 2


# -- Many rooms ------------------------------------------------------------------------------


async def test_many_rooms_in_their_order(helper, local_daily):
    params = [
        DailyRoomParams(name="b", privacy="private"),
        DailyRoomParams(properties=DailyRoomProperties(enable_chat=True)),
        DailyRoomParams(name="a"),
    ]
    rooms = await helper.create_rooms(params)
    assert [room.name for room in rooms] == ["b", rooms[1].name, "a"]
    assert re.fullmatch("[A-Za-z0-9]{20}", rooms[1].name)
    assert params[1].name is None
    assert (rooms[0].privacy, rooms[1].config.enable_chat) == ("private", True)
    assert list(local_daily.rooms) == [room.name for room in rooms]
    assert len(sent(local_daily, "POST", "/batch/rooms")) == 1
    assert await helper.create_rooms([]) == []
    assert len(sent(local_daily, "POST", "/batch/rooms")) == 1


async def test_a_larger_list_is_split(helper, local_daily):
    rooms = await helper.create_rooms(DailyRoomParams() for _ in range(2001))
    assert [
        len(request.body["rooms"]) for request in sent(local_daily, "POST", "/batch/rooms")
    ] == [1000, 1000, 1]
    assert [room.name for room in rooms] == list(local_daily.rooms)
    assert await helper.delete_rooms(room.name for room in rooms) == 2001


async def test_a_wrapped_answer_is_read():
    async with (
        LocalDaily(choices=Choices(batch_create_wrapped=True)) as daily,
        DailyRESTHelper(daily_api_key=daily.api_key, daily_api_url=daily.api_url) as helper,
    ):
        assert [room.name for room in await helper.create_rooms(named("a", "b"))] == ["a", "b"]


async def test_wrong_lists_are_not_sent(helper, local_daily):
    buckets = [
        RecordingsBucketConfig(bucket_name=str(n), bucket_region="r", assume_role_arn="arn")
        for n in range(11)
    ]
    for params, words in (
        (named("a", "a"), "Room 1 of the list: an earlier one has"),
        (named("a", "b c"), "Room 1 of the list"),
        (named("a", exp=1.0), "Room 0 of the list.*in the past"),
        (
            [
                DailyRoomParams(properties=DailyRoomProperties(recordings_bucket=bucket))
                for bucket in buckets
            ],
            "11 different recordings_buckets",
        ),
    ):
        with pytest.raises(DailyConfigError, match=words):
            await helper.create_rooms(params)
    assert local_daily.requests == []


async def test_a_refusal_creates_no_room_and_is_raised(helper, local_daily):
    local_daily.state.rooms.create("taken", "public", {})
    with pytest.raises(DailyInvalidRequestError, match="a room named taken already exists"):
        await helper.create_rooms(named("a", "taken"))
    assert list(local_daily.rooms) == ["taken"]
    assert len(sent(local_daily, "POST", "/batch/rooms")) == 1


@pytest.mark.parametrize("failure", [{"drop": "after"}, {"truncate": True}, {"html": True}])
async def test_after_a_lost_response_the_rooms_are_looked_up(helper, local_daily, failure):
    local_daily.state.rooms.create("before", "public", {})
    local_daily.fail("POST", "/batch/rooms", commit=failure.get("html"), **failure)
    rooms = await helper.create_rooms([DailyRoomParams(), DailyRoomParams(name="a")])
    assert [room.name for room in rooms] == list(local_daily.rooms)[1:]
    assert rooms[1].name == "a"
    assert len(sent(local_daily, "POST", "/batch/rooms")) == 1


@pytest.mark.parametrize("failure", [{"drop": "before"}, {"status": 500}, {"status": 429}])
async def test_rooms_that_were_not_created_are_created_under_the_same_names(
    helper, local_daily, failure
):
    local_daily.fail("POST", "/batch/rooms", times=2, **failure)
    rooms = await helper.create_rooms([DailyRoomParams(), DailyRoomParams()])
    assert [room.name for room in rooms] == list(local_daily.rooms)
    names = {
        tuple(room["name"] for room in each.body["rooms"])
        for each in sent(local_daily, "POST", "/batch/rooms")
    }
    assert names == {tuple(local_daily.rooms)}
    assert len(sent(local_daily, "POST", "/batch/rooms")) == 3


async def test_rooms_of_a_first_attempt_that_arrives_late_are_found(helper, local_daily):
    """Lost, looked for in vain, sent again, and refused since the first has come about."""
    exp = time.time() + 60.125

    class Requests(Journal):
        def append(self, request):
            super().append(request)
            if len(sent(local_daily, "POST", "/batch/rooms")) == 2 and not local_daily.rooms:
                for name in ("a", "b"):
                    local_daily.state.rooms.create(name, "public", {"exp": exp})

    local_daily.parts.requests = Requests()
    local_daily.fail("POST", "/batch/rooms", status=503)
    rooms = await helper.create_rooms(named("a", "b", exp=exp))
    assert [room.name for room in rooms] == ["a", "b"]
    assert [each.status for each in sent(local_daily, "POST", "/batch/rooms")] == [503, 400]


async def test_an_existing_room_of_the_same_name_is_an_error(helper, local_daily):
    local_daily.state.rooms.create("a", "public", {"exp": time.time() + 600})
    local_daily.fail("POST", "/batch/rooms", drop="before")
    with pytest.raises(DailyRoomExistsError, match="'a' exists, and this call did not create it"):
        await helper.create_rooms(named("a", "b", exp=time.time() + 60))
    assert list(local_daily.rooms) == ["a"]


@pytest.mark.parametrize("fault", [{"drop": "after"}, {"truncate": True}])
async def test_an_existing_room_that_may_be_this_calls_is_an_error_that_says_so(
    helper, local_daily, fault
):
    """Its answer is lost, it has no exp, and it is there: nobody knows whose it is."""
    for path in ("/rooms", "/batch/rooms"):
        local_daily.fail("POST", path, **fault)
    with pytest.raises(DailyRoomExistsError, match="created it is unknown") as caught:
        await helper.create_room(DailyRoomParams(name="mine"))
    assert "did not create it" not in str(caught.value)
    with pytest.raises(DailyBatchError, match="created it is unknown") as caught:
        await helper.create_rooms([DailyRoomParams(name="a"), DailyRoomParams(name="b")])
    assert (caught.value.created, caught.value.uncertain) == ((), ("a", "b"))


async def test_a_room_without_a_name_whose_response_is_lost(helper, local_daily):
    local_daily.fail("POST", "/rooms", drop="after", times=None)
    with pytest.raises(DailyConnectionError, match=r"unknown.*list_rooms\(\).*never end"):
        await helper.create_room(DailyRoomParams())
    ends = DailyRoomParams(properties=DailyRoomProperties(exp=time.time() + 60))
    with pytest.raises(DailyConnectionError, match=r"unknown.*list_rooms\(\)") as caught:
        await helper.create_room(ends)
    assert "never end" not in str(caught.value)
    assert len(local_daily.rooms) == len(sent(local_daily, "POST", "/rooms")) == 2


async def test_a_room_that_cannot_be_looked_up(helper, local_daily):
    local_daily.fail("POST", "/rooms", drop="after", times=None)
    local_daily.fail("GET", "*", status=500, times=None)
    with pytest.raises(DailyConnectionError, match=r"unknown: get_room\('mine'\)"):
        await helper.create_room(DailyRoomParams(name="mine"))


async def test_a_refused_room_does_not_exist(helper, local_daily):
    local_daily.fail("POST", "/rooms", status=403)
    with pytest.raises(DailyError) as caught:
        await helper.create_room(DailyRoomParams(name="mine"))
    assert "unknown" not in str(caught.value)


@pytest.mark.parametrize("name", ["mine", None])
async def test_a_cancelled_create_room_logs_that_the_room_may_exist(
    helper, local_daily, said, name
):
    local_daily.fail("POST", "/rooms", delay=60)
    making = asyncio.create_task(helper.create_room(DailyRoomParams(name=name)))
    while not sent(local_daily, "POST", "/rooms"):  # noqa: ASYNC110 - as soon as it is there
        await asyncio.sleep(0.01)
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    assert "is unknown" in said[-1]


async def test_an_error_in_a_split_list_names_the_rooms_that_exist(helper, local_daily):
    local_daily.state.rooms.create("taken", "public", {})
    params = [DailyRoomParams() for _ in range(2500)]
    params[1700] = DailyRoomParams(name="taken")
    with pytest.raises(DailyBatchError) as caught:
        await helper.create_rooms(params)
    error = caught.value
    assert [room.name for room in error.created] == list(local_daily.rooms)[1:]
    assert len(error.created) == 1000
    assert error.uncertain == ()
    assert "1000 exist (see created), 500 were not requested." in str(error)
    assert "a room named taken already exists" in str(error)
    assert isinstance(error.__cause__, DailyInvalidRequestError)
    await helper.delete_rooms(room.name for room in error.created)


async def test_rooms_that_may_exist_are_named(helper, local_daily):
    """Every answer is lost, and so is every look."""
    local_daily.fail("POST", "/batch/rooms", drop="after", times=None)
    local_daily.fail("GET", "*", status=500, times=None)
    with pytest.raises(DailyBatchError) as caught:
        await helper.create_rooms([DailyRoomParams(), DailyRoomParams()])
    error = caught.value
    assert error.created == ()
    assert list(error.uncertain) == list(local_daily.rooms)
    assert len(error.uncertain) == 2
    assert isinstance(error.__cause__, DailyConnectionError)


async def test_rooms_are_named_when_no_response_came(helper, local_daily):
    local_daily.fail("POST", "/batch/rooms", drop="before", times=None)
    with pytest.raises(DailyBatchError) as caught:
        await helper.create_rooms(named("a"))
    assert caught.value.uncertain == ("a",)
    assert caught.value.attempts == QUICK.attempts
    assert "1 may exist, now or later (see uncertain)" in str(caught.value)


async def test_an_error_that_created_nothing_is_raised_as_it_is(helper, local_daily):
    local_daily.fail("POST", "/batch/rooms", status=429, times=None)
    with pytest.raises(DailyRateLimitError):
        await helper.create_rooms(named("a"))
    assert local_daily.rooms == {}


async def test_a_cancelled_create_rooms_logs_the_names(helper, local_daily):
    lines = []
    sink = logger.add(lines.append, level="WARNING", format="{message}")
    try:
        local_daily.fail("POST", "/batch/rooms", commit=True, hang=True)
        task = asyncio.create_task(helper.create_rooms([DailyRoomParams(), DailyRoomParams()]))
        await local_daily.state.log.wait_for("created", count=2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    finally:
        logger.remove(sink)
    assert len(local_daily.rooms) == 2
    assert [line for line in lines if all(name in line for name in local_daily.rooms)]


async def test_a_server_that_stays_down(helper, local_daily):
    local_daily.fail("POST", "/batch/rooms", status=500, times=None)
    with pytest.raises(DailyBatchError) as caught:
        await helper.create_rooms(named("a"))
    assert isinstance(caught.value.__cause__, DailyServerError)
    assert caught.value.uncertain == ("a",)


async def test_the_number_of_deleted_rooms_is_dailys(helper, local_daily):
    local_daily.fail("DELETE", "/batch/rooms", status=200, body={"deleted_count": 1})
    assert await helper.delete_rooms(["one", "two"]) == 1
