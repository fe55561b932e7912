# SPDX-License-Identifier: BSD-2-Clause
"""All public names of daily-python, as ``from daily.daily import …`` finds them."""

from daily._audio_sources import CustomAudioSource, CustomAudioTrack
from daily._client import CallClient
from daily._daily import Daily
from daily._devices import LogLevel, NativeVad, VirtualMicrophoneDevice, VirtualSpeakerDevice
from daily._events import EventHandler
from daily._sound import AudioData
from daily._video_sources import (
    CustomVideoSource,
    CustomVideoTrack,
    VideoFrame,
    VirtualCameraDevice,
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
