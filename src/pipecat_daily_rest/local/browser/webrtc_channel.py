# SPDX-License-Identifier: BSD-2-Clause
"""A browser's data channel. One that cannot be told things is the trouble of its browser alone."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

_BACKLOG = 65_536  # bytes that wait for a slow browser; levels are dropped beyond
_MOST_WAITING = 8 * 1024 * 1024  # bytes that wait: beyond them the browser is put out
_PIECE = 16_384  # characters, all of them ASCII, that every browser takes in one message


class Channel:
    """What the page is told.

    Parameters:
        failed: Whether something could not be told; then nothing more is.
    """

    def __init__(self, channel: Any, on_failure: Callable[[str], None]) -> None:
        """Initialize it."""
        self._channel = channel
        self._on_failure = on_failure
        self.failed = False

    @property
    def is_slow(self) -> bool:
        """Whether what can be left out should be."""
        return bool(self._channel.bufferedAmount >= _BACKLOG)

    def tell(self, event: dict[str, Any]) -> None:
        """Send an event; never raises."""
        channel = self._channel
        if channel.readyState != "open" or self.failed:
            return
        text = json.dumps(event)
        if channel.bufferedAmount + len(text) > _MOST_WAITING:
            self._fail("it does not take what it is told")
            return
        try:
            for piece in pieces(text):
                channel.send(piece)
        except Exception as exc:  # aiortc's own, as when this browser takes short messages only
            self._fail(str(exc))

    def _fail(self, why: str) -> None:
        self.failed = True
        # Not now: whoever tells everybody has others to tell first.
        asyncio.get_running_loop().call_soon(self._on_failure, why)


def pieces(text: str) -> list[str]:
    """Cut what is too long for one message."""
    if len(text) <= _PIECE:
        return [text]
    cut = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    return [*(f"+{piece}" for piece in cut[:-1]), f".{cut[-1]}"]
