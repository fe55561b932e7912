# SPDX-License-Identifier: BSD-2-Clause
"""Opus, 20 ms at a time: each packet can be sent to everybody who hears the voice."""

from fractions import Fraction
from typing import Any

import av
import numpy as np

from pipecat_daily_rest.local.call.mixer import BLOCK, SAMPLE_RATE, Block

SILENCE = b"\xf8\xff\xfe"  # what the encoder below makes of silence
_QUIET = np.zeros(BLOCK, np.int16)
_BIT_RATE = 64_000


class Encoder:
    """Encodes a voice once per tick, for all who hear it."""

    def __init__(self) -> None:
        self._codec: Any = None
        self._tick = -1
        self._packet = SILENCE

    def encode(self, block: Block, tick: int) -> bytes:
        """Give the packet of this tick; a block of zeros is silence."""
        if tick == self._tick:
            return self._packet
        if not block.any():
            self._packet = SILENCE
            self._codec = None
        else:
            if self._codec is None or tick != self._tick + 1:
                self._codec = _codec()
                self._encode(_QUIET)  # browsers have heard silence last, and decode by that
            self._packet = self._encode(block)
        self._tick = tick
        return self._packet

    def _encode(self, block: Block) -> bytes:
        frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        return b"".join(bytes(packet) for packet in self._codec.encode(frame))


def _codec() -> Any:
    codec = av.CodecContext.create("libopus", "w")
    codec.bit_rate, codec.sample_rate = _BIT_RATE, SAMPLE_RATE
    codec.format, codec.layout = "s16", "mono"
    codec.time_base = Fraction(1, SAMPLE_RATE)
    # Without the part for speech, which delays by 4 ms more; half the work of the best quality.
    codec.options = {"application": "lowdelay", "compression_level": "5"}
    return codec
