# SPDX-License-Identifier: BSD-2-Clause
"""What a client sends: a body that is JSON, of no more than 1 MB and in time; and that it leaves."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from starlette.requests import ClientDisconnect, Request

from pipecat_daily_rest.server.http_errors import HTTPError

_MOST = 1 << 20  # bytes, as Pipecat Cloud takes
_SLOWEST = 30.0  # seconds in which it has to arrive
_DISCARDED = 16 << 20  # bytes of one that is too large
_LINGER = 2.0  # seconds for these


async def read_json(request: Request) -> Any:
    """Read a request's body; an empty one is an empty object, as Pipecat's own runner takes it."""
    received = await read_raw(request)
    if not received.strip():
        return {}
    try:
        return json.loads(received)
    except (ValueError, RecursionError):
        msg = "The request's body is not JSON."
        raise HTTPError(400, msg, "not-json") from None


async def read_raw(request: Request) -> bytes:
    """Read the bytes of a request's body."""
    try:
        async with asyncio.timeout(_SLOWEST):
            return await _body(request)
    except TimeoutError:
        msg = f"The request's body did not arrive within {_SLOWEST:g} s."
        raise HTTPError(408, msg) from None
    except ClientDisconnect:
        msg = "The request's body is not whole."  # nobody is there to read it
        raise HTTPError(400, msg, "not-json") from None


async def has_left(request: Request) -> bool:
    """Wait for the client to leave, once the body is read; False if something else is received.

    ``Request.is_disconnected`` never sees it below a ``BaseHTTPMiddleware``.
    """
    try:
        message = await request.receive()
    except RuntimeError:  # a middleware has read on by itself
        return False
    return bool(message["type"] == "http.disconnect")


async def _body(request: Request) -> bytes:
    length = request.headers.get("content-length", "")
    announced = int(length[:20]) if length.isdecimal() else 0
    received, parts = bytearray(), request.stream()
    if announced <= _MOST:
        async for part in parts:
            received += part
            if len(received) > _MOST:
                break
        else:
            return bytes(received)
    if "expect" not in request.headers:  # else it waits for an answer before it sends
        await _discard(parts)
    msg = "The request's body is larger than 1 MB."
    raise HTTPError(413, msg)


async def _discard(parts: AsyncIterator[bytes]) -> None:
    """Take some of what is on its way: a connection closed before that loses the answer, too."""
    left = _DISCARDED
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER):
            async for part in parts:
                left -= len(part)
                if left < 0:
                    return
