# SPDX-License-Identifier: BSD-2-Clause
"""Video in: from the room to the bot's video renderers."""

import struct
import threading
import time
from collections.abc import Callable, Collection

from daily._color_formats import from_rgb
from daily._threads import Worker
from daily._video_sources import VideoFrame

_SIZE = struct.Struct("<HH")
_INTERVAL = 1 / 15  # seconds until the same picture is given again, as cameras do

Callback = Callable[[str, VideoFrame, str], None]  # with a session id, a picture, and its track


class _Renderer:
    """Gives one track to the bot, in the color format that it asked for."""

    def __init__(self, id: str, source: str, callback: Callback, color_format: str) -> None:
        self._id, self._source, self._callback = id, source, callback
        self._color_format = color_format
        self._shown: tuple[bytes, int, int] | None = None
        self.last: bytes | None = None  # as the room sent it
        self.waiting: bytes | None = None  # empty when the track has ended
        self.closed = False
        self.count = 0  # of pictures so far; only the last one is given again

    def see(self) -> bool:
        """Give the waiting picture, or the last one again; tell whether there was one."""
        picture, self.waiting = self.waiting, None
        if picture is not None:
            self.last, self._shown = picture or None, None
            self.count += 1
        if picture:
            width, height = _SIZE.unpack_from(picture)
            rgb = picture[_SIZE.size :]
            self._shown = from_rgb(rgb, width, height, self._color_format), width, height
        if self._shown is None:
            return False
        frame = VideoFrame._of(*self._shown, self._color_format)
        self._callback(self._id, frame, self._source)
        return True


class VideoIn:
    """The video renderers of a call, and the thread that feeds them."""

    def __init__(self) -> None:
        """Initialize without renderers."""
        self._lock = threading.Lock()
        self._worker = Worker("daily-video")
        self._renderers: dict[tuple[str, str], _Renderer] = {}

    def render(self, id: str, callback: Callback, source: str, color_format: str) -> None:
        """Give a participant's ``camera`` or ``screenVideo`` to the bot."""
        renderer = _Renderer(id, source, callback, color_format)
        with self._lock:
            before = self._renderers.get((id, source))
            self._renderers[id, source] = renderer
            if before is not None:
                renderer.waiting = before.last if before.waiting is None else before.waiting
                before.closed = True
        if renderer.waiting is not None:
            self._worker.call(self._see, renderer)

    def wanted(self, present: Collection[str]) -> list[tuple[str, str]]:
        """Give the session id and the track of each renderer whose participant is present."""
        with self._lock:
            return sorted(key for key in self._renderers if key[0] in present)

    def forget(self, id: str | None = None) -> None:
        """Remove the renderers of a participant, or all of them."""
        with self._lock:
            for key in [key for key in self._renderers if id in (None, key[0])]:
                self._renderers.pop(key).closed = True

    def stop(self) -> None:
        """End the thread."""
        self._worker.stop()

    def take(self, id: str, source: str, picture: bytes | None) -> None:
        """Queue a picture as the room sends it, or None for a track that ends.

        Must return at once.
        """
        with self._lock:
            renderer = self._renderers.get((id, source))
            if renderer is None:
                return
            waits = renderer.waiting is not None
            renderer.waiting = picture or b""  # a slow bot sees the latest
        if not waits:
            self._worker.call(self._see, renderer)

    def _see(self, renderer: _Renderer, repeats: int | None = None) -> None:
        """Give a new picture, or repeat the one with that count."""
        if renderer.closed or repeats not in (None, renderer.count):
            return
        if repeats is None and renderer.waiting is None:
            return  # a repetition has given it
        if renderer.see():
            at = time.monotonic() + _INTERVAL
            self._worker.call(self._see, renderer, renderer.count, at=at)
