# SPDX-License-Identifier: BSD-2-Clause
"""The helper's methods for meetings, the domain and the validation of tokens."""

from datetime import UTC, datetime

import pytest

from helpers import helper_of
from pipecat_daily_rest import (
    DailyConfigError,
    DailyInvalidRequestError,
    DailyMeetingTokenProperties,
    DailyNotFoundError,
    DailyResponseError,
)
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.choices import Choices


@pytest.fixture
async def helper(local_daily, helper):
    local_daily.state.rooms.create("demo", "public", {})
    return helper


async def ids(meetings):
    return [meeting.id async for meeting in meetings]


def hold(daily, room="demo"):
    """Hold a meeting of a minute; gives its id."""
    guest = daily.join(room)
    id = daily.rooms[room].meeting_id
    daily.advance(minutes=1)
    guest.leave()
    daily.advance(minutes=1)
    return id


# -- Meetings --------------------------------------------------------------------------------


async def test_meetings_of_all_pages(helper, local_daily):
    held = [hold(local_daily) for _ in range(205)]
    assert await ids(helper.list_meetings()) == held[::-1]
    requests = [each for each in local_daily.requests if each.path == "/meetings"]
    assert len(requests) == 4  # three with meetings, and the empty one


@pytest.mark.undocumented("meetings without their participants")
async def test_meetings_are_filtered(helper, local_daily):
    local_daily.state.rooms.create("other", "public", {})
    first, second = hold(local_daily), hold(local_daily, "other")
    ana = local_daily.join("demo", user_name="Ana")
    third = local_daily.rooms["demo"].meeting_id
    local_daily.advance(minutes=1)
    meetings = {meeting.id: meeting async for meeting in helper.list_meetings()}
    assert list(meetings) == [third, second, first]
    running = meetings[third]
    assert (running.room, running.ongoing, running.max_participants) == ("demo", True, 1)
    assert 60 <= running.duration < 90
    [participant] = running.participants
    assert (participant.participant_id, participant.user_name) == (ana.id, "Ana")
    assert participant.join_time == running.start_time
    middle = meetings[second].start_time
    instant = datetime.fromtimestamp(middle, UTC)
    for options, found in (
        ({"room_name": "demo"}, [third, first]),
        ({"room_name": "never-made"}, []),
        ({"ongoing": True}, [third]),
        ({"ongoing": False}, [second, first]),
        ({"timeframe_start": middle}, [third, second]),
        ({"timeframe_start": instant}, [third, second]),
        ({"timeframe_end": instant}, [first]),
    ):
        assert await ids(helper.list_meetings(**options)) == found, options
    bare = [meeting async for meeting in helper.list_meetings(no_participants=True)]
    assert [meeting.participants for meeting in bare] == [[], [], []]
    one = await helper.get_meeting(first)
    assert (one.id, one.ongoing, one.room) == (first, False, "demo")
    with pytest.raises(DailyNotFoundError, match="Unable to get the meeting"):
        await helper.get_meeting("none")


async def test_wrong_filters_of_meetings_are_not_sent(helper, local_daily):
    for options in (
        {"timeframe_start": datetime(2026, 1, 1)},
        {"timeframe_end": float("nan")},
        {"timeframe_end": "soon"},
        {"room_name": "a/b"},
    ):
        with pytest.raises(DailyConfigError):
            helper.list_meetings(**options)
    with pytest.raises(DailyConfigError):
        await helper.get_meeting("")
    assert local_daily.requests == []


@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("pause", [0, 1])
async def test_the_participants_of_a_meeting_in_any_order(order, pause):
    async with LocalDaily(choices=Choices(meeting_participants=order)) as daily:
        daily.state.rooms.create("demo", "public", {"max_participants": 300})
        people = []
        for _ in range(205):
            people.append(daily.join("demo").id)
            daily.advance(pause)
        daily.advance(20)
        meeting = daily.rooms["demo"].meeting_id
        async with helper_of(daily) as helper:
            found = [each async for each in helper.list_meeting_participants(meeting)]
            assert len(found) == 205
            assert {each.participant_id for each in found} == set(people)
            with pytest.raises(DailyNotFoundError):
                [each async for each in helper.list_meeting_participants("none")]


async def test_meetings_are_read_leniently(helper, local_daily):
    entry = {"id": "m", "room": None, "start_time": "now", "participants": None, "mood": 1}
    for body in ({"data": [entry]}, {"data": []}):
        local_daily.fail("GET", "/meetings", body=body)
    [meeting] = [each async for each in helper.list_meetings()]
    assert (meeting.room, meeting.start_time, meeting.participants) == ("", "now", [])
    assert meeting.mood == 1
    local_daily.fail("GET", "/meetings", body={"data": [{"room": "x"}]}, times=None)
    with pytest.raises(DailyResponseError):
        await ids(helper.list_meetings())


# -- The domain ------------------------------------------------------------------------------


async def test_the_domain(helper, local_daily):
    domain = await helper.get_domain()
    assert (domain.domain_name, domain.domain_id) == ("local", local_daily.state.domain.id)
    assert domain.config["lang"] == "en"
    assert domain.config["geo"] is None
    domain = await helper.set_domain({"lang": "fr", "geo": "us-west-2"})
    assert (domain.config["lang"], domain.config["geo"], domain.domain_id) == (
        "fr",
        "us-west-2",
        "",
    )
    local_daily.fail("POST", "/", drop="after")
    domain = await helper.set_domain({"lang": None})
    assert (domain.config["lang"], domain.config["geo"]) == ("en", "us-west-2")
    with pytest.raises(DailyConfigError, match="Nothing to change"):
        await helper.set_domain({})
    with pytest.raises(DailyInvalidRequestError, match="unknown property 'language'"):
        await helper.set_domain({"language": "fr"})
    assert await helper.domain_id() == local_daily.state.domain.id


# -- Tokens ----------------------------------------------------------------------------------


async def test_a_token_is_validated(helper, local_daily):
    now = int(local_daily.state.clock.now())
    properties = DailyMeetingTokenProperties(
        room_name="demo",
        is_owner=True,
        user_name="Ana",
        nbf=now + 60,
        exp=now + 600,
        permissions={"canSend": ["audio"], "hasPresence": False},
    )
    token = await helper.create_token(properties)
    with pytest.raises(DailyInvalidRequestError) as caught:
        await helper.validate_token(token)
    assert token not in str(caught.value)
    assert token not in caught.value.path
    read = await helper.validate_token(token, ignore_nbf=True)
    assert type(read) is DailyMeetingTokenProperties
    assert read == properties.model_copy(update={"exp": None, "nbf": None})
    local_daily.advance(minutes=20)
    with pytest.raises(DailyInvalidRequestError, match="Unable to validate the meeting token"):
        await helper.validate_token(token, ignore_nbf=True)


async def test_a_token_with_unknown_properties(helper, local_daily):
    token = await helper.create_token(DailyMeetingTokenProperties(room_name="demo"))
    body = {"room_name": "demo", "is_owner": None, "enable_recording": "hologram", "new": 1}
    local_daily.fail("GET", "/meeting-tokens/*", body=body)
    read = await helper.validate_token(token)
    assert (read.room_name, read.is_owner, read.enable_recording) == ("demo", None, "hologram")
    assert read.new == 1
    local_daily.fail("GET", "/meeting-tokens/*", body=[], times=None)
    with pytest.raises(DailyResponseError):
        await helper.validate_token(token)


async def test_an_invalid_token_is_not_sent(helper, local_daily):
    for value in ("", "..", None):
        with pytest.raises(DailyConfigError):
            await helper.validate_token(value)
    assert local_daily.requests == []
    with pytest.raises(DailyInvalidRequestError):
        await helper.validate_token("../rooms")
    assert len(local_daily.requests) == 1
