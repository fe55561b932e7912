# SPDX-License-Identifier: BSD-2-Clause
"""Video out: from the bot's sources to the room."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from daily._color_formats import to_rgb
from daily._threads import Worker
from daily._video_sources import CustomVideoSource, find_video

_INTERVAL = 1 / 15  # seconds between two pictures
_TRACKS = ("camera", "screenVideo")


class VideoOut:
    """The bot's camera and screen. Nothing is sent while nobody watches."""

    def __init__(self, show: Callable[[str, int, int, bytes], None]) -> None:
        """Initialize without sources; `show` takes track, width, height and RGB, without blocking."""
        self._show = show
        self._lock = threading.Lock()
        self._worker = Worker("daily-camera")
        self._sources: dict[str, CustomVideoSource] = {}
        self._wanted: set[str] = set()
        self._sent: dict[str, tuple[float, bytes]] = {}
        self._due: set[str] = set()

    def connect(self, inputs: Mapping[str, Any]) -> None:
        """Take the pictures of the sources in the inputs, and of no others."""
        sources = {}
        for name in _TRACKS:
            source = find_video(inputs[name].get("settings") or {})
            if inputs[name].get("isEnabled") and source is not None:
                sources[name] = source
        with self._lock:
            before, self._sources = self._sources, sources
        for source in {*before.values()} - {*sources.values()}:
            source._sinks.discard(self)
        for name, source in sources.items():
            source._sinks.add(self)
            if before.get(name) is not source:
                self._again(name)

    def want(self, name: str, wanted: bool) -> None:
        """Note whether somebody watches a track."""
        with self._lock:
            (self._wanted.add if wanted else self._wanted.discard)(name)
        if wanted:
            self._again(name)

    def forget(self) -> None:
        """Note that nobody watches any more."""
        with self._lock:
            self._wanted.clear()

    def close(self) -> None:
        """Let go of the sources."""
        with self._lock:
            sources, self._sources = self._sources, {}
        for source in sources.values():
            source._sinks.discard(self)
        self._worker.stop()

    def take_picture(self, source: CustomVideoSource) -> None:
        """Send what a source shows, on the thread that writes it (`Sink`)."""
        with self._lock:
            for name in self._wanted - self._due:
                if self._sources.get(name) is source:
                    self._due.add(name)
                    sent, _ = self._sent.get(name, (0.0, b""))
                    self._worker.call(self._send, name, at=sent + _INTERVAL)

    def _again(self, name: str) -> None:
        with self._lock:
            self._sent.pop(name, None)
            source = self._sources.get(name)
        if source is not None:
            self.take_picture(source)

    def _send(self, name: str) -> None:
        with self._lock:
            self._due.discard(name)
            source = self._sources.get(name) if name in self._wanted else None
            frame = None if source is None else source._frame
            _, last = self._sent.get(name, (0.0, b""))
            if source is None or frame is None or frame == last:
                return  # the same picture again costs nothing
            self._sent[name] = (time.monotonic(), frame)
        rgb, width, height = to_rgb(frame, source.width, source.height, source.color_format)
        self._show(name, width, height, rgb)
