# SPDX-License-Identifier: BSD-2-Clause
"""What a bot shows and sees: sources, tracks and a camera, and the pictures of others."""

import time
import uuid
import weakref
from typing import Any, Protocol

from daily._checks import MadeByModule, frame_size, need, need_count

_tracks: "weakref.WeakValueDictionary[str, CustomVideoTrack]" = weakref.WeakValueDictionary()
_cameras: "weakref.WeakValueDictionary[str, VirtualCameraDevice]" = weakref.WeakValueDictionary()


class Sink(Protocol):
    """Where the pictures of a source go."""

    def picture(self, source: "CustomVideoSource") -> None:
        """Look at what the source shows now. Must not block or raise."""


class _Shaped:
    """What has the shape of a picture."""

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
        """How a pixel is written."""
        return self._color_format


class CustomVideoSource(_Shaped):
    """Pictures that the bot makes. The room sees 15 a second at most, while somebody looks."""

    def __init__(self, width: int, height: int, color_format: str = "RGBA") -> None:
        """Initialize the source.

        Args:
            width: In pixels.
            height: In pixels.
            color_format: ``RGBA``, ``BGRA``, ``ARGB``, ``ABGR``, ``RGB`` or ``I420``.
        """
        need_count(width, height)
        self._size = frame_size(width, height, color_format)
        self._width, self._height, self._color_format = width, height, color_format
        self._frame: bytes | None = None
        self._sinks: weakref.WeakSet[Any] = weakref.WeakSet()

    def write_frame(self, frame: bytes) -> None:
        """Show a picture.

        Args:
            frame: Its pixels.

        Raises:
            ValueError: There are too many or too few.
        """
        need(frame, bytes)
        if len(frame) != self._size:
            shape = f"{self._width}x{self._height} {self._color_format}"
            expected = f"expected {self._size} bytes for {shape}, got {len(frame)}"
            msg = f"frame size mismatch: {expected}"
            raise ValueError(msg)
        self._frame = frame
        for sink in list(self._sinks):
            sink.picture(self)


class CustomVideoTrack:
    """A video source as `CallClient.join` and `CallClient.update_inputs` name it."""

    def __init__(self, video_source: CustomVideoSource) -> None:
        """Initialize the track."""
        need(video_source, CustomVideoSource)
        self._source = video_source
        self._id = str(uuid.uuid4())
        _tracks[self._id] = self

    @property
    def id(self) -> str:
        """A UUID."""
        return self._id


class VirtualCameraDevice(MadeByModule, _Shaped):
    """A camera that the bot films with; ``settings.deviceId`` of the inputs selects it."""

    @classmethod
    def _make(cls, name: str, width: int, height: int, color_format: str) -> "VirtualCameraDevice":
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
        """Film a picture.

        Args:
            frame: Its pixels; with too many or too few nothing is filmed.
        """
        need(frame, bytes)
        if len(frame) == self._source._size:
            self._source.write_frame(frame)


def find_video(settings: Any) -> CustomVideoSource | None:
    """Look up what a track is fed from.

    Args:
        settings: Of the input: a ``customTrack`` or the ``deviceId`` of a virtual camera.

    Returns:
        The source, or None when there is no such track or camera.
    """
    track = _tracks.get(str((settings.get("customTrack") or {}).get("id")))
    camera = _cameras.get(str(settings.get("deviceId")))
    found = track or camera
    return None if found is None else found._source


class VideoFrame(MadeByModule, _Shaped):
    """A picture of somebody in the call."""

    @classmethod
    def _of(cls, buffer: bytes, width: int, height: int, color_format: str) -> "VideoFrame":
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
