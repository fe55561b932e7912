# SPDX-License-Identifier: BSD-2-Clause
"""Pipecat's own helper and `configure()`, unmodified, on the local Daily."""

import asyncio

import jwt
import pytest

# A part of the standard library that Pipecat's imports use is deprecated in some versions.
pytestmark = pytest.mark.filterwarnings("default::DeprecationWarning")


@pytest.fixture
def local(local_daily, monkeypatch):
    for name, value in local_daily.env().items():
        if name.startswith("DAILY_"):
            monkeypatch.setenv(name, value)
    return local_daily


@pytest.fixture
def helper(local, http):
    from pipecat.transports.daily.utils import DailyRESTHelper

    return DailyRESTHelper(
        daily_api_key=local.api_key, daily_api_url=local.api_url, aiohttp_session=http
    )


async def test_the_helpers_whole_life_of_a_room(local, helper) -> None:
    from pipecat.transports.daily.utils import DailyRoomParams, DailyRoomProperties

    now = local.state.clock.now()
    params = DailyRoomParams(
        name="demo",
        privacy="private",
        properties=DailyRoomProperties(exp=now + 60.5, eject_at_room_exp=True, enable_chat=True),
    )
    room = await helper.create_room(params)
    assert (room.name, room.privacy, room.url) == ("demo", "private", f"{local.url}/demo")
    assert room.config.exp == now + 60.5
    assert room.config.enable_chat is True
    assert await helper.get_room_from_url(room.url) == room

    token = await helper.get_token(room.url, 30)
    claims = jwt.decode(token, local.api_key, algorithms=["HS256"])
    assert (claims["r"], claims["o"], claims["ejt"]) == ("demo", True, False)
    assert claims["d"] == local.state.domain.id
    local.state.admission.admit("demo", token)

    assert await helper.delete_room_by_url(room.url)
    assert local.rooms == {}
    assert await helper.delete_room_by_name("demo")
    with pytest.raises(Exception, match="Room not found: demo"):
        await helper.get_room_from_url(room.url)
    with pytest.raises(Exception, match="contains invalid characters"):
        await helper.create_room(DailyRoomParams(name="a b"))
    with pytest.raises(Exception, match="which is in the past rather than in the future"):
        await helper.create_room(DailyRoomParams(properties=DailyRoomProperties(exp=now - 5)))


async def test_every_field_of_pipecats_models_passes(local, helper) -> None:
    from pipecat.transports.daily.utils import (
        DailyMeetingTokenParams,
        DailyMeetingTokenProperties,
        DailyRoomParams,
        DailyRoomProperties,
        DailyRoomSipParams,
        RecordingsBucketConfig,
        TranscriptionBucketConfig,
    )

    bucket = {"bucket_name": "b", "bucket_region": "us-west-2", "assume_role_arn": "arn"}
    properties = DailyRoomProperties(
        exp=local.state.clock.now() + 60,
        enable_chat=True,
        enable_prejoin_ui=True,
        enable_emoji_reactions=True,
        eject_at_room_exp=True,
        enable_dialout=True,
        enable_recording="raw-tracks",
        enable_transcription_storage=True,
        geo="eu-central-1",
        max_participants=3,
        recordings_bucket=RecordingsBucketConfig(**bucket),
        transcription_bucket=TranscriptionBucketConfig(**bucket),
        sip=DailyRoomSipParams(codecs={"audio": ["OPUS"], "video": ["H264"]}, provider="daily"),
        start_video_off=True,
    )
    assert set(DailyRoomProperties.model_fields) - {"sip_uri"} == properties.model_fields_set
    room = await helper.create_room(DailyRoomParams(properties=properties))
    assert room.config.model_copy(update={"sip_uri": None}) == properties
    assert room.config.sip_endpoint.startswith(f"sip:{room.name}.0@")

    given = DailyMeetingTokenProperties(
        eject_after_elapsed=60,
        nbf=1,
        user_name="Ana",
        user_id="a",
        enable_screenshare=False,
        start_video_off=True,
        start_audio_off=True,
        enable_recording="cloud",
        enable_prejoin_ui=False,
        start_cloud_recording=True,
        permissions={"hasPresence": False, "canSend": ["audio"]},
    )
    token = await helper.get_token(room.url, params=DailyMeetingTokenParams(properties=given))
    rights = local.state.admission.admit(room.name, token)[1]
    assert rights == given.model_dump(exclude_none=True)


async def test_configure(local, http) -> None:
    from pipecat.runner.daily import configure

    url, token = await configure(http)
    name = url.removeprefix(local.url + "/")
    room = local.rooms[name]
    assert room.config["eject_at_room_exp"] is True
    assert isinstance(room.config["exp"], float)
    assert local.state.admission.admit(name, token)[1]["is_owner"] is True
    assert [str(request).partition(" {")[0] for request in local.requests] == [
        "POST /rooms",
        "POST /meeting-tokens",
    ]


async def test_configure_for_a_phone_call_and_with_properties(local, http) -> None:
    from pipecat.runner.daily import configure
    from pipecat.transports.daily.utils import DailyMeetingTokenProperties, DailyRoomProperties

    call = await configure(http, sip_caller_phone="+15551234567", sip_num_endpoints=2)
    name = call.room_url.removeprefix(local.url + "/")
    assert name.startswith("pipecat-telephony-")
    uri = local.rooms[name].config["sip_uri"]
    assert call.sip_endpoint == f"sip:{uri['endpoint']}"
    assert len(uri["extra_endpoints"]) == 1

    config = await configure(
        http,
        room_properties=DailyRoomProperties(max_participants=2, enable_hand_raising=True),
        token_properties=DailyMeetingTokenProperties(user_name="Bot", user_id="bot"),
    )
    name = config.room_url.removeprefix(local.url + "/")
    assert local.rooms[name].config["enable_hand_raising"] is True
    assert "exp" not in local.rooms[name].config
    assert local.state.admission.admit(name, config.token)[1]["user_id"] == "bot"
    with pytest.raises(Exception, match="unknown property 'enable_everything'"):
        await configure(http, room_properties=DailyRoomProperties(enable_everything=True))


async def test_many_at_once(local, http) -> None:
    from pipecat.runner.daily import configure

    made = await asyncio.gather(*(configure(http) for _ in range(20)))
    assert len({url for url, _ in made}) == 20
    assert len(local.rooms) == 20
