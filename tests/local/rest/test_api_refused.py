# SPDX-License-Identifier: BSD-2-Clause
"""The endpoints that a local Daily refuses, since they have no meaning on one machine."""

import pytest

from pipecat_daily_rest.local.rest.endpoints import REFUSALS
from streams import STREAM

ACTIONS = {
    f"/rooms/demo/{family}/{action}": why
    for family, why in (
        ("live-streaming", "no media leaves this machine"),
        ("transcription", "LocalDaily.add_transcript()"),
    )
    for action in ("start", "update", "stop")
}
GOOD = {
    "live-streaming/start": [
        {**STREAM, "rtmpUrl": "rtmp://x/y"},
        {"rtmpUrl": ["rtmp://x/y", "rtmp://x/z"]},
        {"endpoints": [{"endpoint": "mine"}]},
    ],
    "live-streaming/update": [STREAM],
    "live-streaming/stop": [{"instanceId": "x"}, {}],
    "transcription/start": [
        {
            "language": "de",
            "model": "nova-2",
            "punctuate": True,
            "endpointing": 200,
            "redact": ["pci", True],
            "extra": {"any": "thing"},
            "participants": ["x"],
            "transcription_geo": "eu",
        },
        {"endpointing": False, "redact": True},
    ],
    "transcription/update": [{"instanceId": "x", "participants": ["y"]}],
    "transcription/stop": [{"instanceId": "x"}, {}],
}
BAD = {
    "live-streaming/start": [{"rtmpUrl": 5}, {"endpoints": [{}]}, {"endpoints": [{"url": "x"}]}],
    "live-streaming/update": [{"nope": 1}],
    "live-streaming/stop": [{"rtmpUrl": "rtmp://x"}],
    "transcription/start": [
        {"transcription_geo": "us"},
        {"redact": "pci"},
        {"redact": [5]},
        {"endpointing": "long"},
        {"participants": "x"},
        {"nope": 1},
    ],
    "transcription/update": [{"language": "de"}],
    "transcription/stop": [{"participants": []}],
}


@pytest.mark.parametrize(("action", "body"), [(a, body) for a in GOOD for body in GOOD[a]])
async def test_a_refused_request_says_why(call, local_daily, action, body) -> None:
    local_daily.state.rooms.create("demo", "public", {})
    path = f"/rooms/demo/{action}"
    status, answer = await call("POST", path, body)
    assert status == 501
    assert sorted(answer) == ["error", "info"]
    assert answer["error"] == "not-supported-locally"
    assert answer["info"].startswith("the local Daily ")
    assert ACTIONS[path] in answer["info"]


@pytest.mark.parametrize(("action", "body"), [(a, body) for a in BAD for body in [*BAD[a], [], 5]])
async def test_a_bad_body_is_refused_first(call, local_daily, action, body) -> None:
    local_daily.state.rooms.create("demo", "public", {})
    status, answer = await call("POST", f"/rooms/demo/{action}", body)
    assert (status, answer["error"]) == (400, "invalid-request-error")


@pytest.mark.parametrize("path", ACTIONS)
async def test_an_unknown_room_is_refused_first(call, local_daily, path) -> None:
    assert await call("POST", path, {"nope": 1}) == (
        404,
        {"error": "not-found", "info": "room demo not found"},
    )
    local_daily.state.rooms.create("demo", "public", {"exp": local_daily.state.clock.now() + 5})
    local_daily.advance(6)
    assert (await call("POST", path, {}))[0] == 404


@pytest.mark.parametrize("path", ACTIONS)
async def test_only_a_post_with_json_and_the_key_is_refused(call, local_daily, path) -> None:
    local_daily.state.rooms.create("demo", "public", {})
    assert (await call("POST", path, data="{"))[0] == 400
    assert (await call("GET", path))[0] == 404
    headers = {"Authorization": "Bearer wrong"}
    assert (await call("POST", path, {}, headers=headers))[0] == 401


def test_refused_endpoints_are_listed_with_their_reasons() -> None:
    assert {path for _, path in REFUSALS} >= {path.replace("demo", "{name}") for path in ACTIONS}
    for (method, path), why in REFUSALS.items():
        assert method in ("GET", "POST", "PUT", "DELETE")
        assert path.startswith("/")
        assert why.startswith("the local Daily ")
        assert not why.endswith(".")
