# SPDX-License-Identifier: BSD-2-Clause
"""Sound from a browser: its packets, put in order and decoded, then evened out for the mixer."""

from collections import deque
from collections.abc import Callable
from typing import Any

import av

from pipecat_daily_rest.local.browser.webrtc_packets import put_into
from pipecat_daily_rest.local.call.mixer import BLOCK, SAMPLE_RATE, Block

_PATIENCE = 3  # packets that wait for a missing one
_LATE = 100  # packets; one that is further behind begins a new count
_NUMBERS = 1 << 16  # of packets; after the last one comes 0


class AudioIn:
    """A buffer that evens out the network's jitter.

    It begins with the first block. A block that comes too late leaves a hole and is played after
    it, so from then on a block may be as late as that one.
    """

    _MOST = 8  # blocks; more are a burst after a stall
    _LOOK = 100  # blocks; one that was not needed for so long is dropped

    def __init__(self) -> None:
        self._blocks: deque[Block] = deque()
        self._spare = 1  # so many blocks that wait and are never needed are too many
        self._taken = 0
        self._least = self._MOST

    def put(self, block: Block) -> None:
        """Take 20 ms from the network."""
        self._blocks.append(block)
        if len(self._blocks) > self._MOST:
            while len(self._blocks) > self._spare:
                self._blocks.popleft()

    def take(self) -> Block | None:
        """Give the next 20 ms, or None for silence."""
        if not self._blocks:
            if self._taken:
                self._spare = 2  # one covers late blocks; a second one comes of a fast clock
            return None
        block = self._blocks.popleft()
        self._least = min(self._least, len(self._blocks))
        self._taken += 1
        if self._taken == self._LOOK:
            if self._least >= self._spare:
                self._blocks.popleft()
            self._taken, self._least = 0, self._MOST
        return block


class Microphone:
    """A browser's microphone, in place of aiortc's jitter buffer.

    That one keeps each packet until the next has come, and waits 0.3 s for one that is lost.
    """

    def __init__(self, receiver: Any, on_sound: Callable[[], None]) -> None:
        """Take the place of the jitter buffer; `on_sound` is called for each packet."""
        put_into(receiver, "jitter_buffer", self)
        self._on_sound = on_sound
        self._source: int | None = None
        self._next = 0  # the number of the packet that comes next
        self._waiting: dict[int, bytes] = {}
        self._decoder = av.CodecContext.create("libopus", "r")
        self._decoder.sample_rate, self._decoder.layout = SAMPLE_RATE, "mono"
        self._samples = av.AudioFifo()
        self._blocks = AudioIn()

    def take(self) -> Block | None:
        """Give the next 20 ms, or None for silence."""
        return self._blocks.take()

    def add(self, packet: Any) -> tuple[bool, None]:
        """Take a packet from aiortc, which gets no frame to decode."""
        self._on_sound()
        number = packet.sequence_number
        if packet.ssrc != self._source:
            self._source, self._next = packet.ssrc, number
            self._waiting.clear()
        if not 0 < self._distance(number, self._next) <= _LATE:
            self._waiting[number] = packet.payload
        while self._waiting:
            if self._next not in self._waiting:
                if len(self._waiting) < _PATIENCE:
                    break
                self._next = min(self._waiting, key=lambda each: self._distance(self._next, each))
            self._decode(self._waiting.pop(self._next))
            self._next = (self._next + 1) % _NUMBERS
        return False, None

    @staticmethod
    def _distance(earlier: int, later: int) -> int:
        return (later - earlier) % _NUMBERS

    def _decode(self, payload: bytes) -> None:
        if not payload:
            return
        try:
            frames = self._decoder.decode(av.Packet(payload))
        except av.FFmpegError:
            return  # no Opus; the next packet may be
        for frame in frames:
            frame.pts = None
            self._samples.write(frame)
        while (block := self._samples.read(BLOCK)) is not None:
            self._blocks.put(block.to_ndarray().reshape(-1))
