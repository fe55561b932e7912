# SPDX-License-Identifier: BSD-2-Clause
"""Meeting tokens: created, validated, and which rooms they open."""

from typing import Any

import jwt
import pytest

from helpers import calling
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.call.room import JoinRefused
from pipecat_daily_rest.local.choices import Choices


async def create_token(call, **properties: Any) -> str:
    status, answer = await call("POST", "/meeting-tokens", {"properties": properties})
    assert status == 200, answer
    assert list(answer) == ["token"]
    return answer["token"]


def claims_of(daily: LocalDaily, token: str) -> dict[str, Any]:
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
    return jwt.decode(token, daily.api_key, algorithms=["HS256"])


async def test_every_property_has_its_documented_claim(call, local_daily) -> None:
    now = int(local_daily.state.clock.now())
    token = await create_token(
        call,
        room_name="demo",
        nbf=now - 5,
        exp=now + 60,
        is_owner=True,
        user_name="Ana",
        user_id="a-1",
        eject_at_token_exp=True,
        eject_after_elapsed=30,
        enable_screenshare=False,
        start_video_off=True,
        start_audio_off=True,
        enable_recording="cloud",
        enable_recording_ui=False,
        start_cloud_recording=True,
        start_cloud_recording_opts={"width": 640},
        auto_start_transcription=True,
        knocking=False,
        close_tab_on_exit=True,
        redirect_on_meeting_exit="https://example.com/bye",
        lang="de",
        permissions={
            "hasPresence": True,
            "canSend": ["video", "screenAudio"],
            "canReceive": {"base": False},
        },
    )
    claims = claims_of(local_daily, token)
    assert now <= claims.pop("iat") <= local_daily.state.clock.now()
    assert claims == {
        "r": "demo",
        "d": local_daily.state.domain.id,
        "nbf": now - 5,
        "exp": now + 60,
        "o": True,
        "u": "Ana",
        "ud": "a-1",
        "ejt": True,
        "eje": 30,
        "ss": False,
        "vo": True,
        "ao": True,
        "er": "cloud",
        "erui": False,
        "sr": True,
        "sro": {"width": 640},
        "ast": True,
        "k": False,
        "ctoe": True,
        "rome": "https://example.com/bye",
        "uil": "de",
        "p": {"hp": True, "cs": "v,sa", "cr": {"b": False}},
    }


NULL = pytest.param(
    {"properties": {"exp": None}},
    marks=pytest.mark.undocumented("null for what a token need not have"),
)


@pytest.mark.parametrize("body", [None, {}, {"properties": {}}, NULL])
async def test_a_token_without_properties_opens_every_room(call, local_daily, body) -> None:
    status, answer = await call("POST", "/meeting-tokens", body)
    assert status == 200
    assert sorted(claims_of(local_daily, answer["token"])) == ["d", "iat"]
    for name in ("a", "b"):
        local_daily.state.rooms.create(name, "private", {})
        room, rights = local_daily.state.admission.admit(name, answer["token"])
        assert (room.name, rights) == (name, {})


@pytest.mark.parametrize(
    ("properties", "info"),
    [
        ({"exp": 1}, "exp was '1', which is in the past rather than in the future"),
        ({"exp": "x"}, "exp was 'x' but should be a number of seconds since the unix epoch"),
        ({"privacy": "x"}, "unknown property 'privacy'"),
        ({"is_owner": "yes"}, "is_owner was 'yes' but should be a boolean"),
        ({"user_id": "u" * 37}, f"user_id was '{'u' * 37}' but should be up to 36 characters"),
    ],
)
async def test_a_token_that_is_refused(call, properties, info) -> None:
    assert await call("POST", "/meeting-tokens", {"properties": properties}) == (
        400,
        {"error": "invalid-request-error", "info": info},
    )
    status, _ = await call("POST", "/meeting-tokens", properties)
    assert status == 400


async def test_validation_gives_the_long_names(call, local_daily) -> None:
    now = local_daily.state.clock.now()
    properties = {
        "room_name": "demo",
        "is_owner": True,
        "user_name": "host",
        "start_video_off": False,
        "lang": "en",
        "permissions": {
            "canSend": ["audio"],
            "canReceive": {"base": True, "byUserId": {"u": True}},
            "canAdmin": ["participants"],
        },
        "enable_prejoin_ui": False,
    }
    token = await create_token(call, **properties, exp=now + 60)
    assert await call("GET", f"/meeting-tokens/{token}") == (200, properties)
    local_daily.advance(61)
    assert await call("GET", f"/meeting-tokens/{token}") == (
        400,
        {"error": "invalid-request-error", "info": "the token has expired"},
    )


async def test_validation_of_a_token_that_is_not_valid_yet(call, local_daily) -> None:
    now = local_daily.state.clock.now()
    path = "/meeting-tokens/" + await create_token(call, nbf=now + 60, exp=now + 90)
    assert await call("GET", path) == (
        400,
        {"error": "invalid-request-error", "info": "the token is not valid yet"},
    )
    assert (await call("GET", path + "?ignoreNbf=false"))[0] == 400
    assert await call("GET", path + "?ignoreNbf=true") == (200, {})
    local_daily.advance(61)
    assert await call("GET", path) == (200, {})
    local_daily.advance(30)
    assert (await call("GET", path + "?ignoreNbf=true"))[0] == 400


async def test_validation_of_a_foreign_token(call, local_daily) -> None:
    key, domain = local_daily.api_key, local_daily.state.domain.id
    good = {"r": "demo", "d": domain, "iat": 1}
    assert (await call("GET", "/meeting-tokens/" + jwt.encode(good, key)))[0] == 200
    for token in (
        "x",
        "a.b.c",
        jwt.encode(good, "another key that is just as long as it is"),
        jwt.encode({**good, "d": "another domain"}, key),
        jwt.encode(good, key, algorithm="HS512"),
        jwt.encode(good, None, algorithm="none"),
    ):
        status, answer = await call("GET", "/meeting-tokens/" + token)
        assert (status, answer["error"]) == (400, "invalid-request-error")


def refusal(daily: LocalDaily, name: str, token: str | None = None) -> str:
    with pytest.raises(JoinRefused) as refused:
        daily.state.admission.admit(name, token)
    assert str(refused.value).endswith(".")
    return refused.value.kind


async def test_who_may_join(call, local_daily) -> None:
    now = local_daily.state.clock.now()
    await call("POST", "/rooms", {"name": "open"})
    await call("POST", "/rooms", {"name": "demo", "privacy": "private"})
    later = {"privacy": "private", "properties": {"nbf": now + 100, "exp": now + 200}}
    await call("POST", "/rooms", {"name": "later", **later})

    assert refusal(local_daily, "none") == "no-room"
    assert refusal(local_daily, "demo") == "not-allowed"
    assert refusal(local_daily, "demo", "") == "not-allowed"
    assert refusal(local_daily, "demo", "garbage") == "not-allowed"
    assert refusal(local_daily, "demo", await create_token(call, room_name="open")) == "not-allowed"
    assert refusal(local_daily, "open", await create_token(call, room_name="demo")) == "not-allowed"
    assert local_daily.state.admission.admit("open", None)[1] == {}
    token = await create_token(call, room_name="demo", user_name="Ana", is_owner=True)
    assert local_daily.state.admission.admit("demo", token)[1] == {
        "room_name": "demo",
        "user_name": "Ana",
        "is_owner": True,
    }

    early = await create_token(call, room_name="demo", nbf=now + 100, exp=now + 150)
    assert refusal(local_daily, "demo", early) == "nbf-token"
    assert refusal(local_daily, "later", await create_token(call)) == "nbf-room"
    local_daily.advance(101)
    local_daily.state.admission.admit("demo", early)
    local_daily.state.admission.admit("later", await create_token(call))
    local_daily.advance(100)
    assert refusal(local_daily, "demo", early) == "exp-token"
    assert refusal(local_daily, "open", early) == "exp-token"
    assert refusal(local_daily, "later", await create_token(call)) == "exp-room"
    await call("DELETE", "/rooms/demo")
    assert refusal(local_daily, "demo", token) == "no-room"


async def test_a_full_room(call, local_daily) -> None:
    await call("POST", "/rooms", {"name": "demo", "properties": {"max_participants": 1}})
    local_daily.join("demo")
    assert refusal(local_daily, "demo", await create_token(call, is_owner=True)) == "meeting-full"
    await call("POST", "/rooms/demo", {"properties": {"max_participants": None}})
    local_daily.state.admission.admit("demo", None)


@pytest.mark.undocumented("a third privacy")
async def test_choices() -> None:
    choices = Choices(
        token_for_unknown_room=False,
        validation_shows_times=True,
        unknown_claims="ignore",
        public_room_ignores_bad_token=True,
        org_privacy=True,
    )
    async with LocalDaily(choices=choices) as daily, calling(daily) as call:
        properties = {"room_name": "demo", "exp": daily.state.clock.now() + 60}
        assert await call("POST", "/meeting-tokens", {"properties": properties}) == (
            400,
            {"error": "invalid-request-error", "info": "room demo not found"},
        )
        assert (await call("POST", "/rooms", {"name": "demo"}))[0] == 200
        _, made = await call("POST", "/meeting-tokens", {"properties": properties})
        assert await call("GET", f"/meeting-tokens/{made['token']}") == (200, properties)

        odd = {"d": daily.state.domain.id, "iat": 1, "room": "demo"}
        assert daily.state.admission.admit("demo", jwt.encode(odd, daily.api_key))[1] == {}

        daily.advance(61)
        assert daily.state.admission.admit("demo", made["token"])[1] == {}
        assert daily.state.admission.admit("demo", "garbage")[1] == {}
        await call("POST", "/rooms/demo", {"privacy": "private"})
        assert refusal(daily, "demo", made["token"]) == "exp-token"
        await call("POST", "/rooms/demo", {"privacy": "org"})
        assert refusal(daily, "demo") == "not-allowed"
