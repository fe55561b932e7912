# SPDX-License-Identifier: BSD-2-Clause
"""What the endpoints of recordings accept and refuse, before anything is recorded."""

from typing import Any

import pytest

from pipecat_daily_rest.local import LocalDaily
from streams import STREAM

PATHS = [f"/rooms/demo/recordings/{action}" for action in ("start", "update", "stop")]
GOOD: list[dict[str, Any]] = [
    {**STREAM, "dataOutputs": ["event-json"]},
    {"layout": {"preset": "default", "max_cam_streams": 4}},
    {"layout": {"preset": "single-participant", "session_id": "x"}},
    {"layout": {"preset": "active-participant"}},
    {"layout": {"preset": "custom", "composition_id": "c", "composition_params": {"a": 1}}},
]
BAD: dict[str, list[Any]] = {
    "start": [
        {"nope": 1},
        {"type": "local"},
        {"width": "wide"},
        {"backgroundColor": "green"},
        {"layout": {}},
        {"layout": {"preset": "round"}},
        {"layout": {"preset": ["default"]}},
        {"layout": {"preset": "single-participant"}},
        {"layout": {"preset": "active-participant", "session_id": "x"}},
        {"layout": {"preset": "custom"}},
        {"layout": "default"},
        {"dataOutputs": "event-json"},
        {"rtmpUrl": "rtmp://x/y"},
    ],
    "update": [{"dataOutputs": []}, {"layout": 5}],
    "stop": [{"type": "local"}, {"instanceId": 5}, {"layout": {"preset": "default"}}],
}


@pytest.mark.parametrize("body", GOOD)
async def test_a_good_body_is_accepted(daily: LocalDaily, call: Any, body: Any) -> None:
    ana = daily.join("demo")
    audio = {**body, "type": "cloud-audio-only"}
    assert await call("POST", PATHS[0], audio) == (200, {"status": "sent"})
    status = (await ana.event("recording-started"))["status"]
    assert status.get("layout") == body["layout"]
    update = {**body, "type": "local", "instanceId": status["streamId"]}
    update.pop("dataOutputs", None)
    assert await call("POST", PATHS[1], update) == (200, {"status": "sent"})
    assert await call("POST", PATHS[2]) == (200, {"status": "sent"})


@pytest.mark.parametrize(
    ("action", "body"), [(action, body) for action in BAD for body in [*BAD[action], [], 5]]
)
async def test_a_bad_body_is_refused_first(
    daily: LocalDaily, call: Any, action: str, body: Any
) -> None:
    daily.join("demo")
    status, answer = await call("POST", f"/rooms/demo/recordings/{action}", body)
    assert (status, answer["error"]) == (400, "invalid-request-error")
    assert daily.recordings == []


@pytest.mark.parametrize("path", PATHS)
async def test_an_unknown_room_is_refused_first(
    local_daily: LocalDaily, call: Any, path: str
) -> None:
    assert await call("POST", path, {"nope": 1}) == (
        404,
        {"error": "not-found", "info": "room demo not found"},
    )
    local_daily.state.rooms.create("demo", "public", {"exp": local_daily.state.clock.now() + 5})
    local_daily.advance(6)
    assert (await call("POST", path, {}))[0] == 404


@pytest.mark.parametrize("path", PATHS)
async def test_only_a_post_with_json_and_the_key(daily: LocalDaily, call: Any, path: str) -> None:
    assert (await call("POST", path, data="{"))[0] == 400
    assert (await call("GET", path))[0] == 404
    headers = {"Authorization": "Bearer wrong"}
    assert (await call("POST", path, {}, headers=headers))[0] == 401
