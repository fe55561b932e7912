# SPDX-License-Identifier: BSD-2-Clause
"""A request's body, read as JSON: of no more than 1 MB, and without waiting for ever."""

import asyncio
import json
from typing import Any

from starlette.requests import ClientDisconnect, Request

from pipecat_daily_rest.server.http_errors import HTTPError

_MOST = 1 << 20  # bytes, as Pipecat Cloud takes
_SLOWEST = 30.0  # seconds in which it has to arrive


async def read_json(request: Request) -> Any:
    """Read a request's body; an empty one is an empty object, as Pipecat's own runner takes it."""
    try:
        async with asyncio.timeout(_SLOWEST):
            received = await _body(request)
    except TimeoutError:
        msg = f"The request's body did not arrive within {_SLOWEST:g} s."
        raise HTTPError(408, msg) from None
    except ClientDisconnect:
        msg = "The request's body is not whole."  # nobody is there to read it
        raise HTTPError(400, msg, "not-json") from None
    if not received.strip():
        return {}
    try:
        return json.loads(received)
    except (ValueError, RecursionError):
        msg = "The request's body is not JSON."
        raise HTTPError(400, msg, "not-json") from None


async def _body(request: Request) -> bytes:
    length = request.headers.get("content-length", "")
    received = bytearray()
    # What is announced is not waited for.
    if not (length.isdecimal() and int(length[:20]) > _MOST):
        async for part in request.stream():
            received += part
            if len(received) > _MOST:
                break
        else:
            return bytes(received)
    msg = "The request's body is larger than 1 MB."
    raise HTTPError(413, msg)
