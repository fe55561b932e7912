# SPDX-License-Identifier: BSD-2-Clause
"""Refuses requests that another site's web page sends to the local Daily.

A page of any site can send requests to ``localhost``, and by DNS rebinding even read the responses.
So the Host header must name this server, and a request that changes something must come from one
of its own pages or from no page at all. The REST API also needs its key.

A web app in development is another site of this machine, as ``http://localhost:5173``. Its pages
may join rooms and leave them, and nothing else.
"""

import ipaddress
import re
import socket
from typing import Protocol

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware


class Listening(Protocol):
    """Where a local Daily listens; the port is known once it has started."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Where people find the rooms."""


# The headers of every response: pages, their files, JSON and errors.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self'; media-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors http://localhost:* http://127.0.0.1:*"
    ),
    "Permissions-Policy": (
        "microphone=(self), camera=(self), display-capture=(self), geolocation=()"
    ),
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_POLICY = "Content-Security-Policy"
# A page that can delete rooms must not be in a frame, where a click may be meant for another page.
_FACE_HEADERS = _HEADERS | {
    _POLICY: _HEADERS[_POLICY].partition("frame-ancestors")[0] + "frame-ancestors 'none'"
}
# What the pages of this machine's other servers may ask for, by the patterns of the routes: the
# scripts for their daily-js, and what these send to a room.
_SCRIPTS = "/.daily-js/{name}"
FACE = "/.face/"
"""Below this is what the page at ``/`` asks for."""
_FOR_APPS = (_SCRIPTS, "/{room}/offer", "/{room}/leave")
_APP = web.RequestKey("app", str)  # the origin of such a page
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
# The addresses that stand for all of a machine's, each with one that the machine itself can reach.
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound to


def bracketed(host: str) -> str:
    """Write a host as it stands in a URL: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach a server on a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def guard(daily: Listening) -> Middleware:
    """Make the middleware that refuses the requests of foreign pages with a 403."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.headers.get(hdrs.HOST, "").lower()
        if not _names_us(host, daily.host, daily.port):
            msg = (
                f"This local Daily answers requests to {daily.url} and to the address that it "
                f"listens on, not to {host[:100]!r}."
            )
            return _forbidden(request, msg)
        changes = (
            request.method not in ("GET", "HEAD", "OPTIONS") or hdrs.UPGRADE in request.headers
        )
        origin = request.headers.get(hdrs.ORIGIN, "").lower()
        if origin in ("", f"http://{host}"):
            return await handler(request)
        whose = "its own pages"
        if _pattern(request) in _FOR_APPS:
            if _is_of_this_machine(origin):
                request[_APP] = origin
                return await handler(request)
            changes, whose = True, "pages of this machine, as http://localhost:5173,"
        if changes:
            msg = f"This local Daily lets only {whose} do this, not those of {origin[:100]!r}."
            return _forbidden(request, msg)
        return await handler(request)

    return middleware


def headers(request: web.Request) -> dict[str, str]:
    """Give the headers of the response to a request."""
    if request.path == "/" or request.path.startswith(FACE):
        return _FACE_HEADERS
    pattern = _pattern(request)
    if pattern not in _FOR_APPS:
        return _HEADERS
    more = {"Vary": "Origin"}
    if origin := request.get(_APP):
        more["Access-Control-Allow-Origin"] = origin
        more["Access-Control-Allow-Headers"] = "content-type"
    if pattern == _SCRIPTS:
        more["Cross-Origin-Resource-Policy"] = "cross-origin"
    return _HEADERS | more


def _pattern(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical


def _is_of_this_machine(origin: str) -> bool:
    parts = _ORIGIN.fullmatch(origin)
    return parts is not None and is_loopback(parts[1].strip("[]"))


def _names_us(header: str, host: str, port: int) -> bool:
    name, colon, number = header.rpartition(":")
    if not colon or header.endswith("]"):
        name, number = header, "80"
    if number != str(port):
        return False
    if name in ("localhost", "127.0.0.1", "[::1]", bracketed(host).lower()):
        return True
    # DNS rebinding needs a name: an address in the header is the one that the client connected to.
    return host in WILDCARDS and (name == socket.gethostname().lower() or _is_address(name))


def _forbidden(request: web.Request, sentence: str) -> web.Response:
    if request.path.startswith("/v1/"):
        return web.json_response({"error": "forbidden-error", "info": sentence}, status=403)
    return web.Response(text=sentence, status=403)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
