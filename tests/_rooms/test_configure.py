# SPDX-License-Identifier: BSD-2-Clause
"""A program that calls Pipecat's configure() moves over by changing the import."""

import asyncio
import inspect
import time

import aiohttp
import pytest
from loguru import logger
from pipecat.runner import daily as theirs
from pipecat.transports.daily import utils as their_models

from pipecat_daily_rest import (
    DailyMeetingTokenProperties,
    DailyRESTHelper,
    DailyRoomParams,
    DailyRoomProperties,
    DailyRoomSipParams,
    configure,
    drain_on_exit,
    owned_rooms,
)
from pipecat_daily_rest._core import room_names
from pipecat_daily_rest.errors import (
    DailyAuthenticationError,
    DailyConfigError,
    DailyInvalidRequestError,
    DailyNotFoundError,
)
from tokens import claims


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture(autouse=True)
async def _drained(daily):
    async with drain_on_exit():
        yield
    assert owned_rooms() == ()
    assert set(daily.rooms) <= {"standing"}


@pytest.fixture
def logged():
    lines = []
    sink = logger.add(lambda line: lines.append(str(line)), level="TRACE")
    yield lines
    logger.remove(sink)


def only_room(daily):
    [room] = daily.rooms.values()
    return room


def test_the_signature_is_pipecats():
    def shape(function):
        parameters = inspect.signature(function).parameters.values()
        return [(each.name, each.kind, each.default) for each in parameters]

    assert shape(configure) == shape(theirs.configure)


async def test_it_makes_a_private_room_with_an_expiry_that_a_drain_deletes(daily, session):
    before = time.time()
    async with drain_on_exit():
        config = await configure(session)
        assert type(config) is theirs.DailyRoomConfig
        room = only_room(daily)
        room_url, token = config
        assert room_url == config.room_url == f"{daily.url}/{room.name}"
        assert config.sip_endpoint is None
        assert room_names.is_ours(room.name, "pipecat")  # a sweep finds it
        assert room.privacy == "private"
        assert room.config["eject_at_room_exp"] is True
        assert 7199 <= room.config["exp"] - before <= 7300
        rights = claims(daily, token)
        assert (rights["r"], rights["o"]) == (room.name, True)
        assert before + 7100 < rights["exp"] <= room.config["exp"]
        assert daily.join(room.name, token).participant.is_owner
        assert [owned.name for owned in owned_rooms()] == [room.name]
    assert daily.rooms == {}
    assert owned_rooms() == ()
    assert not session.closed


async def test_a_drain_deletes_after_the_aiohttp_session_is_closed(daily):
    async with drain_on_exit():
        async with aiohttp.ClientSession() as session:
            await configure(session)
        assert len(daily.rooms) == 1
    assert daily.rooms == {}


async def test_the_token_is_not_shown(daily, session):
    config = await configure(session)
    assert config.token.startswith("eyJ")
    assert config.token not in repr(config) + str(config)
    assert config.model_dump()["token"] == config.token


async def test_durations_are_in_hours(daily, session):
    before = time.time()
    config = await configure(session, room_exp_duration=0.5, token_exp_duration=0.25)
    assert 1799 <= only_room(daily).config["exp"] - before <= 1900
    assert 898 <= claims(daily, config.token)["exp"] - before <= 1000
    longer = await configure(session, room_exp_duration=0.5, token_exp_duration=9)
    assert claims(daily, longer.token)["exp"] <= before + 1900  # not longer than its room


async def test_sip_arguments_become_sip_properties(daily, session):
    config = await configure(
        session,
        sip_caller_phone="+15551234",
        sip_enable_video=True,
        sip_num_endpoints=2,
        sip_codecs={"audio": ["OPUS"]},
        sip_provider="daily",
        enable_dialout=True,
        room_geo="eu-central-1",
    )
    room = only_room(daily)
    assert config.sip_endpoint == f"sip:{room.config['sip_uri']['endpoint']}"
    sip = room.config["sip"]
    assert (sip["display_name"], sip["video"], sip["num_endpoints"]) == ("+15551234", True, 2)
    assert (sip["codecs"], sip["provider"]) == ({"audio": ["OPUS"]}, "daily")
    assert room.config["enable_dialout"] is True
    assert room.config["geo"] == "eu-central-1"
    assert not room.config.get("start_video_off")
    await configure(session, sip_caller_phone="1")
    silent = next(each for each in daily.rooms.values() if each is not room)
    assert silent.config["start_video_off"] is True


@pytest.mark.parametrize("models", [their_models, None])
async def test_room_properties_of_this_package_or_pipecats(daily, session, logged, models):
    room_model = models.DailyRoomProperties if models else DailyRoomProperties
    token_model = models.DailyMeetingTokenProperties if models else DailyMeetingTokenProperties
    sip_model = models.DailyRoomSipParams if models else DailyRoomSipParams
    properties = room_model(
        enable_chat=True, max_participants=2, sip=sip_model(display_name="x"), lang="de"
    )
    rights = token_model(user_name="Bot", exp=5, is_owner=False, room_name="elsewhere")
    before = [each.model_copy(deep=True) for each in (properties, rights)]
    begun = time.time()
    config = await configure(session, room_properties=properties, token_properties=rights)
    assert [properties, rights] == before
    room = only_room(daily)
    assert room.config["enable_chat"] is True
    assert room.config["max_participants"] == 2
    assert room.config["lang"] == "de"
    assert config.sip_endpoint.startswith("sip:")
    # Pipecat's would never expire.
    assert 3599 <= room.config["exp"] - begun <= 3700
    assert room.config["eject_at_room_exp"] is True
    assert "overridden" not in "".join(logged)  # a default is not the caller's wish
    token = claims(daily, config.token)
    assert (token["u"], token["o"], token["r"]) == ("Bot", True, room.name)
    assert begun < token["exp"] <= room.config["exp"]


async def test_a_token_with_an_eject_rule_keeps_the_rooms_eject_rule(daily, session):
    config = await configure(
        session, token_properties=DailyMeetingTokenProperties(eject_after_elapsed=60)
    )
    token = claims(daily, config.token)
    assert (token["eje"], token["ejt"]) == (60, True)


async def test_the_callers_exp_is_kept(daily, session, logged):
    exp = time.time() + 500.5
    await configure(session, room_properties=DailyRoomProperties(exp=exp), room_exp_duration=3)
    assert only_room(daily).config["exp"] == exp
    assert sum("the other arguments for the room are ignored" in line for line in logged) == 1


async def test_the_room_of_daily_room_url_is_used_and_not_deleted(daily, session, monkeypatch):
    async with DailyRESTHelper.from_env() as helper:
        await helper.create_room(DailyRoomParams(name="standing"))
    url = f"{daily.url}/standing?from=env"
    monkeypatch.setenv("DAILY_ROOM_URL", url)
    async with drain_on_exit():
        config = await configure(session)
        assert (config.room_url, config.sip_endpoint) == (url, None)
        assert claims(daily, config.token)["r"] == "standing"
        assert 7100 < claims(daily, config.token)["exp"] - time.time() <= 7200
        assert owned_rooms() == ()
        # Not for SIP, as with Pipecat.
        sip = await configure(session, sip_caller_phone="1")
        assert sip.room_url != url
    assert list(daily.rooms) == ["standing"]
    monkeypatch.setenv("DAILY_ROOM_URL", f"{daily.url}/gone")
    with pytest.raises(DailyNotFoundError, match="gone"):
        await configure(session)


async def test_a_refused_token_leaves_no_room(daily, session):
    with pytest.raises(DailyInvalidRequestError, match="meeting token"):
        await configure(session, token_properties=DailyMeetingTokenProperties(no_such_thing=1))
    assert daily.rooms == {}
    assert [r.method for r in daily.requests if r.path.startswith("/rooms")] == ["POST", "DELETE"]
    assert owned_rooms() == ()


async def test_the_key(daily, session, monkeypatch):
    with pytest.raises(DailyAuthenticationError):
        await configure(session, api_key="wrong")
    monkeypatch.setenv("DAILY_API_KEY", "wrong")
    await configure(session, api_key=daily.api_key)
    monkeypatch.delenv("DAILY_API_KEY")
    with pytest.raises(DailyConfigError, match="DAILY_API_KEY"):
        await configure(session)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"room_exp_duration": 0}, "room_exp_duration"),
        ({"room_exp_duration": "2"}, "room_exp_duration"),
        ({"token_exp_duration": -1}, "token_exp_duration"),
        ({"sip_caller_phone": 5}, "sip_caller_phone must be a string, not int"),
        ({"sip_caller_phone": b"1"}, "sip_caller_phone must be a string, not bytes"),
        ({"sip_enable_video": "no"}, "sip_enable_video must be True or False"),
        ({"sip_num_endpoints": "2"}, "sip_num_endpoints must be a whole number"),
        ({"sip_num_endpoints": 0}, "sip_num_endpoints must be a whole number"),
        ({"enable_dialout": "no"}, "enable_dialout must be True or False"),
        ({"sip_caller_phone": "1", "sip_codecs": ["OPUS"]}, "sip_codecs must be lists"),
        ({"sip_caller_phone": "1", "sip_codecs": {"audio": 5}}, "sip_codecs must be lists"),
        ({"sip_provider": 5}, "sip_provider must be a string"),
        ({"room_geo": object()}, "room_geo must be a string"),
        ({"aiohttp_session": 5}, r"aiohttp_session must be an aiohttp\.ClientSession, not int"),
        ({"room_properties": {"exp": 1}}, "room_properties"),
        ({"room_properties": DailyRoomProperties(exp=5)}, "in the past"),
        ({"token_properties": their_models.DailyRoomProperties(exp=2.5)}, "token_properties"),
    ],
)
async def test_arguments_that_do_not_fit(daily, session, arguments, says):
    with pytest.raises(DailyConfigError, match=says):
        await configure(**{"aiohttp_session": session, **arguments})
    assert daily.requests == []


async def test_an_expired_room_is_released(daily, session):
    exp = time.time() + 0.2
    await configure(session, room_properties=DailyRoomProperties(exp=exp))
    while owned_rooms():  # noqa: ASYNC110 - nothing tells that a timer has fired
        await asyncio.sleep(0.01)
    assert time.time() >= exp
