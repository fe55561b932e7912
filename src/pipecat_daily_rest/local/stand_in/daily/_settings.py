# SPDX-License-Identifier: BSD-2-Clause
"""A call's settings, in the shapes of daily-python 0.36."""

import copy
from collections.abc import Mapping
from typing import Any

MEDIA = ("camera", "microphone", "screenAudio", "screenVideo")

_ENCODINGS = {
    "low": {"maxBitrate": 90000, "maxFramerate": 15.0, "scaleResolutionDownBy": 4.0},
    "medium": {"maxBitrate": 200000, "maxFramerate": 15.0, "scaleResolutionDownBy": 2.0},
    "high": {"maxBitrate": 680000, "maxFramerate": 30.0, "scaleResolutionDownBy": 1.0},
}
_SCREEN = {"maxBitrate": 2000000, "maxFramerate": 30.0, "scaleResolutionDownBy": 1.0}
_CODEC = {"maxQuality": "high", "preferredCodec": "VP8", "startBitrate": 1000000}


def inputs() -> dict[str, Any]:
    """Give the inputs before anything was set.

    Returns:
        What `CallClient.inputs` gives then.
    """
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
    """Give the publishing settings before anything was set.

    Returns:
        What `CallClient.publishing` gives then.
    """
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
    """Give a subscription profile before anything was set.

    Returns:
        What `CallClient.subscription_profiles` gives then for ``base``.
    """
    quality = {"camera": {"maxQuality": "high"}, "screenVideo": {"maxQuality": "high"}}
    return {
        "customAudio": {},
        "customVideo": {},
        **{
            name: {"receiveSettings": quality.get(name, {}), "subscriptionState": "subscribed"}
            for name in MEDIA
        },
    }


def merge(settings: dict[str, Any], changes: Mapping[str, Any], switch: str) -> None:
    """Change settings as an ``update_…`` says.

    Args:
        settings: What is changed.
        changes: New values; a track's may be a bare value of its switch; None leaves it.
        switch: ``isEnabled``, ``isPublishing`` or ``subscriptionState``.
    """
    for name, change in changes.items():
        if name in ("customAudio", "customVideo") and isinstance(change, Mapping):
            merge(settings.setdefault(name, {}), change, switch)
        elif isinstance(change, Mapping):
            _overlay(settings.setdefault(name, {}), change)
        elif change is not None:
            settings.setdefault(name, {})[switch] = change


def _overlay(settings: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for name, change in changes.items():
        # One device or track takes the place of another.
        if name in ("customTrack", "deviceId"):
            settings.pop("customTrack", None)
            settings.pop("deviceId", None)
        if isinstance(change, Mapping) and isinstance(settings.get(name), dict):
            _overlay(settings[name], change)
        else:
            settings[name] = copy.deepcopy(change)


def local_media(inputs: Mapping[str, Any], publishing: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the own tracks.

    Args:
        inputs: As `CallClient.inputs` gives them.
        publishing: As `CallClient.publishing` gives them.

    Returns:
        ``media`` of the local participant.
    """
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
