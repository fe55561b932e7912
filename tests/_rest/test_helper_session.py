# SPDX-License-Identifier: BSD-2-Clause
"""The helper's methods for the calls in the rooms."""

import pytest

from pipecat_daily_rest import (
    DailyConfigError,
    DailyConnectionError,
    DailyInvalidRequestError,
    DailyMeetingTokenProperties,
    DailyNotFoundError,
    DailyResponseError,
)
from pipecat_daily_rest.answers import DailyPresence
from pipecat_daily_rest.local.call.room import JoinRefused


@pytest.fixture
async def helper(local_daily, helper):
    local_daily.state.rooms.create("demo", "public", {})
    return helper


async def join(daily, helper, **properties):
    token = await helper.create_token(DailyMeetingTokenProperties(room_name="demo", **properties))
    return daily.join("demo", token)


def sent(daily, path):
    return [request for request in daily.requests if request.path.startswith(path)]


# -- Presence --------------------------------------------------------------------------------


async def test_who_is_in_a_room(helper, local_daily):
    nobody = await helper.room_presence("demo")
    assert (nobody.total_count, nobody.data) == (0, [])
    ana = await join(local_daily, helper, user_id="a-1", user_name="Ana")
    local_daily.advance(minutes=2)
    bo = local_daily.join("demo")
    present = await helper.room_presence("demo")
    assert present.total_count == 2
    first, second = present.data
    assert isinstance(first, DailyPresence)
    assert (first.room, first.id, first.userId, first.userName) == ("demo", ana.id, "a-1", "Ana")
    assert (second.id, second.userId, second.userName) == (bo.id, None, None)
    assert first.mtgSessionId == local_daily.rooms["demo"].meeting_id
    assert 120 <= first.duration < 150
    assert first.joinTime.endswith(".000Z")
    for options, ids in (
        ({"user_id": "a-1"}, [ana.id]),
        ({"user_name": "Ana"}, [ana.id]),
        ({"user_name": "?&#"}, []),
        ({"limit": 1}, [ana.id]),
    ):
        present = await helper.room_presence("demo", **options)
        assert [each.id for each in present.data] == ids, options
    assert present.total_count == 2
    everywhere = await helper.presence()
    assert [each.id for each in everywhere["demo"]] == [ana.id, bo.id]
    with pytest.raises(DailyNotFoundError):
        await helper.room_presence("none")
    with pytest.raises(DailyConfigError):
        await helper.room_presence("demo", limit=0)


@pytest.mark.parametrize("body", [{"total_count": 0}, [], None, {"data": None}, {"data": {}}])
async def test_an_unusable_presence_does_not_mean_an_empty_room(helper, local_daily, body):
    local_daily.fail("GET", "/rooms/demo/presence", body=body, times=None)
    with pytest.raises(DailyResponseError, match="Unable to get the presence of room 'demo'"):
        await helper.room_presence("demo")


async def test_unknown_values_are_kept(helper, local_daily):
    entry = {"id": "s", "userId": 7, "duration": "long", "joinTime": None, "mood": "fine"}
    local_daily.fail("GET", "/rooms/demo/presence", body={"data": [entry], "total_count": "?"})
    present = await helper.room_presence("demo")
    [somebody] = present.data
    assert (somebody.id, somebody.userId, somebody.duration) == ("s", 7, "long")
    assert (somebody.joinTime, somebody.mood, present.total_count) == ("", "fine", "?")
    local_daily.fail("GET", "/presence", body={"demo": [entry], "empty": []})
    everywhere = await helper.presence()
    assert [each.userId for each in everywhere.pop("demo")] == [7]
    assert everywhere == {}


# -- Eject -----------------------------------------------------------------------------------


async def test_people_are_ejected(helper, local_daily):
    ana = await join(local_daily, helper, user_id="a")
    bo = local_daily.join("demo")
    local_daily.join("demo")
    assert await helper.eject("demo", ids=["nobody"]) == []
    assert set(await helper.eject("demo", ids=[bo.id, "x"], user_ids=["a"])) == {ana.id, bo.id}
    assert (ana.left_reason, bo.left_reason) == ("ejected", "ejected")
    await join(local_daily, helper, user_id="a")
    assert len(await helper.eject("demo", user_ids="a", ban=True)) == 1
    with pytest.raises(JoinRefused):
        await join(local_daily, helper, user_id="a")
    assert sent(local_daily, "/rooms/demo/eject")[-1].body == {"user_ids": ["a"], "ban": True}


async def test_wrong_ejections_are_not_sent(helper, local_daily):
    for options, words in (
        ({}, "Nobody to eject"),
        ({"ids": [], "user_ids": []}, "Nobody to eject"),
        ({"ids": ["x"] * 101}, "ids has 101 entries; 100 are allowed"),
        ({"user_ids": ["x"] * 101}, "user_ids has 101 entries"),
        ({"ids": ["x"], "ban": True}, "ban needs user_ids"),
    ):
        with pytest.raises(DailyConfigError, match=words):
            await helper.eject("demo", **options)
    assert sent(local_daily, "/rooms/demo/eject") == []


async def test_an_eject_is_sent_once(helper, local_daily):
    ana = local_daily.join("demo")
    local_daily.join("demo")
    local_daily.fail("POST", "/rooms/demo/eject", drop="after")
    with pytest.raises(DailyConnectionError, match="Whether it took effect is unknown"):
        await helper.eject("demo", ids=[ana.id])
    assert len(sent(local_daily, "/rooms/demo/eject")) == 1
    local_daily.fail("POST", "/rooms/demo/eject", status=429)
    assert await helper.eject("demo", ids=["x"]) == []
    local_daily.fail("POST", "/rooms/demo/eject", body={"ejectedIds": None})
    with pytest.raises(DailyResponseError, match="no ejectedIds"):
        await helper.eject("demo", ids=["x"])


# -- Messages --------------------------------------------------------------------------------


async def test_a_message_arrives(helper, local_daily):
    ana, bo = local_daily.join("demo"), local_daily.join("demo")
    await helper.send_app_message("demo", {"text": "hello, ä"})
    await helper.send_app_message("demo", {"text": "you"}, recipient=bo.id)
    assert ana.received == [{"text": "hello, ä"}]
    assert bo.received == [{"text": "hello, ä"}, {"text": "you"}]


async def test_the_longest_message(helper, local_daily):
    ana = local_daily.join("demo")
    for longest in ("x" * 4085, "ä" * 2042):
        await helper.send_app_message("demo", {"text": longest})
        with pytest.raises(DailyConfigError, match="4096 are allowed"):
            await helper.send_app_message("demo", {"text": longest + longest[0]})
    assert len(ana.received) == 2


async def test_wrong_messages_are_not_sent(helper, local_daily):
    local_daily.join("demo")
    for data in ("text", [1], None, {"a": object()}, {"a": float("nan")}):
        with pytest.raises(DailyConfigError, match="data must be"):
            await helper.send_app_message("demo", data)
    assert sent(local_daily, "/rooms/demo/send") == []
    local_daily.fail("POST", "/rooms/demo/send-app-message", drop="after")
    with pytest.raises(DailyConnectionError, match="Whether it took effect is unknown"):
        await helper.send_app_message("demo", {"a": 1})
    assert len(sent(local_daily, "/rooms/demo/send")) == 1


# -- Session data ----------------------------------------------------------------------------


async def test_session_data(helper, local_daily):
    with pytest.raises(DailyNotFoundError):
        await helper.set_session_data("demo", {"a": 1})
    guest = local_daily.join("demo")
    assert await helper.get_session_data("demo") == {}
    await helper.set_session_data("demo", {"a": {"b": 1}, "c": 2})
    assert await helper.get_session_data("demo") == {"a": {"b": 1}, "c": 2}
    await helper.set_session_data(
        "demo", {"d": None}, merge_strategy="shallow-merge", keys_to_delete=["c"]
    )
    assert await helper.get_session_data("demo") == {"a": {"b": 1}, "d": None}
    local_daily.fail("POST", "/rooms/demo/set-session-data", drop="after")
    await helper.set_session_data("demo", {"e": 3})
    assert await helper.get_session_data("demo") == {"e": 3}
    await helper.set_session_data("demo")
    assert await helper.get_session_data("demo") == {}
    await helper.set_session_data("demo", {"f": 4})
    guest.leave()
    local_daily.join("demo")
    assert await helper.get_session_data("demo") == {}


async def test_wrong_session_data_is_not_sent_and_not_accepted(helper, local_daily):
    local_daily.join("demo")
    with pytest.raises(DailyConfigError, match="shallow-merge"):
        await helper.set_session_data("demo", {}, keys_to_delete=["a"])
    with pytest.raises(DailyConfigError, match="data must be"):
        await helper.set_session_data("demo", [1])
    assert sent(local_daily, "/rooms/demo/set") == []
    local_daily.fail("GET", "/rooms/demo/get-session-data", body=[], times=None)
    with pytest.raises(DailyResponseError, match="no data in it"):
        await helper.get_session_data("demo")
    local_daily.faults.clear()
    local_daily.fail("GET", "/rooms/demo/get-session-data", body={"data": None})
    assert await helper.get_session_data("demo") == {}


# -- Permissions -----------------------------------------------------------------------------


async def test_permissions(helper, local_daily):
    ana, bo = local_daily.join("demo"), local_daily.join("demo")
    local_daily.fail("POST", "/rooms/demo/update-permissions", drop="after")
    await helper.update_permissions(
        "demo", {ana.id: {"canAdmin": ["participants"]}, "*": {"canSend": False}}
    )
    assert ana.participant.permissions["canAdmin"] == ["participants"]
    assert ana.participant.permissions["canSend"] is True
    assert bo.participant.permissions["canSend"] is False
    assert (await ana.event("participant-updated"))["participant"]["id"] in (ana.id, bo.id)
    with pytest.raises(DailyConfigError, match="No permissions"):
        await helper.update_permissions("demo", {})
    with pytest.raises(DailyConfigError, match="permissions must be"):
        await helper.update_permissions("demo", ["*"])
    with pytest.raises(DailyInvalidRequestError, match="canSend"):
        await helper.update_permissions("demo", {"*": {"canSend": "audio"}})
    with pytest.raises(DailyNotFoundError):
        await helper.update_permissions("none", {"*": {}})
