# SPDX-License-Identifier: BSD-2-Clause
"""A program that uses Pipecat's helper moves over by changing the import."""

import copy
import time

import aiohttp
import pytest
from pipecat.transports.daily import utils as theirs

import pipecat_daily_rest as ours
from pipecat_daily_rest.errors import (
    DailyAuthenticationError,
    DailyConfigError,
    DailyNotFoundError,
    DailyRoomExistsError,
)

EXP = time.time() + 7200.25

ROOMS = {
    "nothing": {},
    "all": {
        "name": "wire",
        "privacy": "private",
        "properties": {
            "exp": EXP,
            "enable_chat": True,
            "enable_prejoin_ui": True,
            "enable_emoji_reactions": True,
            "eject_at_room_exp": True,
            "enable_dialout": True,
            "enable_recording": "cloud",
            "enable_transcription_storage": True,
            "geo": "eu-central-1",
            "max_participants": 3,
            "recordings_bucket": {
                "bucket_name": "b",
                "bucket_region": "r",
                "assume_role_arn": "arn:aws:iam::1:role/x",
            },
            "transcription_bucket": {
                "bucket_name": "b",
                "bucket_region": "r",
                "assume_role_arn": "arn:aws:iam::1:role/x",
                "allow_api_access": True,
            },
            "start_video_off": True,
        },
    },
    "sip": {
        "properties": {
            "sip": {
                "display_name": "+15551234",
                "video": True,
                "num_endpoints": 2,
                "codecs": {"audio": ["OPUS"]},
                "provider": "daily",
            }
        }
    },
}
TOKENS = {
    "default": ((), {}),
    "positional": ((60, True, False), {}),
    "params": (
        (),
        {
            "params": {
                "user_name": "Ana",
                "user_id": "7",
                "nbf": 5,
                "enable_screenshare": False,
                "start_video_off": True,
                "start_audio_off": True,
                "permissions": {"canSend": ["audio"]},
                "eject_after_elapsed": 9,
            }
        },
    ),
}


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


def helper(module, daily, session):
    return module.DailyRESTHelper(
        daily_api_key=daily.api_key, daily_api_url=daily.api_url, aiohttp_session=session
    )


@pytest.mark.parametrize("room", ROOMS)
async def test_the_same_room_on_the_wire(local_daily, session, room):
    bodies = []
    for module in (theirs, ours):
        params = module.DailyRoomParams(**copy.deepcopy(ROOMS[room]))
        made = await helper(module, local_daily, session).create_room(params)
        assert isinstance(made, module.DailyRoomObject)
        await helper(module, local_daily, session).delete_room_by_url(made.url)
        bodies += [r.body for r in local_daily.requests if r.path == "/rooms"][-1:]
    assert bodies[0] == bodies[1]
    assert local_daily.rooms == {}


@pytest.mark.parametrize("token", TOKENS)
async def test_the_same_token_on_the_wire(local_daily, session, token):
    positional, keywords = TOKENS[token]
    bodies = []
    for module in (theirs, ours):
        given = dict(keywords)
        if "params" in given:
            properties = module.DailyMeetingTokenProperties(**given["params"])
            given["params"] = module.DailyMeetingTokenParams(properties=properties)
        made = await helper(module, local_daily, session).get_token(
            f"{local_daily.url}/wire", *positional, **given
        )
        assert local_daily.state.domain.read_token(made, ignore_nbf=True)["room_name"] == "wire"
        body = local_daily.requests[-1].body
        assert abs(body["properties"].pop("exp") - time.time() - (positional or (3600,))[0]) < 60
        bodies.append(body)
    assert bodies[0] == bodies[1]


async def test_the_callers_objects_are_not_changed(local_daily, session):
    mine = helper(ours, local_daily, session)
    params = ours.DailyMeetingTokenParams()
    before = params.model_copy(deep=True)
    await mine.get_token(f"{local_daily.url}/a", params=params)
    assert params == before


async def test_a_trailing_slash_on_the_api_url_does_no_harm(local_daily, session):
    mine = ours.DailyRESTHelper(
        daily_api_key=local_daily.api_key, daily_api_url=local_daily.api_url + "/"
    )
    async with mine:
        room = await mine.create_room(ours.DailyRoomParams())
        assert (await mine.get_room_from_url(room.url + "/?t=x")).name == room.name


async def test_deleting_a_room_that_is_gone_is_a_success_and_a_wrong_url_is_an_error(
    local_daily, session
):
    mine = helper(ours, local_daily, session)
    assert await mine.delete_room_by_url(f"{local_daily.url}/gone") is True
    assert await mine.delete_room_by_name("gone") is True
    sent = len(local_daily.requests)
    for url in ("gone", f"{local_daily.url}/a/../gone", f"{local_daily.url}/"):
        with pytest.raises(DailyConfigError):
            await mine.delete_room_by_url(url)
    with pytest.raises(DailyConfigError):
        await mine.delete_room_by_name("a/b")
    assert len(local_daily.requests) == sent


async def test_errors_keep_pipecats_wording_and_say_more(local_daily, session):
    mine = helper(ours, local_daily, session)
    with pytest.raises(DailyNotFoundError, match="Room not found: gone") as missing:
        await mine.get_room_from_url(f"{local_daily.url}/gone")
    assert (missing.value.status, missing.value.code) == (404, "not-found")
    assert (missing.value.method, missing.value.path) == ("GET", "/rooms/gone")

    await mine.create_room(ours.DailyRoomParams(name="taken"))
    with pytest.raises(DailyRoomExistsError, match=r"Unable to create room.*taken") as taken:
        await mine.create_room(ours.DailyRoomParams(name="taken"))
    assert taken.value.info == "a room named taken already exists"

    wrong = ours.DailyRESTHelper(daily_api_key="wrong", daily_api_url=local_daily.api_url)
    async with wrong:
        with pytest.raises(DailyAuthenticationError, match="DAILY_API_KEY") as refused:
            await wrong.create_room(ours.DailyRoomParams())
    assert refused.value.attempts == 1
    assert local_daily.api_key not in str(refused.value)


async def test_parameters_that_daily_would_refuse_are_not_sent(local_daily, session):
    mine = helper(ours, local_daily, session)
    for params in (
        ours.DailyRoomParams(name="a b"),
        ours.DailyRoomParams(properties=ours.DailyRoomProperties(exp=time.time() - 5)),
    ):
        with pytest.raises(DailyConfigError):
            await mine.create_room(params)
    with pytest.raises(DailyConfigError, match="room's URL"):
        await mine.get_token("")
    assert local_daily.requests == []


async def test_a_borrowed_session_stays_open_and_a_shared_one_is_closed_by_the_last(local_daily):
    async with aiohttp.ClientSession() as session:
        async with helper(ours, local_daily, session) as mine:
            await mine.warm()
        assert not session.closed

    first, second = helper(ours, local_daily, None), helper(ours, local_daily, None)
    await first.warm()
    await second.create_room(ours.DailyRoomParams(name="a"))
    shared = first.api._client()
    assert second.api._client() is shared
    await first.aclose()
    assert not shared.closed
    await second.aclose()
    assert shared.closed
    await second.delete_room_by_name("a")  # opens a new one
    await second.aclose()


async def test_a_thread_that_closes_its_connections_leaves_those_of_others(local_daily):
    async with helper(ours, local_daily, None) as mine:
        leases = mine.api._connections

        class Leaving:
            """Another thread's, which is given back while this thread looks for its own."""

            def loop(self):
                leases.remove(self)

        session = mine.api._client()
        leases.insert(0, Leaving())
        assert mine.api._client() is session
        assert len(leases) == 1
    assert session.closed


async def test_a_borrowed_session_that_raises_for_status_does_not_change_the_error(local_daily):
    async with (
        aiohttp.ClientSession(raise_for_status=True) as session,
        helper(ours, local_daily, session) as mine,
    ):
        with pytest.raises(DailyNotFoundError):
            await mine.request("GET", "/rooms/none")
        await mine.create_room(ours.DailyRoomParams(name="a"))
        with pytest.raises(DailyRoomExistsError):
            await mine.create_room(ours.DailyRoomParams(name="a"))


async def test_a_closed_borrowed_session_is_one_sentence(local_daily):
    async with aiohttp.ClientSession() as session:
        mine = helper(ours, local_daily, session)
    with pytest.raises(DailyConfigError, match="is closed"):
        await mine.create_room(ours.DailyRoomParams())


async def test_request_reaches_endpoints_without_a_method(local_daily):
    async with helper(ours, local_daily, None) as mine:
        await mine.create_room(ours.DailyRoomParams(name="a"))
        presence = await mine.request("get", "/rooms/a/presence")
        assert presence == {"total_count": 0, "data": []}
        rooms = await mine.request("GET", "/rooms", query={"limit": "1"})
        assert rooms["total_count"] == 1
        for path in ("rooms", "/rooms?limit=1", "/a/../b"):
            with pytest.raises(DailyConfigError, match="path"):
                await mine.request("GET", path)


async def test_from_env(local_daily, monkeypatch):
    with pytest.raises(DailyConfigError, match="DAILY_API_KEY"):
        ours.DailyRESTHelper.from_env()
    for name, value in local_daily.env().items():
        monkeypatch.setenv(name, value)
    async with ours.DailyRESTHelper.from_env() as mine:
        assert (await mine.create_room(ours.DailyRoomParams(name="e"))).name == "e"
    assert local_daily.api_key not in repr(mine.daily_api_key)


@pytest.mark.parametrize("fault", [{"drop": "after"}, {"status": 503}, {"truncate": True}])
async def test_a_request_that_may_have_taken_effect_is_not_sent_again(local_daily, fault):
    local_daily.fail("POST", "/rooms/*/eject", **fault)
    async with helper(ours, local_daily, None) as mine:
        await mine.create_room(ours.DailyRoomParams(name="a"))
        with pytest.raises(ours.DailyError, match="Whether it took effect is unknown") as caught:
            await mine.request("POST", "/rooms/a/eject", json={"ids": []})
    assert caught.value.attempts == 1
    assert [r.path for r in local_daily.requests].count("/rooms/a/eject") == 1


async def test_a_request_that_had_no_effect_is_sent_again(local_daily):
    local_daily.fail("POST", "/rooms/*/eject", status=429, times=2)
    async with helper(ours, local_daily, None) as mine:
        await mine.create_room(ours.DailyRoomParams(name="a"))
        local_daily.join("a")
        assert await mine.request("POST", "/rooms/a/eject", json={"ids": []}) == {"ejectedIds": []}
    assert [r.path for r in local_daily.requests].count("/rooms/a/eject") == 3


async def test_an_idle_connection_that_the_server_closed_does_not_surface(local_daily):
    """The server hangs up between two requests, as Daily does after 60 to 120 s."""
    async with helper(ours, local_daily, None) as mine:
        await mine.warm()
        for _ in range(3):
            for connection in list(local_daily._runner.server.connections):
                connection.transport.close()
            room = await mine.create_room(ours.DailyRoomParams(name="idle"))
            for connection in list(local_daily._runner.server.connections):
                connection.transport.close()
            await mine.get_token(room.url)
            await mine.delete_room_by_name(room.name)
    assert local_daily.rooms == {}
