# SPDX-License-Identifier: BSD-2-Clause
"""Cameras and screens: what is shown, and who looks at it.

A browser sends and takes VP8; bots and tests send and take plain pictures. VP8 is passed on as it
came, from browser to browsers. What comes in one form and is wanted in the other is converted by
`vp8`, which is loaded for that; where nobody looks, nothing is done.
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
    """A picture.

    Parameters:
        width: In pixels.
        height: In pixels.
        rgb: Its pixels, row by row, 3 bytes each.
    """

    width: int
    height: int
    rgb: bytes

    def __post_init__(self) -> None:
        """Check the size.

        Raises:
            ValueError: It is too large, or the bytes are too many or too few.
        """
        pixels = self.width * self.height
        if not 0 < pixels <= MOST_PIXELS or len(self.rgb) != 3 * pixels:
            msg = (
                f"a picture of {self.width}x{self.height} has up to {MOST_PIXELS} pixels of "
                f"3 bytes, not {len(self.rgb)} bytes"
            )
            raise ValueError(msg)


def is_key(frame: bytes) -> bool:
    """Tell whether a frame can be read without those before it.

    Reference: https://datatracker.ietf.org/doc/html/rfc6386#section-9.1

    Args:
        frame: The frame.

    Returns:
        Whether it can.
    """
    return bool(frame) and frame[0] & 1 == 0


class Publisher(Protocol):
    """Whoever sends a feed its frames. No method may block or raise."""

    def wanted(self, wanted: bool) -> None:
        """Begin to send, or stop: somebody looks now, or nobody."""

    def refresh(self) -> None:
        """Send a frame soon that can be read without those before it."""


Look: TypeAlias = Callable[[Picture | None], None]
Tap: TypeAlias = Callable[[bytes], None]


class Feed:
    """One participant's camera or screen, for as long as the participant is there.

    Its methods are for the room's event loop, and do not wait.
    """

    def __init__(self) -> None:
        """Initialize a feed that shows nothing, to nobody."""
        self._looks: dict[Look, None] = {}
        self._taps: dict[Tap, None] = {}
        self._publisher: Publisher | None = None
        self._open = False
        self._last: Picture | None = None
        self._vp8: deque[bytes] = deque()
        self._began = False  # whether VP8 has come since nothing was shown
        self._key = False
        self._news = asyncio.Event()
        self._converter: asyncio.Task[None] | None = None

    # -- Who sends -------------------------------------------------------------------------

    def publish(self, publisher: Publisher | None) -> None:
        """Take frames from somebody else than before.

        Args:
            publisher: Who is told when frames are wanted, at once and on every change; None for
                one that always sends.
        """
        self._publisher = publisher
        if publisher is not None:
            publisher.wanted(self._is_wanted)

    def open(self, is_open: bool) -> None:
        """Let what comes be seen, or not."""
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
        """Show a picture; it stays until the next."""
        self._last = picture
        if self._open:
            self._news.set()
            for look in list(self._looks):
                look(picture)
            self._convert()

    def push(self, frame: bytes) -> None:
        """Pass a frame of VP8 on. The first is one that can be read without those before it.

        Args:
            frame: The whole frame.
        """
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
            self._news.set()
            self._convert()

    # -- Who looks -------------------------------------------------------------------------

    def look(self, look: Look) -> None:
        """Give every picture from now on, and the last if there is one.

        Args:
            look: Takes a picture, or None once there is none any more; must not block or raise.
        """
        before = self._is_wanted
        self._looks[look] = None
        self._tell(before)
        if self._open and self._last is not None:
            look(self._last)
        else:
            self.refresh()

    def tap(self, tap: Tap) -> None:
        """Give every frame as VP8 from now on. The first may need frames that came before.

        Args:
            tap: Takes a frame; must not block or raise.
        """
        before = self._is_wanted
        self._taps[tap] = None
        self._tell(before)
        self._convert()
        self.refresh()

    def leave(self, viewer: Any) -> None:
        """Give no more. A second time does nothing."""
        before = self._is_wanted
        self._looks.pop(viewer, None)
        self._taps.pop(viewer, None)
        self._tell(before)
        if not (self._looks if self._last is None else self._taps):
            self._vp8.clear()
            self._stop()

    def refresh(self) -> None:
        """Have a frame sent that can be read without those before it."""
        self._key = True
        self._news.set()
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
            self._news.clear()
            frame = await asyncio.to_thread(encoder.encode, self._last, began, key)
            for tap in list(self._taps):
                tap(frame)
            await asyncio.sleep(began + 1 / FRAME_RATE - loop.time())
            with suppress(TimeoutError):
                async with asyncio.timeout(_REFRESH):
                    await self._news.wait()

    async def _decode(self) -> None:
        decoder = (await _codec()).Decoder()
        while True:
            frames = list(self._vp8)
            self._vp8.clear()
            self._news.clear()
            if frames:
                picture = await asyncio.to_thread(decoder.decode, frames)
                if picture is None:
                    self.refresh()
                for look in list(self._looks) if picture is not None else ():
                    look(picture)
            if not self._vp8:
                await self._news.wait()


async def _codec() -> Any:
    return await asyncio.to_thread(importlib.import_module, "pipecat_daily_rest.local.call.vp8")
