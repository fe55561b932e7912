# SPDX-License-Identifier: BSD-2-Clause
"""All public names of daily-python, as ``from daily.daily import …`` finds them."""

from daily._client import CallClient
from daily._daily import Daily
from daily._devices import (
    LogLevel,
    NativeVad,
    VirtualCameraDevice,
    VirtualMicrophoneDevice,
    VirtualSpeakerDevice,
)
from daily._events import EventHandler
from daily._sound import AudioData
from daily._sources import (
    CustomAudioSource,
    CustomAudioTrack,
    CustomVideoSource,
    CustomVideoTrack,
    VideoFrame,
)

__all__ = [
    "AudioData",
    "CallClient",
    "CustomAudioSource",
    "CustomAudioTrack",
    "CustomVideoSource",
    "CustomVideoTrack",
    "Daily",
    "EventHandler",
    "LogLevel",
    "NativeVad",
    "VideoFrame",
    "VirtualCameraDevice",
    "VirtualMicrophoneDevice",
    "VirtualSpeakerDevice",
]
