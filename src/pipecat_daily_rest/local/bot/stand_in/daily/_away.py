# SPDX-License-Identifier: BSD-2-Clause
"""In a local run nothing is sent to Daily: its API is where ``DAILY_API_URL`` says.

This is at work while that variable names another API than Daily's own.
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
    'make them inside bot(); give everything else os.environ["DAILY_API_URL"], as in '
    "DailyRESTHelper(daily_api_url=...)."
)


def _api_url() -> str:
    return os.environ.get("DAILY_API_URL") or _API_URL


def _is_away(host: Any) -> bool:
    """Whether a host is Daily's API, in a local run."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    daily = isinstance(name, str) and name.lower().rstrip(".") == _HOST
    return daily and urlsplit(_api_url()).hostname != _HOST


def follow(handler: type) -> None:
    """Have the default of Pipecat's ``DailyParams.api_url`` follow ``DAILY_API_URL``."""
    if handler.__module__ != _TRANSPORT:
        return
    params = getattr(sys.modules[_TRANSPORT], "DailyParams", None)
    field = getattr(params, "model_fields", {}).get("api_url")
    if params is not None and field is not None and field.default == _API_URL:
        field.default, field.default_factory = PydanticUndefined, _api_url
        params.model_rebuild(force=True)


def keep_here() -> None:
    """Refuse, in this process, what would go to Daily's API: with a sentence."""
    connect, look_up = aiohttp.BaseConnector.connect, socket.getaddrinfo

    @functools.wraps(connect)
    async def connect_here(self: Any, request: Any, *args: Any, **options: Any) -> Any:
        if _is_away(request.url.host):
            raise aiohttp.ClientConnectionError(_WAY_OUT)
        return await connect(self, request, *args, **options)

    # aiohttp has resolvers of its own, and uvloop another; the other clients meet here.
    @functools.wraps(look_up)
    def look_up_here(host: Any, *args: Any, **options: Any) -> Any:
        if _is_away(host):
            raise socket.gaierror(socket.EAI_FAIL, _WAY_OUT)
        return look_up(host, *args, **options)

    aiohttp.BaseConnector.connect = connect_here  # type: ignore[method-assign]
    socket.getaddrinfo = look_up_here
