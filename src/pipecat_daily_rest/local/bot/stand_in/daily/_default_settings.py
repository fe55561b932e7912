# SPDX-License-Identifier: BSD-2-Clause
"""The settings of a call and their defaults, as daily-python 0.36 gives them."""

import copy
from collections.abc import Mapping
from typing import Any

from daily._shapes import DEFAULTS

MEDIA = ("camera", "microphone", "screenAudio", "screenVideo")

_ENCODINGS = {
    "low": {"maxBitrate": 90000, "maxFramerate": 15.0, "scaleResolutionDownBy": 4.0},
    "medium": {"maxBitrate": 200000, "maxFramerate": 15.0, "scaleResolutionDownBy": 2.0},
    "high": {"maxBitrate": 680000, "maxFramerate": 30.0, "scaleResolutionDownBy": 1.0},
}
_SCREEN = {"maxBitrate": 2000000, "maxFramerate": 30.0, "scaleResolutionDownBy": 1.0}
_CODEC = {"maxQuality": "high", "preferredCodec": "VP8", "startBitrate": 1000000}


def inputs() -> dict[str, Any]:
    """Give the defaults of `CallClient.inputs`."""
    camera = {
        "customConstraints": {},
        "facingMode": "user",
        "frameRate": 30,
        "height": 720,
        "processor": {"processor": "none"},
        "torch": False,
        "width": 1280,
        "zoom": 1.0,
    }
    return {
        "camera": {"isEnabled": False, "settings": camera},
        "customAudio": {},
        "customVideo": {},
        "microphone": {"isEnabled": False, "settings": {"customConstraints": {}}},
        "screenAudio": {"isEnabled": False, "settings": {}},
        "screenVideo": {"isEnabled": False, "settings": {}},
    }


def publishing() -> dict[str, Any]:
    """Give the defaults of `CallClient.publishing`."""
    camera = {"adaptiveLayerMaxBitrate": None, "allowAdaptiveLayers": True}
    return copy.deepcopy(
        {
            "camera": {
                "isPublishing": True,
                "sendSettings": {**camera, "encodings": _ENCODINGS, **_CODEC},
            },
            "customAudio": {},
            "customVideo": {},
            "microphone": {"isPublishing": True, "sendSettings": {"channelConfig": "mono"}},
            "screenVideo": {
                "isPublishing": True,
                "sendSettings": {"encodings": {"low": _SCREEN}, **_CODEC},
            },
        }
    )


def subscription() -> dict[str, Any]:
    """Give the defaults of a subscription profile."""
    quality = {"camera": {"maxQuality": "high"}, "screenVideo": {"maxQuality": "high"}}
    return {
        "customAudio": {},
        "customVideo": {},
        **{
            name: {"receiveSettings": quality.get(name, {}), "subscriptionState": "subscribed"}
            for name in MEDIA
        },
    }


def merge(settings: dict[str, Any], changes: Any, defaults: Mapping[str, Any]) -> None:
    """Change settings: None leaves a value as it was, `DEFAULTS` restores its default."""
    if changes == DEFAULTS:
        settings.clear()
        settings.update(copy.deepcopy(dict(defaults)))
        return
    for name, change in (changes or {}).items():
        default = defaults.get(name)
        # One device or track takes the place of another.
        if name in ("customTrack", "deviceId"):
            settings.pop("customTrack", None)
            settings.pop("deviceId", None)
        if isinstance(change, Mapping):
            if not isinstance(settings.get(name), dict):
                settings[name] = {}
            merge(settings[name], change, default if isinstance(default, Mapping) else {})
        elif change == DEFAULTS and default is None:
            settings.pop(name, None)
        elif change is not None:
            settings[name] = copy.deepcopy(default if change == DEFAULTS else change)


def local_media(inputs: Mapping[str, Any], publishing: Mapping[str, Any]) -> dict[str, Any]:
    """Give ``media`` of the local participant."""
    media: dict[str, Any] = {}
    for name in MEDIA:
        published = publishing.get(name, {}).get("isPublishing", True)
        media[name] = _track(inputs[name], published=bool(published))
    for kind in ("customAudio", "customVideo"):
        media[kind] = {name: _track(given) for name, given in inputs[kind].items()}
    return media


def _track(given: Mapping[str, Any], *, published: bool = True) -> dict[str, Any]:
    if not given.get("isEnabled") or not published:
        return {"state": "off", "offReasons": ["user"], "subscribed": "unsubscribed"}
    track: dict[str, Any] = {"state": "playable", "subscribed": "unsubscribed"}
    settings = given.get("settings") or {}
    if "customTrack" in settings:
        track["track"] = {"id": settings["customTrack"].get("id")}
    return track
