# SPDX-License-Identifier: BSD-2-Clause
"""A browser's data channel. A failure concerns its own browser only."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

_BACKLOG = 65_536  # bytes that wait; a slower browser gets no levels
_MOST_WAITING = 8 * 1024 * 1024  # bytes that wait; a slower browser is ejected
_PIECE = 16_384  # characters, all of them ASCII, that every browser takes in one message


class Channel:
    """The events to the page; once one could not be sent (`failed`), no more are sent."""

    def __init__(self, channel: Any, on_failure: Callable[[str], None]) -> None:
        """Initialize with aiortc's channel; `on_failure` is called once, a little later."""
        self._channel = channel
        self._on_failure = on_failure
        self.failed = False

    @property
    def is_slow(self) -> bool:
        """Whether to leave out events that are not needed."""
        return bool(self._channel.bufferedAmount >= _BACKLOG)

    def tell(self, event: dict[str, Any]) -> None:
        """Send an event; never raises."""
        channel = self._channel
        if channel.readyState != "open" or self.failed:
            return
        text = json.dumps(event)
        if channel.bufferedAmount + len(text) > _MOST_WAITING:
            self._fail("it does not read its events")
            return
        try:
            for piece in pieces(text):
                channel.send(piece)
        except Exception as exc:  # aiortc's own, as for a browser that takes short messages only
            self._fail(str(exc))

    def _fail(self, why: str) -> None:
        self.failed = True
        # Later: the caller may have to tell others first.
        asyncio.get_running_loop().call_soon(self._on_failure, why)


def pieces(text: str) -> list[str]:
    """Cut a text into messages: ``+`` begins each but the last, which ``.`` begins."""
    if len(text) <= _PIECE:
        return [text]
    cut = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    return [*(f"+{piece}" for piece in cut[:-1]), f".{cut[-1]}"]
