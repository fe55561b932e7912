# SPDX-License-Identifier: BSD-2-Clause
"""Packets to and from a browser, past the encoders, the decoders and the buffers of aiortc."""

import asyncio
from abc import abstractmethod
from collections import deque
from fractions import Fraction
from typing import Any

import av
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack


class PacketTrack(MediaStreamTrack):  # type: ignore[misc] # aiortc is not typed for mypy
    """A track to the browser that sends packets as they are."""

    def __init__(self, clock: int, most: int | None = None) -> None:
        """Count `time` in 1/`clock` s; drop the oldest packet where more than `most` wait."""
        super().__init__()
        self._packets: deque[bytes] = deque(maxlen=most)
        self._news = asyncio.Event()
        self._clock = Fraction(1, clock)

    def put(self, packet: bytes) -> None:
        """Queue a packet."""
        self._packets.append(packet)
        self._news.set()

    @abstractmethod
    def time(self) -> int:
        """Give the time of the next packet; asked once for each, when it is sent."""

    async def recv(self) -> Any:
        """Give aiortc the next packet."""
        while not self._packets:
            if self.readyState != "live":
                raise MediaStreamError
            self._news.clear()
            await self._news.wait()
        packet = av.Packet(self._packets.popleft())
        packet.time_base, packet.pts = self._clock, self.time()
        return packet

    def stop(self) -> None:
        """End the track, and aiortc's wait for it."""
        super().stop()
        self._news.set()


def put_into(receiver: Any, part: str, ours: Any) -> None:
    """Replace a part of aiortc's receiver, which has no setting for it."""
    attribute = f"_RTCRtpReceiver__{part}"
    if not hasattr(receiver, attribute):
        msg = f"this aiortc keeps its {part.replace('_', ' ')} elsewhere: pip install 'aiortc<1.17'"
        raise TypeError(msg)
    setattr(receiver, attribute, ours)
