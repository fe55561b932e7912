# SPDX-License-Identifier: BSD-2-Clause
"""A connection of aiortc that can be closed at any time, and completely."""

import asyncio
from contextlib import suppress
from typing import Any

from aiortc import InvalidStateError, RTCPeerConnection

_PATIENCE = 2.0  # seconds that aiortc gets to close it by itself
_LATE = 1.0  # seconds that a connection that was being made may take to stop


class PeerConnection(RTCPeerConnection):  # type: ignore[misc]
    """One that may be closed while it is being made.

    aiortc's task would fail with a traceback, or begin what nobody ends.
    """

    async def _RTCPeerConnection__connect(self) -> None:
        with suppress(InvalidStateError):
            await getattr(super(), "_RTCPeerConnection__connect")()  # noqa: B009 - it is private
        if self.signalingState == "closed":
            await _stop_tracks(self)


async def close(connection: Any) -> None:
    """Close a connection, even one that is still connecting or that aiortc does not get closed.

    aioice keeps a connection alive for ever that nobody closes. It would do the same with one that is
    closed between the end of its checks and the moment when aioice notes that end.
    """
    transports = [each.receiver.transport for each in connection.getTransceivers()]
    if connection.sctp is not None:
        transports.append(connection.sctp.transport)
    ices = {each.transport for each in transports}
    for ice in ices:
        ice._connection.query_consent = _nothing  # what aioice would begin after that moment
    closing = asyncio.ensure_future(connection.close())
    await asyncio.wait({closing}, timeout=_PATIENCE)
    for ice in ices:
        if getattr(ice, "_RTCIceTransport__start", None) is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LATE):
                    await ice.stop()
    if not closing.done():
        closing.cancel()
    await asyncio.wait({closing}, timeout=_LATE)
    if closing.done() and not closing.cancelled():
        closing.exception()  # aiortc's own error; nothing is left to close
    await _stop_tracks(connection)


async def _stop_tracks(connection: Any) -> None:
    """Stop the tracks that aiortc has not stopped, or has begun since; to stop one twice is no fault."""
    for each in connection.getTransceivers():
        with suppress(TimeoutError):
            async with asyncio.timeout(_LATE):
                await each.stop()


async def _nothing() -> None:
    """Take the place of aioice's questions whether the other side is still there."""
