# SPDX-License-Identifier: BSD-2-Clause
"""A browser's sound, between aiortc and the mixer."""

import asyncio
from collections import deque
from fractions import Fraction
from typing import Any

import av
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from pipecat_daily_rest.local.call.mixer import BLOCK, SAMPLE_RATE, Block


class AudioOut(MediaStreamTrack):  # type: ignore[misc] # aiortc is not typed for mypy
    """Sound to the browser: the mixer puts it, aiortc takes it."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._blocks: deque[Block] = deque(maxlen=5)
        self._news = asyncio.Event()
        self._pts = 0

    def put(self, block: Block) -> None:
        """Queue 20 ms, five at most; drop the oldest."""
        self._blocks.append(block)
        self._news.set()

    async def recv(self) -> Any:
        """Give aiortc the next 20 ms."""
        while not self._blocks:
            if self.readyState != "live":
                raise MediaStreamError
            self._news.clear()
            await self._news.wait()
        block = self._blocks.popleft()
        frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = (
            SAMPLE_RATE,
            Fraction(1, SAMPLE_RATE),
            self._pts,
        )
        self._pts += BLOCK
        return frame


class AudioIn:
    """Sound from the browser: a buffer that evens out the network's jitter."""

    _AHEAD = 2  # blocks that it buffers before it plays
    _MOST = 8  # blocks; more are a burst after a stall
    _LOOK = 100  # blocks; one that was not needed for so long is dropped, since clocks differ

    def __init__(self) -> None:
        self._blocks: deque[Block] = deque()
        self._playing = False
        self._taken = 0
        self._least = self._MOST

    def put(self, block: Block) -> None:
        """Take 20 ms from the network."""
        self._blocks.append(block)
        if len(self._blocks) > self._MOST:
            while len(self._blocks) > self._AHEAD:
                self._blocks.popleft()

    def take(self) -> Block | None:
        """Give the next 20 ms, or None for silence."""
        self._playing = bool(self._blocks) and (self._playing or len(self._blocks) >= self._AHEAD)
        if not self._playing:
            return None
        block = self._blocks.popleft()
        self._least = min(self._least, len(self._blocks))
        self._taken += 1
        if self._taken == self._LOOK:
            if self._least >= self._AHEAD:
                self._blocks.popleft()
            self._taken, self._least = 0, self._MOST
        return block
