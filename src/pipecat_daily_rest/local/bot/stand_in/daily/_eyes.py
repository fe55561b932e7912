# SPDX-License-Identifier: BSD-2-Clause
"""How what the others in a call show reaches the bot."""

import struct
import threading
import time
from collections.abc import Collection
from typing import Any

from daily._colours import from_rgb
from daily._pictures import VideoFrame
from daily._threads import Worker

_SIZE = struct.Struct("<HH")
_INTERVAL = 1 / 15  # seconds until a picture that stands still is given again, as cameras do


class _Renderer:
    """Gives what one participant shows to the bot, in the color format that it asked for."""

    def __init__(self, id: str, source: str, callback: Any, color_format: str) -> None:
        self._id, self._source, self._callback = id, source, callback
        self._color_format = color_format
        self._shown: tuple[bytes, int, int] | None = None
        self.last: bytes | None = None  # as the room sent it
        self.waiting: bytes | None = None  # empty when the track has ended
        self.closed = False
        self.count = 0  # of the pictures so far: one that has followed another is repeated no more

    def see(self) -> bool:
        """Give the picture that waits, or the last one again; tell whether there was one."""
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


class Eyes:
    """The video renderers of a call, and the thread that feeds them."""

    def __init__(self) -> None:
        """Initialize eyes that look at nobody."""
        self._lock = threading.Lock()
        self._worker = Worker("daily-video")
        self._renderers: dict[tuple[str, str], _Renderer] = {}

    def render(self, id: str, callback: Any, source: str, color_format: str) -> None:
        """Give what a participant shows to the bot from now on."""
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
        """Tell whose pictures are wanted."""
        with self._lock:
            return sorted(key for key in self._renderers if key[0] in present)

    def forget(self, id: str | None = None) -> None:
        """Look at somebody no longer.

        Args:
            id: The session id; everybody when None.
        """
        with self._lock:
            for key in [key for key in self._renderers if id in (None, key[0])]:
                self._renderers.pop(key).closed = True

    def stop(self) -> None:
        """See nothing any more."""
        self._worker.stop()

    def take(self, id: str, source: str, picture: bytes | None) -> None:
        """Take a picture from the room, and come back at once.

        Args:
            id: Whose.
            source: Which of its tracks.
            picture: As the room sends it; None once the track has ended.
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
        if renderer.closed or repeats not in (None, renderer.count):
            return  # another picture has come, and is repeated itself
        if repeats is None and renderer.waiting is None:
            return  # a repetition has taken it
        if renderer.see():
            at = time.monotonic() + _INTERVAL
            self._worker.call(self._see, renderer, renderer.count, at=at)
