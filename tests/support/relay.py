# SPDX-License-Identifier: BSD-2-Clause
"""A bad network between a WebRTC peer and its room: a UDP relay that loses and delays."""

import asyncio
import random
import re
from typing import Any, Self

Address = tuple[str, int]

HOST = "127.0.0.1"
_CANDIDATE = re.compile(r"^(a=candidate:\S+ \d+ udp \d+) (\S+) (\d+)", re.MULTILINE | re.IGNORECASE)


class Relay:
    """Passes on what two sides send, each of which takes it for the other.

    Until `impair` it loses nothing. Everything that happens after it follows from the seed and
    the order of the packets.

    Parameters:
        passed: Packets that went through.
        lost: Packets that did not.
        late: Packets that came after one that was sent later.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._loss, self._jitter = 0.0, 0.0
        self.passed = self.lost = self.late = 0
        self._sides = (_Side(self), _Side(self))
        self._sides[0].other, self._sides[1].other = self._sides[1], self._sides[0]

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for side in self._sides:
            await loop.create_datagram_endpoint(lambda side=side: side, local_addr=(HOST, 0))
        return self

    async def __aexit__(self, *_: object) -> None:
        for side in self._sides:
            side.transport.close()

    def impair(self, *, loss: float = 0.0, jitter: float = 0.0) -> None:
        """Lose and delay from now on; without arguments, no more.

        Args:
            loss: The share of the packets that is lost, from 0 to 1.
            jitter: Seconds by which a packet is late at most; how many is drawn for each.
        """
        self._loss, self._jitter = loss, jitter

    def offer(self, sdp: str) -> str:
        """Give the peer's offer as the room has to see it."""
        return self._rewrite(sdp, 0)

    def answer(self, sdp: str) -> str:
        """Give the room's answer as the peer has to see it."""
        return self._rewrite(sdp, 1)

    def _rewrite(self, sdp: str, number: int) -> str:
        """Whoever wrote it is behind one side; whoever reads it sends to the other side."""
        side = self._sides[number]
        first = _CANDIDATE.search(sdp)
        assert first is not None, "the SDP has no candidate"
        side.peer = (first[2], int(first[3]))
        port = side.other.transport.get_extra_info("sockname")[1]
        return _CANDIDATE.sub(rf"\1 {HOST} {port}", sdp)

    def carry(self, data: bytes, side: "_Side") -> None:
        if self._random.random() < self._loss:
            self.lost += 1
            return
        delay = self._random.uniform(0, self._jitter)
        side.sent += 1
        asyncio.get_running_loop().call_later(delay, self._deliver, data, side, side.sent)

    def _deliver(self, data: bytes, side: "_Side", number: int) -> None:
        if side.other.peer is None or side.other.transport.is_closing():
            return
        self.passed += 1
        self.late += number < side.newest
        side.newest = max(side.newest, number)
        side.other.transport.sendto(data, side.other.peer)


class _Side(asyncio.DatagramProtocol):
    """The socket that one of the two talks to."""

    other: "_Side"
    transport: Any

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self.peer: Address | None = None
        self.sent = self.newest = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._relay.carry(data, self)

    def error_received(self, exc: Exception) -> None:
        """A port that is closed by now: a lost packet."""
