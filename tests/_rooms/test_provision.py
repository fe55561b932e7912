# SPDX-License-Identifier: BSD-2-Clause
import asyncio
import time
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from pipecat_daily_rest import (
    DailyMeetingTokenProperties,
    DailyRESTHelper,
    DailyRoomParams,
    DailyRoomProperties,
    DailyRoomSipParams,
    owned_rooms,
    provisioned_room,
)
from pipecat_daily_rest._core import room_names as names
from pipecat_daily_rest.errors import (
    DailyAuthenticationError,
    DailyConfigError,
    DailyInvalidRequestError,
    DailyNotFoundError,
    DailyRoomExistsError,
)
from tokens import claims


def created(daily):
    return next(r.body for r in daily.requests if (r.method, r.path) == ("POST", "/rooms"))


async def test_a_private_room_with_two_tokens_and_no_room_after_it(daily):
    before = time.time()
    async with provisioned_room() as room:
        assert daily.rooms[room.name].privacy == "private"
        body = created(daily)
        assert body["name"] == room.name
        assert body["properties"]["eject_at_room_exp"] is True
        assert 3599 <= body["properties"]["exp"] - before <= 3700
        assert room.expires_at == datetime.fromtimestamp(body["properties"]["exp"], UTC)
        assert room.owned
        assert room.url == room.room.url == f"{daily.url}/{room.name}"
        assert room.join_url == f"{room.url}?t={room.user_token}"
        assert room.sip_endpoint == ""
        assert [owned.name for owned in owned_rooms()] == [room.name]

        bot, user = claims(daily, room.bot_token), claims(daily, room.user_token)
        assert (bot["o"], user["o"]) == (True, False)
        for token in (bot, user):
            assert token["r"] == room.name
            assert token["d"] == daily.state.domain.id
            assert before < token["exp"] <= body["properties"]["exp"]
            assert "ejt" not in token
        assert room.bot_token != room.user_token
        url, token = room
        assert (url, token) == (room.url, room.bot_token)

        # The room lets both in, and nobody without a token.
        assert daily.join(room.name, room.bot_token).participant.is_owner
        assert not daily.join(room.name, room.user_token).participant.is_owner
    assert daily.rooms == {}
    assert owned_rooms() == ()
    sent = [(r.method, r.path) for r in daily.requests]
    assert sent.count(("DELETE", f"/rooms/{room.name}")) == 1


async def test_a_room_unpacks_into_its_url_and_the_bots_token(daily):
    async with provisioned_room() as (room_url, token):
        assert claims(daily, token)["r"] == room_url.rpartition("/")[2]


async def test_pipecats_runner_arguments(daily):
    async with provisioned_room() as room:
        arguments = room.runner_args({"a": 1}, session_id="s")
        assert (arguments.room_url, arguments.token) == (room.url, room.bot_token)
        assert (arguments.body, arguments.session_id) == ({"a": 1}, "s")
        assert room.runner_args().body == {}
        shown = repr(arguments) + repr(room)
        assert room.bot_token not in shown
        assert room.user_token not in shown


async def test_the_block_may_raise(daily):
    with pytest.raises(ZeroDivisionError):
        async with provisioned_room():
            raise ZeroDivisionError
    assert daily.rooms == {}


async def test_arguments_are_not_changed(daily):
    params = DailyRoomParams(properties=DailyRoomProperties(enable_chat=True))
    bot = DailyMeetingTokenProperties(user_name="Bot")
    user = DailyMeetingTokenProperties(eject_after_elapsed=5)
    before = [model.model_copy(deep=True) for model in (params, bot, user)]
    async with provisioned_room(params, bot=bot, user=user) as room:
        assert claims(daily, room.bot_token)["u"] == "Bot"
        assert daily.rooms[room.name].config["enable_chat"] is True
    assert [params, bot, user] == before


async def test_parameters_that_were_set_are_sent(daily):
    exp = time.time() + 120.5
    params = DailyRoomParams(
        name="mine",
        privacy="public",
        properties=DailyRoomProperties(exp=exp, eject_at_room_exp=False),
    )
    async with provisioned_room(params) as room:
        assert room.name == "mine"
        assert daily.rooms["mine"].privacy == "public"
        assert daily.rooms["mine"].config["exp"] == exp
        assert daily.rooms["mine"].config["eject_at_room_exp"] is True  # the backstop stays
        assert claims(daily, room.user_token)["exp"] == int(exp)
    assert daily.rooms == {}


@pytest.mark.parametrize("name", [None, ""])
async def test_a_name_that_is_not_set_is_made_up(daily, name):
    async with provisioned_room(DailyRoomParams(name=name)) as room:
        assert names.is_ours(room.name, "pipecat")
        assert room.name in daily.rooms
    assert daily.rooms == {}


@pytest.mark.parametrize("lifetime", [90, timedelta(seconds=90)])
async def test_lifetime(daily, lifetime):
    async with provisioned_room(lifetime=lifetime) as room:
        left = room.expires_at - datetime.now(UTC)
        assert timedelta(seconds=30) < left <= timedelta(seconds=90)
        daily.advance(91)
        assert daily.rooms == {}
    assert owned_rooms() == ()


@pytest.mark.parametrize("token_source", ["local", "api"])
async def test_tokens_expire_with_the_room_and_keep_its_eject_rule(daily, token_source):
    user = DailyMeetingTokenProperties(eject_after_elapsed=60, exp=int(time.time()) + 10**6)
    async with provisioned_room(user=user, token_source=token_source) as room:
        rights = claims(daily, room.user_token)
        assert rights["exp"] == int(room.expires_at.timestamp())
        assert rights["eje"] == 60
        assert rights["ejt"] is True
        made = [r for r in daily.requests if r.path == "/meeting-tokens"]
        assert len(made) == (2 if token_source == "api" else 0)


async def test_a_property_without_a_published_claim_sends_that_token_over_rest(daily):
    user = DailyMeetingTokenProperties(enable_prejoin_ui=True)
    async with provisioned_room(user=user) as room:
        made = [r.body["properties"] for r in daily.requests if r.path == "/meeting-tokens"]
        assert len(made) == 1
        assert made[0]["enable_prejoin_ui"] is True
        assert made[0]["is_owner"] is False
        assert daily.join(room.name, room.user_token).id
        assert daily.join(room.name, room.bot_token).participant.is_owner


async def test_the_domain_id_is_fetched_once_per_url_and_key(daily):
    for _ in range(3):
        async with provisioned_room():
            pass
    assert [r.path for r in daily.requests].count("/") == 1


async def test_the_two_tokens_are_never_the_same(daily):
    bot = DailyMeetingTokenProperties(is_owner=False)
    async with provisioned_room(bot=bot) as room:
        assert room.bot_token != room.user_token


async def test_create_token(daily):
    async with provisioned_room() as room:
        plain = await room.create_token()
        named = await room.create_token(DailyMeetingTokenProperties(user_name="Eve"), owner=True)
        assert claims(daily, plain)["o"] is False
        assert claims(daily, named)["o"] is True
        assert claims(daily, named)["u"] == "Eve"
        assert claims(daily, plain)["exp"] <= room.expires_at.timestamp()
        with pytest.raises(DailyConfigError, match="this room's name"):
            await room.create_token(DailyMeetingTokenProperties(room_name="other"))


async def test_sip(daily):
    params = DailyRoomParams(
        properties=DailyRoomProperties(sip=DailyRoomSipParams(display_name="+1555"))
    )
    async with provisioned_room(params) as room:
        assert room.sip_endpoint.startswith("sip:")
        assert room.sip_endpoint.count("sip:") == 1
        assert room.sip_endpoint == f"sip:{daily.rooms[room.name].config['sip_uri']['endpoint']}"


async def test_a_kept_room_stays(daily):
    async with provisioned_room() as room:
        room.keep()
        assert owned_rooms() == ()
    assert list(daily.rooms) == [room.name]


async def test_a_given_room_is_used_and_never_deleted(daily, monkeypatch):
    async with DailyRESTHelper.from_env() as helper:
        exp = time.time() + 50
        await helper.create_room(
            DailyRoomParams(name="given", properties=DailyRoomProperties(exp=exp))
        )
        await helper.create_room(DailyRoomParams(name="eternal"))
    async with provisioned_room(room_url=f"{daily.url}/given/?t=x") as room:
        assert (room.name, room.owned) == ("given", False)
        assert claims(daily, room.user_token)["exp"] <= exp
        room.keep()
    monkeypatch.setenv("DAILY_ROOM_URL", f"{daily.url}/eternal")
    async with provisioned_room(lifetime=100) as room:
        assert (room.name, room.owned, room.expires_at) == ("eternal", False, None)
        assert claims(daily, room.bot_token)["exp"] <= time.time() + 100
    async with provisioned_room(DailyRoomParams()) as room:  # params make a room of their own
        assert room.owned
    assert set(daily.rooms) == {"given", "eternal"}
    daily.advance(60)
    with pytest.raises(DailyNotFoundError, match="that was given") as caught:
        async with provisioned_room(room_url=f"{daily.url}/given"):
            pass
    assert caught.value.status == 404


async def test_a_name_that_is_taken_is_an_error_and_nothing_is_deleted(daily):
    async with DailyRESTHelper.from_env() as helper:
        await helper.create_room(DailyRoomParams(name="theirs"))
    with pytest.raises(DailyRoomExistsError, match="theirs"):
        async with provisioned_room(DailyRoomParams(name="theirs")):
            pass
    assert list(daily.rooms) == ["theirs"]
    assert not [r for r in daily.requests if r.method == "DELETE"]
    assert owned_rooms() == ()


async def test_a_wrong_key(daily):
    with pytest.raises(DailyAuthenticationError, match="DAILY_API_KEY"):
        async with provisioned_room(api_key="wrong"):
            pass
    assert owned_rooms() == ()


async def test_a_room_that_daily_refuses(daily):
    params = DailyRoomParams(properties=DailyRoomProperties(no_such_property=1))
    with pytest.raises(DailyInvalidRequestError, match="no_such_property"):
        async with provisioned_room(params):
            pass
    assert daily.rooms == {}
    assert owned_rooms() == ()


async def test_a_refused_token_leaves_no_room(daily):
    user = DailyMeetingTokenProperties(no_such_property=1)
    with pytest.raises(DailyInvalidRequestError, match="meeting token"):
        async with provisioned_room(user=user):
            pass
    assert daily.rooms == {}
    assert created(daily)
    assert owned_rooms() == ()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"params": DailyRoomParams(), "room_url": "https://x.daily.co/a"}, "one of them"),
        (
            {
                "params": DailyRoomParams(properties=DailyRoomProperties(exp=time.time() + 9999)),
                "lifetime": 60,
            },
            "lifetime and params",
        ),
        ({"user": DailyMeetingTokenProperties(is_owner=True)}, "never has owner rights"),
        ({"bot": DailyMeetingTokenProperties(room_name="other")}, "this room's name"),
        ({"bot": DailyMeetingTokenProperties(exp=5)}, "in the past"),
        (
            {"params": DailyRoomParams(properties=DailyRoomProperties(nbf=time.time() + 1e6))},
            r"properties: nbf .* before exp",
        ),
        (
            {"bot": DailyMeetingTokenProperties(nbf=int(time.time() + 1e6))},
            r"token: nbf .* before exp",
        ),
        (
            {
                "user": DailyMeetingTokenProperties(nbf=int(time.time() + 1e6)),
                "token_source": "api",
            },
            r"token: nbf .* before exp",
        ),
        ({"lifetime": 0}, "lifetime"),
        ({"lifetime": "1h"}, "lifetime"),
        ({"name_prefix": "a b"}, "name_prefix"),
        ({"token_source": "magic"}, "token_source"),
        ({"room_url": "room"}, "room's URL"),
        ({"api_url": "localhost"}, "DAILY_API_URL"),
        ({"daily": object(), "api_key": "k"}, "leave out api_key"),
        ({"daily": 5}, r"daily must be a pipecat_daily_rest\.DailyRESTHelper, not int"),
    ],
)
async def test_arguments_that_do_not_fit(daily, arguments, says):
    with pytest.raises(DailyConfigError, match=says):
        async with provisioned_room(**arguments):
            pass
    assert daily.requests == []
    assert owned_rooms() == ()


async def test_without_a_key():
    with pytest.raises(DailyConfigError, match="DAILY_API_KEY"):
        async with provisioned_room():
            pass


async def test_a_borrowed_helper_or_aiohttp_session_stays_open(daily):
    async with DailyRESTHelper.from_env() as helper, provisioned_room(daily=helper) as room:
        assert room.name in daily.rooms
    async with aiohttp.ClientSession() as session:
        async with provisioned_room(aiohttp_session=session):
            pass
        assert not session.closed


async def test_the_room_is_deleted_although_the_borrowed_session_is_closed(daily):
    session = aiohttp.ClientSession()
    async with provisioned_room(aiohttp_session=session):
        await session.close()
    assert daily.rooms == {}


async def test_many_at_once(daily):
    async def one():
        async with provisioned_room() as room:
            await asyncio.sleep(0)
            return room.name

    names = await asyncio.gather(*(one() for _ in range(20)))
    assert len(set(names)) == 20
    assert daily.rooms == {}
