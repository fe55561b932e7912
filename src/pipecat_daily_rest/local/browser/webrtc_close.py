# SPDX-License-Identifier: BSD-2-Clause
"""A connection of aiortc that can be closed at any time, and completely."""

import asyncio
from contextlib import suppress
from typing import Any

from aiortc import InvalidStateError, RTCPeerConnection

_PATIENCE = 2.0  # seconds that aiortc gets to close it by itself
_LATE = 1.0  # seconds that a connection that was being made may take to stop


class PeerConnection(RTCPeerConnection):  # type: ignore[misc]
    """One that may be closed while it is being made: aiortc's task would fail with a traceback."""

    async def _RTCPeerConnection__connect(self) -> None:
        with suppress(InvalidStateError):
            await getattr(super(), "_RTCPeerConnection__connect")()  # noqa: B009 - it is private


async def close(connection: Any) -> None:
    """Close a connection, even one that is still connecting or that aiortc does not get closed.

    aioice keeps a connection alive for ever that nobody closes. The same happens when it is closed
    between the end of its checks and the moment when aioice notes that end.
    """
    transports = [each.receiver.transport for each in connection.getTransceivers()]
    if connection.sctp is not None:
        transports.append(connection.sctp.transport)
    closing = asyncio.ensure_future(connection.close())
    await asyncio.wait({closing}, timeout=_PATIENCE)
    for ice in {each.transport for each in transports}:
        started = getattr(ice, "_RTCIceTransport__start", None)
        if started is not None:
            await _close_ice(ice, started)
    if not closing.done():
        closing.cancel()
    await asyncio.wait({closing}, timeout=_LATE)
    if closing.done() and not closing.cancelled():
        closing.exception()  # aiortc's own error; nothing is left to close


async def _close_ice(ice: Any, started: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_LATE):
            await ice.stop()
            await started.wait()
    with suppress(TimeoutError):
        async with asyncio.timeout(_LATE):
            await ice._connection.close()
