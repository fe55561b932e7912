# SPDX-License-Identifier: BSD-2-Clause
"""A file of sound that is complete up to its last half second, whatever ends the process.

PyAV comes with aiortc. It is imported by the thread that writes, since that takes a while.
"""

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.call.mixer import BLOCK, SAMPLE_RATE, Block

AT_ONCE = 6  # blocks that are encoded at once
_PIECE = "250"  # milliseconds of sound that are written at once
_MICROSECONDS = "000"
_FORMATS: dict[str, tuple[str, str, dict[str, str]]] = {
    # Fragments that each stand alone, after a header without an index.
    ".mp4": (
        "mp4",
        "aac",
        {"movflags": "empty_moov+default_base_moof", "frag_duration": _PIECE + _MICROSECONDS},
    ),
    ".webm": ("webm", "libopus", {"cluster_time_limit": _PIECE}),
}
_FORMATS[".m4a"] = _FORMATS[".mp4"]
_SILENCE = np.zeros(BLOCK, np.int16)


class SoundFile:
    """A file that grows by 20 ms at a time; the suffix of its path decides on its format."""

    def __init__(self, path: Path) -> None:
        import av

        name, codec, options = _FORMATS[path.suffix]
        self.path = path
        self._frame = av.AudioFrame
        self._written = 0  # blocks
        self._blocks: list[Block] = []  # that come next
        self._whole = 0  # bytes up to which all is whole
        self._failed = False
        container = av.open(str(path), "w", format=name, options={**options, "flush_packets": "1"})
        self._container = container
        self._stream: Any = container.add_stream(codec, rate=SAMPLE_RATE, layout="mono")
        self._stream.bit_rate = 64_000

    def write(self, at: int, block: Block | None) -> None:
        """Add 20 ms (None: silence) that are ``at`` so many blocks from the file's start."""
        while self._written + len(self._blocks) < at:  # ticks that the mixer has skipped
            self._add(_SILENCE)
        self._add(_SILENCE if block is None else block)

    def _add(self, block: Block) -> None:
        self._blocks.append(block)
        if len(self._blocks) >= AT_ONCE:
            self._encode()

    def _encode(self) -> None:
        """Encode what waits, at once: each call of the encoder takes the interpreter's lock."""
        samples = np.concatenate(self._blocks).reshape(1, -1)
        frame = self._frame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        frame.pts, frame.time_base = self._written * BLOCK, Fraction(1, SAMPLE_RATE)
        self._written += len(self._blocks)
        self._blocks.clear()
        self._mux(frame)

    def _mux(self, frame: Any) -> None:
        try:
            packets = self._stream.encode(frame)
            self._container.mux(packets)  # the first one creates the file
        except Exception:
            self._failed = True
            raise
        if packets:
            self._whole = self.path.stat().st_size

    def close(self) -> None:
        """Write the end; a file that could not be written is cut where it was still whole."""
        try:
            if self._blocks and not self._failed:
                self._encode()
            if not self._failed:
                self._mux(None)
            self._container.close()
        except Exception:
            self._failed = True
            raise
        finally:
            if self._failed and self.path.exists():
                os.truncate(self.path, self._whole)


def read_sound(path: Path) -> NDArray[np.int16]:
    """Decode a file; gives samples at 48 kHz, mono; raises `DailyConfigError`."""
    import av

    parts = []
    try:
        with av.open(str(path)) as container:
            resampler = av.AudioResampler("s16", "mono", SAMPLE_RATE)
            for frame in container.decode(audio=0):
                parts += [each.to_ndarray().reshape(-1) for each in resampler.resample(frame)]
    except av.FFmpegError as exc:
        msg = f"the recording {str(path)!r} cannot be read: {exc.strerror}"
        raise DailyConfigError(msg) from exc
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)
