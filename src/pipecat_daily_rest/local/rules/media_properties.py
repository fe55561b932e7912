# SPDX-License-Identifier: BSD-2-Clause
"""The bodies of the requests that record, stream and transcribe a call.

Reference: https://docs.daily.co/reference/rest-api/rooms/recordings/start and
https://docs.daily.co/reference/rest-api/rooms/transcription/start

These tables are the server's own, as in `rules.properties`.
"""

from collections.abc import Mapping
from typing import Any

from pipecat_daily_rest.local.rules.kinds import (
    BOOLEAN,
    NUMBER,
    Check,
    Wrong,
    an_object,
    array_of,
    either,
    matching,
    one_of,
    text,
)

_COLOR = matching(r"#(?:[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})", "a color as #rrggbb or #aarrggbb")
_PRESET = one_of("default", "single-participant", "active-participant", "portrait", "custom")
_LAYOUTS: Mapping[str, Check] = {
    "default": an_object("preset", preset=_PRESET, max_cam_streams=NUMBER),
    "single-participant": an_object("preset", "session_id", preset=_PRESET, session_id=text()),
    "active-participant": an_object("preset", preset=_PRESET),
    "portrait": an_object(
        "preset", preset=_PRESET, variant=one_of("vertical", "inset"), max_cam_streams=NUMBER
    ),
    "custom": an_object(
        "preset",
        "composition_id",
        preset=_PRESET,
        composition_id=text(),
        composition_params=an_object(),
        session_assets=an_object(),
    ),
}


def _layout(name: str, value: Any) -> None:
    """Check a layout: each preset has members of its own."""
    an_object("preset")(name, value)
    preset = value["preset"]
    if not isinstance(preset, str) or preset not in _LAYOUTS:
        raise Wrong(f"{name}.preset", preset, f"one of {', '.join(_LAYOUTS)}")
    _LAYOUTS[preset](name, value)


_STREAM: Mapping[str, Check] = {
    **dict.fromkeys(
        ("width", "height", "fps", "videoBitrate", "audioBitrate", "minIdleTimeOut", "maxDuration"),
        NUMBER,
    ),
    "backgroundColor": _COLOR,
    "instanceId": text(),
    "layout": _layout,
}
_TYPE = one_of("cloud", "cloud-audio-only", "raw-tracks")
RECORDING: Mapping[str, Check] = {
    **_STREAM,
    "type": _TYPE,
    "dataOutputs": array_of(text()),
}
RECORDING_UPDATE: Mapping[str, Check] = {**_STREAM, "type": text()}
LIVE_STREAM: Mapping[str, Check] = {
    **RECORDING,
    "rtmpUrl": either(list, array_of(text()), text()),
    "endpoints": array_of(an_object("endpoint", endpoint=text())),
}
# The OpenAPI document has no body for these two; the pages do:
# https://docs.daily.co/reference/rest-api/rooms/recordings/stop
RECORDING_STOP: Mapping[str, Check] = {"instanceId": text(), "type": _TYPE}
LIVE_STREAM_STOP: Mapping[str, Check] = {"instanceId": text()}
TRANSCRIPTION: Mapping[str, Check] = {
    **dict.fromkeys(("language", "model", "tier", "instanceId"), text()),
    **dict.fromkeys(("profanity_filter", "punctuate", "includeRawResponse"), BOOLEAN),
    "endpointing": either(bool, BOOLEAN, NUMBER),
    "redact": either(list, array_of(either(bool, BOOLEAN, text())), BOOLEAN),
    "extra": an_object(),
    "participants": array_of(text()),
    "transcription_geo": one_of("global", "eu"),
}
TRANSCRIPTION_UPDATE: Mapping[str, Check] = {
    "instanceId": text(),
    "participants": array_of(text()),
}
TRANSCRIPTION_STOP: Mapping[str, Check] = {"instanceId": text()}
