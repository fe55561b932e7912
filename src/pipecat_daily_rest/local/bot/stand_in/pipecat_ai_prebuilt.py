# SPDX-License-Identifier: BSD-2-Clause
"""Pipecat's own package of this name, whose page joins local rooms.

Pipecat's development runner serves that page at ``/client/``. Here the page begins with the script
tag that every web app has in a local run. Only processes that a local run starts have this module
on their path. Where the package is not installed, importing it fails as it does elsewhere.
"""

import importlib
import os
import sys
from collections.abc import Awaitable, Callable
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from typing import Any
from urllib.parse import urlsplit

_HERE = os.path.dirname(os.path.realpath(__file__))
# By these a browser would show the page of a run on Daily again, or keep this one for such a run.
_KEPT = (b"if-none-match", b"if-modified-since", b"etag", b"last-modified", b"content-length")
_Send = Callable[[dict[str, Any]], Awaitable[None]]


def _tag() -> bytes:
    """Give the script tag of the local Daily; nothing where the API is Daily's own."""
    api = urlsplit(os.environ.get("DAILY_API_URL") or "https://api.daily.co/v1")
    if api.hostname == "api.daily.co":
        return b""
    return f'<script src="{api.scheme}://{api.netloc}/.daily-js/reroute.js"></script>'.encode()


class _Tagged:
    """An ASGI app whose pages begin with a script tag."""

    def __init__(self, pages: Any, tag: bytes) -> None:
        self._pages = pages
        self._tag = tag

    async def __call__(self, scope: dict[str, Any], receive: Any, send: _Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET":
            scope = {**scope, "headers": _fresh(scope["headers"]), "extensions": {}}
            send = self._tagging(send)
        await self._pages(scope, receive, send)

    def _tagging(self, send: _Send) -> _Send:
        start: dict[str, Any] = {}
        page = b""

        async def tagged(message: dict[str, Any]) -> None:
            nonlocal page
            if message["type"] == "http.response.start":
                start.update(message)
            if not dict(start["headers"]).get(b"content-type", b"").startswith(b"text/html"):
                await send(message)
                return
            page += message.get("body", b"")
            if message["type"] == "http.response.body" and not message.get("more_body"):
                body = page.replace(b"<head>", b"<head>" + self._tag, 1)
                length = (b"content-length", str(len(body)).encode())
                headers = [*_fresh(start["headers"]), length, (b"cache-control", b"no-store")]
                await send({**start, "headers": headers})
                await send({"type": "http.response.body", "body": body})

        return tagged


def _fresh(headers: Any) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name not in _KEPT]


def _become_the_real_one() -> None:
    path = [entry for entry in sys.path if os.path.realpath(entry) != _HERE]
    spec = PathFinder.find_spec(__name__, path)
    if spec is None or spec.loader is None:
        msg = f"No module named {__name__!r}"
        raise ModuleNotFoundError(msg, name=__name__)
    sys.modules[__name__] = package = module_from_spec(spec)
    spec.loader.exec_module(package)
    frontend: Any = importlib.import_module(f"{__name__}.frontend")
    if tag := _tag():
        frontend.PipecatPrebuiltUI = _Tagged(frontend.PipecatPrebuiltUI, tag)


_become_the_real_one()
