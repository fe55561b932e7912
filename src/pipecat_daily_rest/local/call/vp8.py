# SPDX-License-Identifier: BSD-2-Clause
"""Pictures from and to VP8. For use on a thread: a picture takes milliseconds."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.frame import PictureType, VideoFrame

from pipecat_daily_rest.local.call.pictures import FRAME_RATE, MOST_PIXELS, Picture, is_key

CLOCK = 90_000  # ticks a second, as in RTP
_BIT_RATE = 1_500_000  # bits a second
_REALTIME = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "static-thresh": "1"}


class Encoder:
    """Pictures to VP8, of the size of the first."""

    def __init__(self) -> None:
        self._codec: Any = None

    def encode(self, picture: Picture, at: float, key: bool) -> bytes:
        """Encode a picture that is shown ``at`` so many seconds, as a key frame or not."""
        size = (picture.width, picture.height)
        if self._codec is None or (self._codec.width, self._codec.height) != size:
            self._codec = av.CodecContext.create("libvpx", "w")
            self._codec.width, self._codec.height = size
            self._codec.pix_fmt = "yuv420p"
            self._codec.bit_rate = _BIT_RATE
            self._codec.framerate = Fraction(FRAME_RATE)
            self._codec.time_base = Fraction(1, CLOCK)
            self._codec.options = _REALTIME
            self._codec.thread_count = 1
        pixels = np.frombuffer(picture.rgb, np.uint8).reshape(picture.height, picture.width, 3)
        frame = VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = round(at * CLOCK), Fraction(1, CLOCK)
        frame.pict_type = PictureType.I if key else PictureType.NONE
        return b"".join(bytes(packet) for packet in self._codec.encode(frame))


class Decoder:
    """VP8 to pictures."""

    def __init__(self) -> None:
        self._codec: Any = av.CodecContext.create("libvpx", "r")
        self._began = False

    def decode(self, frames: Iterable[bytes]) -> Picture | None:
        """Decode frames in order; give the last picture, or None when a frame before it is missing."""
        last = None
        for frame in frames:
            self._began = self._began or is_key(frame)
            if not self._began:
                continue
            try:
                decoded = self._codec.decode(av.Packet(frame))
            except av.FFmpegError:
                self._began, last = False, None
                continue
            last = decoded[-1] if decoded else last
        if last is None:
            return None
        width, height = last.width, last.height
        while width * height > MOST_PIXELS:
            width, height = width // 2, height // 2
        pixels = last.to_ndarray(format="rgb24", width=width, height=height)
        return Picture(width, height, pixels.tobytes())
