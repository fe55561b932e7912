# SPDX-License-Identifier: BSD-2-Clause
"""Samples, and their sample rate."""

import math
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

from daily._checks import MadeByModule

ROOM_RATE = 48_000  # Hz, of everything that goes over the link

_LOBES = 24  # of the filter on each side: a delay of 1.5 ms at 16 kHz
_EDGE = 0.9  # of the band that passes
_BETA = 8.0  # of the Kaiser window: -80 dB beyond the band


class AudioData(MadeByModule):
    """Sound: 16-bit samples of one channel."""

    __slots__ = ("_frames", "_rate")

    _frames: bytes
    _rate: int

    @classmethod
    def _of(cls, frames: bytes, rate: int) -> Self:
        self = object.__new__(cls)
        self._frames, self._rate = frames, rate
        return self

    @property
    def bits_per_sample(self) -> int:
        """Always 16."""
        return 16

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return self._rate

    @property
    def num_channels(self) -> int:
        """Always 1 in a local room."""
        return 1

    @property
    def num_audio_frames(self) -> int:
        """How many samples."""
        return len(self._frames) // 2

    @property
    def audio_frames(self) -> bytes:
        """The samples, in the machine's byte order."""
        return self._frames


class Resampler:
    """Changes the sample rate of a stream, with the same small delay for every block.

    soxr is no alternative: its streams hold back 30 ms or more and then give bursts, so each end
    of a conversation would have to buffer as much. They also complain at the end of the process.
    """

    def __init__(self, source: int, target: int) -> None:
        """Initialize a resampler from one rate to another, in Hz."""
        source, target = max(1, source), max(1, target)  # daily-python accepts 0
        shared = math.gcd(source, target)
        self._up, self._down = target // shared, source // shared
        self._filter = _filter(self._up, self._down)
        self.reset()

    def reset(self) -> None:
        """Begin a new stream."""
        self._held: NDArray[np.float32] = np.zeros(self._filter.shape[1] - 1, np.float32)
        self._phase = 0  # of the next sample, in 1/up of an input sample

    def __call__(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        """Resample the next block, mono; its duration stays the same within one sample."""
        if self._up == self._down:
            return samples
        stream = np.concatenate([self._held, samples.astype(np.float32)])
        width = self._filter.shape[1]
        ready = len(stream) - width + 1  # positions at which the filter fits
        wanted = max(0, -(-(ready * self._up - self._phase) // self._down))
        at = self._phase + np.arange(wanted) * self._down
        windows = np.lib.stride_tricks.sliding_window_view(stream, width)[at // self._up]
        out: NDArray[np.float32] = np.einsum("ij,ij->i", windows, self._filter[at % self._up])
        self._phase += wanted * self._down - ready * self._up
        self._held = stream[ready:]
        return np.clip(np.rint(out), -32768, 32767).astype(np.int16)


@lru_cache(maxsize=32)
def _filter(up: int, down: int) -> NDArray[np.float32]:
    """A windowed sinc for each position between two input samples."""
    band = _EDGE * min(1.0, up / down)
    half = math.ceil(_LOBES / min(1.0, up / down))
    taps = np.arange(-half + 1, half + 1)
    distance = taps[None, :] - np.arange(up)[:, None] / up
    window = np.i0(_BETA * np.sqrt(np.maximum(0.0, 1 - (distance / half) ** 2))) / np.i0(_BETA)
    table: NDArray[np.float64] = band * np.sinc(band * distance) * window
    # Each position has a gain of 1, or the gain would ripple with the rate.
    table /= table.sum(axis=1, keepdims=True)
    return table.astype(np.float32)


def mono(frames: bytes, channels: int) -> NDArray[np.int16]:
    """Mix interleaved channels of 16-bit samples into one."""
    samples: NDArray[np.int16] = np.frombuffer(frames, np.int16)
    if channels <= 1:
        return samples
    mixed: NDArray[np.float64] = samples.reshape(-1, channels).mean(axis=1)
    return mixed.astype(np.int16)
