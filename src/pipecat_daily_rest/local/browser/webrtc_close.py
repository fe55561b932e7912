# SPDX-License-Identifier: BSD-2-Clause
"""Closing a connection of aiortc to the end."""

import asyncio
from contextlib import suppress
from typing import Any

_PATIENCE = 2.0  # seconds that aiortc gets to close it in order
_LATE = 1.0  # seconds that what had begun to connect may take to notice


async def close(connection: Any) -> None:
    """Close a connection, also one that is about to connect, or that aiortc does not get closed.

    aioice keeps a connection alive for ever that nobody closes, and one, too, that is closed
    between its last check and the moment when it takes note of that.
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
        closing.exception()  # aiortc's own, and there is nothing left to save


async def _close_ice(ice: Any, started: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_LATE):
            await ice.stop()
            await started.wait()
    with suppress(TimeoutError):
        async with asyncio.timeout(_LATE):
            await ice._connection.close()
