# SPDX-License-Identifier: BSD-2-Clause
"""Keep a local run from sending anything to Daily: the API is the one in ``DAILY_API_URL``.

It has no effect while that variable is unset or names Daily's own API.
"""

import functools
import os
import socket
import sys
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from pydantic_core import PydanticUndefined

_TRANSPORT = "pipecat.transports.daily.transport"
_HOST = "api.daily.co"
_API_URL = f"https://{_HOST}/v1"

_WAY_OUT = (
    f"This is a local run, and nothing is sent to {_HOST}. Leave api_url out of DailyParams, and "
    'create them inside bot(). Give everything else os.environ["DAILY_API_URL"], as in '
    "DailyRESTHelper(daily_api_url=...)."
)


def _api_url() -> str:
    return os.environ.get("DAILY_API_URL") or _API_URL


def _is_blocked(host: object) -> bool:
    """Whether a host is Daily's API, in a local run."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    daily = isinstance(name, str) and name.lower().rstrip(".") == _HOST
    return daily and urlsplit(_api_url()).hostname != _HOST


def patch_params(handler: type) -> None:
    """Make ``DAILY_API_URL`` the default of Pipecat's ``DailyParams.api_url``.

    Pipecat defines its subclass of `EventHandler` after ``DailyParams``.
    """
    if handler.__module__ != _TRANSPORT:
        return
    params = getattr(sys.modules[_TRANSPORT], "DailyParams", None)
    field = getattr(params, "model_fields", {}).get("api_url")
    if params is not None and field is not None and field.default == _API_URL:
        field.default, field.default_factory = PydanticUndefined, _api_url
        params.model_rebuild(force=True)


def block() -> None:
    """Make connections to Daily's API fail with an explanation, in this process."""
    connect, look_up = aiohttp.BaseConnector.connect, socket.getaddrinfo

    @functools.wraps(connect)
    async def connect_here(
        self: aiohttp.BaseConnector, request: aiohttp.ClientRequest, *args: Any, **options: Any
    ) -> Any:
        if _is_blocked(request.url.host):
            raise aiohttp.ClientConnectionError(_WAY_OUT)
        return await connect(self, request, *args, **options)

    # aiohttp has resolvers of its own, and uvloop has another; the other clients use this one.
    @functools.wraps(look_up)
    def look_up_here(host: Any, *args: Any, **options: Any) -> Any:
        if _is_blocked(host):
            raise socket.gaierror(socket.EAI_FAIL, _WAY_OUT)
        return look_up(host, *args, **options)

    # The patch passes on whatever aiohttp's own method takes.
    aiohttp.BaseConnector.connect = connect_here  # type: ignore[method-assign, assignment]
    socket.getaddrinfo = look_up_here
