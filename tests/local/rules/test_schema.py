# SPDX-License-Identifier: BSD-2-Clause
"""The server's table of properties, against Daily's OpenAPI document and against values."""

from typing import Any

import pytest

from document.properties import KINDS, samples
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.rules.claims import CLAIMS
from pipecat_daily_rest.local.rules.kinds import as_text
from pipecat_daily_rest.local.rules.properties import (
    ROOM_DEFAULTS,
    ROOM_PROPERTIES,
    TOKEN_PROPERTIES,
)
from pipecat_daily_rest.local.rules.schema import Refusal, Schema, config

NOW = 1_800_000_000.0


def test_the_names_are_those_of_the_openapi_document() -> None:
    assert set(ROOM_PROPERTIES) == set(KINDS["room"])
    assert set(TOKEN_PROPERTIES) == set(KINDS["token"])
    assert set(CLAIMS) == set(KINDS["token"])
    assert set(ROOM_DEFAULTS) <= set(ROOM_PROPERTIES)


def check(where: str, properties: dict[str, Any], **choices: Any) -> Any:
    schema = Schema(Choices(**choices))
    rule = schema.room if where == "room" else schema.token
    return rule({"properties": properties}, now=NOW)


PROPERTIES = [(where, name) for where in ("room", "token") for name in KINDS[where]]


@pytest.mark.parametrize(("where", "name"), PROPERTIES)
def test_every_documented_value_passes(where: str, name: str) -> None:
    for value in samples(name, KINDS[where][name]):
        check(where, {name: value})
    check(where, {name: None})


def types(kind: Any) -> set[str]:
    if isinstance(kind, list):
        return set().union(*(types(inner) for inner in kind))
    if isinstance(kind, str):
        return {"number" if kind == "integer" else kind}
    return {"enum": {"string"}, "array": {"array"}, "object": {"object"}}[next(iter(kind))]


@pytest.mark.parametrize(("where", "name"), PROPERTIES)
def test_values_of_other_types_do_not_pass(where: str, name: str) -> None:
    kind = KINDS[where][name]
    values = {"boolean": True, "number": 1, "string": "true", "array": [], "object": {}}
    wrong = [value for type_, value in values.items() if type_ not in types(kind)]
    assert len(wrong) >= 3
    if isinstance(kind, dict) and "enum" in kind:
        wrong.append("no such value")
    for value in wrong:
        with pytest.raises(Refusal) as caught:
            check(where, {name: value})
        assert caught.value.status == 400
        assert caught.value.body["error"] == "invalid-request-error"
        assert caught.value.body["info"].startswith(f"{name} was '{as_text(value)}' but should be")


@pytest.mark.parametrize(
    ("properties", "info"),
    [
        ({"exp": 1}, "exp was '1', which is in the past rather than in the future"),
        ({"exp": NOW}, "exp was '1800000000', which is in the past rather than in the future"),
        (
            {"exp": NOW - 0.5},
            "exp was '1799999999.5', which is in the past rather than in the future",
        ),
        ({"exp": "soon"}, "exp was 'soon' but should be a number of seconds since the unix epoch"),
        ({"exp": True}, "exp was 'true' but should be a number of seconds since the unix epoch"),
        ({"exp": [1]}, "exp was '[1]' but should be a number of seconds since the unix epoch"),
        ({"nbf": "now"}, "nbf was 'now' but should be a number of seconds since the unix epoch"),
    ],
)
@pytest.mark.parametrize("where", ["room", "token"])
def test_known_texts(where: str, properties: dict[str, Any], info: str) -> None:
    with pytest.raises(Refusal) as caught:
        check(where, properties)
    assert caught.value.body == {"error": "invalid-request-error", "info": info}


@pytest.mark.parametrize("where", ["room", "token"])
def test_instants_that_pass(where: str) -> None:
    for exp in (NOW + 1, NOW + 0.5, 1_800_003_600, 1_800_000_000_000):
        check(where, {"exp": exp, "nbf": 1})
    for exp in (10**400, float("inf"), float("nan")):
        with pytest.raises(Refusal, match="seconds since the unix epoch"):
            check(where, {"exp": exp})


@pytest.mark.parametrize(
    "properties",
    [
        {"owner_only_broadcast": True},
        {"autojoin": True},
        {"signaling_impl": "ws"},
        {"enable_dialin": True},
        {"sip_uri": {"endpoint": "x@y"}},
        {"close_tab_on_exit": True},
        {"redirect_on_meeting_exit": "https://example.com"},
        {"is_owner": True},
        {"sip": {"display_name": "x", "sip_mode": "dial-in", "displayName": "x"}},
        {"permissions": {"can_send": True}},
        {"permissions": {"canReceive": {"bas": True}}},
        {"recordings_bucket": {"bucket": "x"}},
        {"transcription_bucket": {"allow_streaming_from_bucket": True}},
    ],
)
def test_unknown_properties_of_rooms(properties: dict[str, Any]) -> None:
    with pytest.raises(Refusal, match="unknown property"):
        check("room", properties)


@pytest.mark.parametrize(
    "properties",
    [{"privacy": "x"}, {"room": "x"}, {"max_participants": 2}, {"eject_at_room_exp": 1}],
)
def test_unknown_properties_of_tokens(properties: dict[str, Any]) -> None:
    with pytest.raises(Refusal, match="unknown property"):
        check("token", properties)


@pytest.mark.parametrize(
    "properties",
    [
        {"max_participants": 0},
        {"max_participants": 1.5},
        {"eject_after_elapsed": 0},
        {"meeting_join_hook": "https://example.com/" + "x" * 255},
        {"meeting_join_hook": "not a url"},
        {"recordings_template": "{room_name}.mp4"},
        {"recordings_template": "{epoch_time}.wav"},
        {"recordings_template": "{epoch_time}" + "x" * 1024},
        {"recordings_template": "{epoch_time} and"},
        {"transcription_template": "none"},
        {"enable_recording": ["cloud", "cloud"]},
        {"enable_recording": "everything"},
        {"geo": "mars-north-1"},
        {"lang": "xx"},
        {"permissions": {"canSend": ["smell"]}},
        {"permissions": {"canSend": "audio"}},
        {"permissions": {"canAdmin": ["everything"]}},
        {"dialout_config": {"max_idle_timeout_sec": -1}},
        {"streaming_endpoints": [{"type": "tape"}]},
        {"sip": {"display_name": "x", "sip_mode": "dial-out"}},
        {"sip": {"display_name": "x", "sip_mode": "dial-in", "num_endpoints": 0}},
        {"sip": {"display_name": "x", "sip_mode": "dial-in", "codecs": {"audio": ["MP3"]}}},
        {"sip": {"display_name": "x", "sip_mode": "dial-in", "provider": "other"}},
        {
            "sip": {
                "display_name": "x",
                "sip_mode": "dial-in",
                "num_endpoints": 2,
                "force_digit_only_username": True,
            }
        },
    ],
)
def test_values_out_of_range(properties: dict[str, Any]) -> None:
    with pytest.raises(Refusal, match="should be"):
        check("room", properties)


@pytest.mark.parametrize("sip", [{"display_name": "x"}, {"sip_mode": "dial-in"}, {}])
def test_sip_needs_a_name_and_a_mode(sip: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as caught:
        check("room", {"sip": sip})
    assert caught.value.body["info"] == "missing required field"


@pytest.mark.parametrize("name", ["a b", "ä", "a/b", "a.b", "..", "x\n", "a" * 200 + " "])
def test_names_with_invalid_characters(name: str) -> None:
    with pytest.raises(Refusal) as caught:
        Schema(Choices()).room({"name": name}, now=NOW)
    shown = name if len(name) <= 200 else name[:200] + "…"
    assert caught.value.body["info"] == (
        f"{shown} contains invalid characters (room names can contain A-Z, a-z, 0-9, '-', and '_')"
    )


def test_the_length_of_names() -> None:
    schema = Schema(Choices(name_too_long_info="no: {name}"))
    assert schema.room({"name": "a" * 128}, now=NOW).name == "a" * 128
    with pytest.raises(Refusal, match=r"^no: a+$"):
        schema.room({"name": "a" * 129}, now=NOW)
    for name in ("", 5, ["a"]):
        with pytest.raises(Refusal, match="name was"):
            schema.room({"name": name}, now=NOW)


@pytest.mark.parametrize("privacy", ["org", "Private", "", 1, ["public"]])
def test_a_third_privacy(privacy: Any) -> None:
    with pytest.raises(Refusal, match="privacy was"):
        Schema(Choices()).room({"privacy": privacy}, now=NOW)
    org = Schema(Choices(org_privacy=True))
    assert org.room({"privacy": "org"}, now=NOW).privacy == "org"


def test_a_config_without_defaults() -> None:
    assert config(dict(ROOM_DEFAULTS)) == {}
    assert config({"exp": 5, "enable_chat": True, "enable_prejoin_ui": False, "geo": None}) == {
        "exp": 5,
        "enable_chat": True,
        "enable_prejoin_ui": False,
    }


def test_choices_of_the_schema() -> None:
    milliseconds = {"exp": NOW * 1000}
    with pytest.raises(Refusal, match="not milliseconds"):
        check("room", milliseconds, far_exp="error")
    check("room", {"exp": NOW + 86_400 * 365}, far_exp="error")
    with pytest.raises(Refusal, match="user_id was"):
        check("token", {"user_id": "u" * 37})
    assert check("token", {"user_id": "u" * 36}) == {"user_id": "u" * 36}
    assert check("token", {"user_id": "u" * 37}, long_user_id="cut") == {"user_id": "u" * 36}
    with pytest.raises(Refusal, match=r"^what is 'x'$"):
        check("room", {"x": 1}, unknown_property_info="what is '{name}'")
    with pytest.raises(Refusal, match=r"^lang: xx, one of"):
        check("room", {"lang": "xx"}, wrong_value_info="{name}: {value}, {expected}")
