# SPDX-License-Identifier: BSD-2-Clause
"""Arguments of a wrong type or value: a clear error, and nothing is sent."""

import sys

import aiohttp
import pytest
from pipecat.transports.daily import utils as pipecats

from pipecat_daily_rest import (
    DailyMeetingTokenParams,
    DailyMeetingTokenProperties,
    DailyRESTHelper,
    DailyRoomParams,
    DailyRoomProperties,
    drain_on_exit,
    provisioned_room,
)
from pipecat_daily_rest._core import daily_module
from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.runner import load_bot, run_bot

URL = "https://x.daily.co/demo"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda helper: helper.create_room(pipecats.DailyRoomParams()),
            r"params must be a pipecat_daily_rest\.DailyRoomParams, not pipecat\.transports\.daily",
        ),
        (lambda helper: helper.create_room({"name": "demo"}), "DailyRoomParams, not dict"),
        (
            lambda helper: helper.get_token(URL, params=pipecats.DailyMeetingTokenParams()),
            r"params must be a pipecat_daily_rest\.DailyMeetingTokenParams, not pipecat\.transports",
        ),
        (lambda helper: helper.get_token(URL, "60"), "expiry_time must be a number of seconds"),
        (lambda helper: helper.get_token(URL, float("nan")), "expiry_time must be a number"),
        (
            lambda helper: helper.create_token(DailyMeetingTokenParams()),
            r"properties must be a pipecat_daily_rest\.DailyMeetingTokenProperties",
        ),
        (
            lambda helper: helper.update_room("demo", DailyRoomParams()),
            r"properties must be a pipecat_daily_rest\.DailyRoomProperties",
        ),
        (lambda helper: helper.update_room("demo", privacy="secret"), "privacy must be one of"),
        (lambda helper: helper.update_room("demo", reset=None), "reset must be a list of strings"),
        (lambda helper: helper.update_room(URL, privacy="public"), r"get_name_from_url\(\)"),
        (lambda helper: helper.create_rooms(DailyRoomParams()), r"create_room\(\) creates one"),
        (lambda helper: helper.create_rooms(5), "params must be a list of DailyRoomParams"),
        (lambda helper: helper.create_rooms(["demo"]), "Room 0 of the list: .* not str"),
        (lambda helper: helper.delete_rooms(5), "room_names must be a list of strings"),
        (lambda helper: helper.delete_rooms([b"demo"]), "room_names must be a list of strings"),
        (lambda helper: helper.eject("demo", ids=[1]), "ids must be a list of strings"),
        (lambda helper: helper.eject("demo", ids={"a": 1}), "ids must be a list of strings"),
        (
            lambda helper: helper.eject("demo", user_ids=["a"], ban="no"),
            "ban must be True or False, not str",
        ),
        (lambda helper: helper.get_token(URL, owner="no"), "owner must be True or False"),
        (lambda helper: helper.room_presence("demo", user_name=5), "user_name must be a string"),
        (
            lambda helper: helper.list_available_numbers(city=5, region="CA"),
            "city must be a string",
        ),
        (lambda helper: helper.list_available_numbers(contains=123), "must be 3 to 7 digits"),
        (lambda helper: helper.room_presence("demo", limit="7"), "limit must be a whole number"),
        (
            lambda helper: helper.set_session_data("demo", merge_strategy="deep"),
            "merge_strategy must be one of replace, shallow-merge",
        ),
        (lambda helper: helper.set_domain("lang"), "properties must be an object"),
        (
            lambda helper: helper.start_dialout("demo", sip_uri="sip:a@b.c", codecs=["PCMU"]),
            "codecs must be an object",
        ),
        (
            lambda helper: helper.start_dialout("demo", sip_uri="sip:a@b.c", user_id=5),
            "user_id must be a string, not int",
        ),
        (
            lambda helper: helper.sip_call_transfer("demo", "id", "bob@example.com"),
            "or a SIP URI that begins with sip:",
        ),
        (
            lambda helper: helper.create_webhook(URL, basic_auth=5),
            "basic_auth must be a string, not int",
        ),
        (lambda helper: helper.request("GET", "/", deadline="5"), "deadline must be a number"),
    ],
)
async def test_a_wrong_argument_raises_and_sends_nothing(local_daily, call, message):
    async with DailyRESTHelper(
        daily_api_key=local_daily.api_key, daily_api_url=local_daily.api_url
    ) as helper:
        with pytest.raises(DailyConfigError, match=message):
            await call(helper)
    assert local_daily.requests == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"params": DailyRoomProperties()},
            r"params must be a pipecat_daily_rest\.DailyRoomParams",
        ),
        ({"bot": {"user_name": "Bot"}}, "bot must be a .*DailyMeetingTokenProperties, not dict"),
        ({"user": DailyMeetingTokenParams()}, "user must be a .*DailyMeetingTokenProperties"),
    ],
)
async def test_wrong_arguments_of_provisioned_room(local_daily, given, message):
    room = provisioned_room(**given, api_key=local_daily.api_key, api_url=local_daily.api_url)
    with pytest.raises(DailyConfigError, match=message):
        await room.__aenter__()
    assert local_daily.requests == []


@pytest.mark.parametrize("bound", ["x", -1, float("nan"), True, None])
async def test_a_wrong_bound(bound):
    with pytest.raises(DailyConfigError, match="bound must be a number of seconds"):
        async with drain_on_exit(bound):
            pass


async def test_a_wrong_owner(local_daily):
    async with provisioned_room(api_key=local_daily.api_key, api_url=local_daily.api_url) as room:
        with pytest.raises(DailyConfigError, match="owner must be True or False, not str"):
            await room.create_token(owner="no")


KEY = "k" * 40


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"retry": 5}, r"retry must be a pipecat_daily_rest\.RetryPolicy, not int"),
        ({"retry": {"attempts": 1}}, r"retry must be a pipecat_daily_rest\.RetryPolicy, not dict"),
        ({"pace": 5}, r"pace must be True, False or a pipecat_daily_rest\.RateLimits, not int"),
        ({"pace": None}, "pace must be True, False or .*, not NoneType"),
        ({"pace": (100, 5.0)}, "pace must be True, False or .*, not tuple"),
        ({"aiohttp_session": 5}, r"aiohttp_session must be an aiohttp\.ClientSession, not int"),
        (
            {"aiohttp_session": aiohttp.ClientSession},
            r"aiohttp_session must be an aiohttp\.ClientSession, not type",
        ),
        ({"daily_api_key": 5}, "characters that no key has"),
        ({"daily_api_key": [KEY]}, "characters that no key has"),
        ({"daily_api_url": ["https://x/v1"]}, "DAILY_API_URL"),
    ],
)
def test_wrong_arguments_of_the_helper(given, message):
    with pytest.raises(DailyConfigError, match=message) as caught:
        DailyRESTHelper(**{"daily_api_key": KEY, **given})
    assert KEY not in str(caught.value)


async def bot(runner_args):
    raise AssertionError


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"bot": None}, "bot must be a function, not NoneType"),
        ({"bot": "bot.py"}, "bot must be a function, not str"),
        ({"session_id": 5}, "session_id must be a string, not int"),
        ({"name_prefix": 5}, "name_prefix 5 makes no valid room name"),
        ({"open_browser": "no"}, "open_browser must be True or False, not str"),
        ({"local": "no"}, "local must be True or False, not str"),
        ({"local": True, "host": 5}, "host must be an address of this machine"),
        ({"local": True, "host": None}, "host must be an address of this machine"),
        ({"local": True, "port": "x"}, "port must be a whole number from 0 to 65535, not 'x'"),
        ({"local": True, "port": True}, "port must be a whole number from 0 to 65535"),
    ],
)
async def test_wrong_arguments_of_run_bot(local_daily, monkeypatch, given, message):
    for name, value in local_daily.env().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "path", [str(daily_module.FOLDER), *sys.path])
    with pytest.raises(DailyConfigError, match=message):
        await run_bot(**{"bot": bot, **given})
    assert local_daily.requests == []


async def test_a_bot_that_is_not_async_leaves_no_room(local_daily, monkeypatch, capsys):
    for name, value in local_daily.env().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "path", [str(daily_module.FOLDER), *sys.path])
    with pytest.raises(DailyConfigError, match=r"`async def bot\(runner_args\)`"):
        await run_bot(lambda runner_args: print(runner_args.room_url))
    assert [each.what for each in local_daily.state.log.entries] == ["created", "deleted"]
    assert "Talk to the bot" in capsys.readouterr().out


@pytest.mark.parametrize("path", [None, [], 1.5, {"a": 1}])
def test_the_bot_file_must_be_a_path(path):
    with pytest.raises(DailyConfigError, match="There is no file"):
        load_bot(path)


async def test_a_string_counts_as_a_list_of_one(local_daily):
    async with DailyRESTHelper(
        daily_api_key=local_daily.api_key, daily_api_url=local_daily.api_url
    ) as helper:
        for name in ("ab", "a", "b"):
            await helper.create_room(DailyRoomParams(name=name))
        assert await helper.delete_rooms("ab") == 1
        assert sorted(local_daily.rooms) == ["a", "b"]
        ana = local_daily.join("a")
        assert await helper.eject("a", ids=ana.id) == [ana.id]


async def test_a_room_is_looked_up_by_its_name_too(local_daily):
    async with DailyRESTHelper(
        daily_api_key=local_daily.api_key, daily_api_url=local_daily.api_url
    ) as helper:
        made = await helper.create_room(DailyRoomParams(name="demo"))
        assert await helper.get_room("demo") == made
        properties = DailyMeetingTokenProperties(room_name="demo")
        token = await helper.create_token(properties)
        assert (await helper.validate_token(token)).room_name == "demo"
        assert token not in repr(token)
