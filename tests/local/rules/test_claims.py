# SPDX-License-Identifier: BSD-2-Clause
"""Tokens that were signed elsewhere: how the server reads and refuses them."""

from typing import Any

import jwt
import pytest

from pipecat_daily_rest.local.rules.claims import BadToken, read, sign

KEY = "0123456789abcdef0123456789abcdef"
NOW = 1_800_000_000.0
GOOD = {"r": "demo", "d": "domain", "iat": 1_799_999_999}


def reading(claims: dict[str, Any], **options: Any) -> dict[str, Any]:
    token = jwt.encode(claims, KEY, algorithm="HS256")
    return read(token, api_key=KEY, domain_id="domain", now=NOW, **options)


def test_the_samples_of_the_documentation() -> None:
    assert reading({"r": "room-0253", "d": "domain", "iat": 1548722207}) == {
        "room_name": "room-0253"
    }
    sample = {"nbf": 1, "exp": NOW + 1, "r": "hello", "o": True, "ss": True, "er": "local"}
    assert reading({**sample, "d": "domain", "iat": 1548721974}) == {
        "nbf": 1,
        "exp": NOW + 1,
        "room_name": "hello",
        "is_owner": True,
        "enable_screenshare": True,
        "enable_recording": "local",
    }


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ({}, {}),
        ({"hp": False}, {"hasPresence": False}),
        ({"cs": False}, {"canSend": False}),
        ({"cs": ""}, {"canSend": []}),
        ({"cs": "v,a,sv,sa"}, {"canSend": ["video", "audio", "screenVideo", "screenAudio"]}),
        ({"cr": {"b": True}}, {"canReceive": {"base": True}}),
        ({"cr": {"b": {"video": True}}}, {"canReceive": {"base": {"video": True}}}),
    ],
)
def test_permissions_are_short_in_the_token(short: dict[str, Any], long: dict[str, Any]) -> None:
    assert reading({**GOOD, "p": short}) == {"room_name": "demo", "permissions": long}
    token = sign({"permissions": long}, api_key=KEY, domain_id="domain", issued_at=NOW)
    assert jwt.decode(token, KEY, algorithms=["HS256"], options={"verify_iat": False})["p"] == short


def test_null_claims_say_nothing() -> None:
    assert reading({**GOOD, "exp": None, "o": None, "p": None}) == {"room_name": "demo"}


@pytest.mark.parametrize(
    "claims",
    [
        {"r": 5},
        {"r": ["demo"]},
        {"o": "true"},
        {"o": 1},
        {"ud": 7},
        {"ud": ["u"]},
        {"u": {}},
        {"exp": "later"},
        {"exp": True},
        {"exp": float("nan")},
        {"exp": 10**400},
        {"nbf": []},
        {"eje": "5"},
        {"ejt": 1},
        {"er": 5},
        {"p": "hp"},
        {"p": {"hp": 1}},
        {"p": {"cs": ["v"]}},
        {"p": {"cr": True}},
        {"p": {"hasPresence": True}},
        {"iat": None},
        {"iat": "now"},
        {"d": None},
        {"d": "another"},
        {"room_name": "demo"},
        {"is_owner": True},
        {"user_id": "u"},
        {"aud": "x"},
    ],
)
def test_tokens_that_daily_would_not_create(claims: dict[str, Any]) -> None:
    with pytest.raises(BadToken) as caught:
        reading({**GOOD, **claims})
    assert caught.value.kind == "not-allowed"


def test_unknown_claims_can_be_ignored() -> None:
    odd = {**GOOD, "room_name": "x", "aud": "x", "iss": "x", "sub": 5, "jti": 5, "p": {"x": 1}}
    assert reading(odd, ignore_unknown=True) == {"room_name": "demo", "permissions": {}}
    assert reading({**GOOD, "ij": True, "mjh": "x"}) == {"room_name": "demo"}
    with pytest.raises(BadToken):
        reading({**odd, "o": 1}, ignore_unknown=True)


def test_time() -> None:
    reading({**GOOD, "exp": NOW + 0.5, "nbf": NOW})
    with pytest.raises(BadToken, match="has expired") as caught:
        reading({**GOOD, "exp": NOW})
    assert caught.value.kind == "exp-token"
    with pytest.raises(BadToken, match="not valid yet") as caught:
        reading({**GOOD, "nbf": NOW + 1})
    assert caught.value.kind == "nbf-token"
    assert reading({**GOOD, "nbf": NOW + 1}, ignore_nbf=True)["nbf"] == NOW + 1
    # The local clock may be ahead of the real one, and the signer's clock ahead of both.
    reading({**GOOD, "iat": NOW + 1000})


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c", "ä.ö.ü", "\ud800", "." * 5000])
def test_no_token_at_all(token: str) -> None:
    with pytest.raises(BadToken, match="was not signed") as caught:
        read(token, api_key=KEY, domain_id="domain", now=NOW)
    assert caught.value.kind == "not-allowed"


@pytest.mark.parametrize("payload", [[], "text", 5])
def test_a_payload_that_is_not_an_object(payload: Any) -> None:
    import json

    token = jwt.api_jws.encode(json.dumps(payload).encode(), KEY, algorithm="HS256")
    with pytest.raises(BadToken):
        read(token, api_key=KEY, domain_id="domain", now=NOW)
