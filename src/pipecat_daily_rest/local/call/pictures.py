# SPDX-License-Identifier: BSD-2-Clause
"""Cameras and screens: what is shown, and who looks at it.

A browser sends and takes VP8; bots and tests send and take pixels. VP8 from a browser goes to other
browsers as it is. `vp8` converts from one form to the other, and is loaded only for that. A feed that
nobody looks at does nothing.
"""

import asyncio
import importlib
import traceback
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from loguru import logger

SOURCES = ("camera", "screenVideo")
FRAME_RATE = 15  # pictures a second at most
MOST_PIXELS = 1280 * 800  # in a picture; senders make larger ones smaller

_REFRESH = 1.0  # seconds until a picture that stands still is sent again: it gets sharper
_MOST_WAITING = 60  # VP8 frames that wait for the decoder; beyond it they start anew


@dataclass(frozen=True)
class Picture:
    """A picture: its size in pixels, and these row by row, 3 bytes each."""

    width: int
    height: int
    rgb: bytes

    def __post_init__(self) -> None:
        """Check the size; raise `ValueError`."""
        pixels = self.width * self.height
        if not 0 < pixels <= MOST_PIXELS or len(self.rgb) != 3 * pixels:
            msg = (
                f"a picture of {self.width}x{self.height} has up to {MOST_PIXELS} pixels of "
                f"3 bytes, not {len(self.rgb)} bytes"
            )
            raise ValueError(msg)


def is_key(frame: bytes) -> bool:
    """Tell whether a frame of VP8 is a key frame: it needs none of those before it."""
    # https://datatracker.ietf.org/doc/html/rfc6386#section-9.1
    return bool(frame) and frame[0] & 1 == 0


class Publisher(Protocol):
    """What sends a feed its frames. No method may block or raise."""

    def wanted(self, wanted: bool) -> None:
        """Begin to send, since somebody looks now, or stop."""

    def refresh(self) -> None:
        """Send a key frame soon."""


Look: TypeAlias = Callable[[Picture | None], None]
Tap: TypeAlias = Callable[[bytes], None]


class Feed:
    """One participant's camera or screen. Its methods are for the room's event loop."""

    def __init__(self) -> None:
        self._looks: dict[Look, None] = {}
        self._taps: dict[Tap, None] = {}
        self._publisher: Publisher | None = None
        self._open = False
        self._last: Picture | None = None
        self._vp8: deque[bytes] = deque()
        self._began = False  # whether a key frame has come
        self._key = False  # whether the next frame to encode must be a key frame
        self._changed = asyncio.Event()
        self._converter: asyncio.Task[None] | None = None

    # -- Who sends -------------------------------------------------------------------------

    def publish(self, publisher: Publisher | None) -> None:
        """Tell a publisher whether frames are wanted, now and on every change; None always sends."""
        self._publisher = publisher
        if publisher is not None:
            publisher.wanted(self._is_wanted)

    def open(self, is_open: bool) -> None:
        """Let those who look see what comes, or not."""
        if is_open == self._open:
            return
        self._open = is_open
        if is_open and self._last is not None:
            self.show(self._last)
        elif not is_open:
            self._began = False
            self._vp8.clear()
            self._stop()
            for look in list(self._looks):
                look(None)

    def show(self, picture: Picture) -> None:
        """Show a picture until the next."""
        self._last = picture
        if self._open:
            self._changed.set()
            for look in list(self._looks):
                look(picture)
            self._convert()

    def push(self, frame: bytes) -> None:
        """Pass a whole frame of VP8 on. The first is a key frame."""
        if not self._open:
            return
        if not self._began and not is_key(frame):
            self.refresh()
            return
        self._began = True
        for tap in list(self._taps):
            tap(frame)
        if self._looks:
            if len(self._vp8) >= _MOST_WAITING:
                self._vp8.clear()
                self._began = False
                return
            self._vp8.append(frame)
            self._changed.set()
            self._convert()

    # -- Who looks -------------------------------------------------------------------------

    def look(self, look: Look) -> None:
        """Have every picture passed to ``look``, the last one at once; None when it is off.

        ``look`` must not block or raise.
        """
        before = self._is_wanted
        self._looks[look] = None
        self._tell(before)
        if self._open and self._last is not None:
            look(self._last)
        else:
            self.refresh()

    def tap(self, tap: Tap) -> None:
        """Have every frame passed to ``tap`` as VP8; it must not block or raise.

        The first ones may need a key frame that came before.
        """
        before = self._is_wanted
        self._taps[tap] = None
        self._tell(before)
        self._convert()
        self.refresh()

    def leave(self, viewer: Any) -> None:
        """Pass no more to a ``look`` or ``tap``. A second time does nothing."""
        before = self._is_wanted
        self._looks.pop(viewer, None)
        self._taps.pop(viewer, None)
        self._tell(before)
        if not (self._looks if self._last is None else self._taps):
            self._vp8.clear()
            self._stop()

    def refresh(self) -> None:
        """Ask for a key frame."""
        self._key = True
        self._changed.set()
        if self._publisher is not None:
            self._publisher.refresh()

    @property
    def _is_wanted(self) -> bool:
        return bool(self._looks or self._taps)

    def _tell(self, before: bool) -> None:
        if self._publisher is not None and before != self._is_wanted:
            self._publisher.wanted(self._is_wanted)

    # -- From one form to the other --------------------------------------------------------

    def _convert(self) -> None:
        if self._converter is not None or not self._open:
            return
        if self._taps and self._last is not None:
            self._start(self._encode())
        elif self._looks and self._vp8:
            self._start(self._decode())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        def done(task: asyncio.Task[None]) -> None:
            if self._converter is task:
                self._converter = None
            if not task.cancelled() and (exc := task.exception()) is not None:
                # Formatted here: loguru would print the values in the frames.
                trace = "".join(traceback.format_exception(exc))
                logger.error("A camera in a local room failed:\n{}", trace)

        self._converter = asyncio.create_task(work)
        self._converter.add_done_callback(done)

    def _stop(self) -> None:
        if self._converter is not None:
            self._converter.cancel()
            self._converter = None

    async def _encode(self) -> None:
        encoder = (await _codec()).Encoder()
        loop = asyncio.get_running_loop()
        while self._last is not None:
            began = loop.time()
            key, self._key = self._key, False
            self._changed.clear()
            frame = await asyncio.to_thread(encoder.encode, self._last, began, key)
            for tap in list(self._taps):
                tap(frame)
            await asyncio.sleep(began + 1 / FRAME_RATE - loop.time())
            with suppress(TimeoutError):
                async with asyncio.timeout(_REFRESH):
                    await self._changed.wait()

    async def _decode(self) -> None:
        decoder = (await _codec()).Decoder()
        while True:
            frames = list(self._vp8)
            self._vp8.clear()
            self._changed.clear()
            if frames:
                picture = await asyncio.to_thread(decoder.decode, frames)
                if picture is None:
                    self.refresh()
                for look in list(self._looks) if picture is not None else ():
                    look(picture)
            if not self._vp8:
                await self._changed.wait()


async def _codec() -> Any:
    return await asyncio.to_thread(importlib.import_module, "pipecat_daily_rest.local.call.vp8")
