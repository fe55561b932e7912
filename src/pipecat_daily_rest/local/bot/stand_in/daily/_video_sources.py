# SPDX-License-Identifier: BSD-2-Clause
"""What a bot shows: video sources, tracks and a camera. And `VideoFrame`, which it sees."""

import time
import uuid
import weakref
from collections.abc import Mapping
from typing import Any, Protocol, Self

from daily._checks import MadeByModule, frame_size, need, need_count

_tracks: "weakref.WeakValueDictionary[str, CustomVideoTrack]" = weakref.WeakValueDictionary()
_cameras: "weakref.WeakValueDictionary[str, VirtualCameraDevice]" = weakref.WeakValueDictionary()


class Sink(Protocol):
    """What gets the pictures of a source."""

    def take_picture(self, source: "CustomVideoSource") -> None:
        """Take the source's new picture. Must not block or raise."""


class _Picture:
    """What has a width, a height and a color format."""

    _width: int
    _height: int
    _color_format: str

    @property
    def width(self) -> int:
        """In pixels."""
        return self._width

    @property
    def height(self) -> int:
        """In pixels."""
        return self._height

    @property
    def color_format(self) -> str:
        """The layout of a pixel."""
        return self._color_format


class CustomVideoSource(_Picture):
    """Pictures that the bot makes. The room takes up to 15 a second, while somebody watches."""

    def __init__(self, width: int, height: int, color_format: str = "RGBA") -> None:
        """Initialize a source: RGBA, BGRA, ARGB, ABGR, RGB or I420."""
        need_count(width, height)
        self._size = frame_size(width, height, color_format)
        self._width, self._height, self._color_format = width, height, color_format
        self._frame: bytes | None = None
        self._sinks: weakref.WeakSet[Sink] = weakref.WeakSet()

    def write_frame(self, frame: bytes) -> None:
        """Show a picture."""
        need(frame, bytes)
        if len(frame) != self._size:
            shape = f"{self._width}x{self._height} {self._color_format}"
            expected = f"expected {self._size} bytes for {shape}, got {len(frame)}"
            msg = f"frame size mismatch: {expected}"
            raise ValueError(msg)
        self._frame = frame
        for sink in list(self._sinks):
            sink.take_picture(self)


class CustomVideoTrack:
    """A video source as `CallClient.join` and `CallClient.update_inputs` name it."""

    def __init__(self, video_source: CustomVideoSource) -> None:
        """Initialize a track of a source."""
        need(video_source, CustomVideoSource)
        self._source = video_source
        self._id = str(uuid.uuid4())
        _tracks[self._id] = self

    @property
    def id(self) -> str:
        """A UUID."""
        return self._id


class VirtualCameraDevice(MadeByModule, _Picture):
    """A camera that the bot films with; ``settings.deviceId`` of the inputs selects it."""

    _name: str
    _source: CustomVideoSource

    @classmethod
    def _make(cls, name: str, width: int, height: int, color_format: str) -> Self:
        need(name, str)
        self = object.__new__(cls)
        self._name = name
        self._source = CustomVideoSource(width, height, color_format)
        self._width, self._height, self._color_format = width, height, color_format
        _cameras[name] = self
        return self

    @property
    def name(self) -> str:
        """The name that selects it."""
        return self._name

    def write_frame(self, frame: bytes) -> None:
        """Show a picture; one of another size is ignored."""
        need(frame, bytes)
        if len(frame) == self._source._size:
            self._source.write_frame(frame)


def find_video(settings: Mapping[str, Any]) -> CustomVideoSource | None:
    """Give the source of an input: its ``customTrack``, or the camera that ``deviceId`` names."""
    track = _tracks.get(str((settings.get("customTrack") or {}).get("id")))
    camera = _cameras.get(str(settings.get("deviceId")))
    found = track or camera
    return None if found is None else found._source


class VideoFrame(MadeByModule, _Picture):
    """A picture of a participant."""

    _buffer: bytes
    _timestamp_us: int

    @classmethod
    def _of(cls, buffer: bytes, width: int, height: int, color_format: str) -> Self:
        self = object.__new__(cls)
        self._buffer, self._width, self._height = buffer, width, height
        self._color_format, self._timestamp_us = color_format, time.monotonic_ns() // 1000
        return self

    @property
    def buffer(self) -> bytes:
        """The pixels."""
        return self._buffer

    @property
    def timestamp_us(self) -> int:
        """When it came, in microseconds of a clock that never goes back."""
        return self._timestamp_us
