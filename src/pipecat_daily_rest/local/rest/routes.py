# SPDX-License-Identifier: BSD-2-Clause
"""The REST routes, and what happens to every request: authentication, limits, faults, errors.

Reference: https://docs.daily.co/reference/rest-api
"""

import asyncio
import hmac
import inspect
import re
from functools import partial
from typing import Any

from aiohttp import hdrs, web
from aiohttp.web_protocol import RequestPayloadError
from loguru import logger

from pipecat_daily_rest.local.rest.endpoints import FAMILIES, Endpoint, Route
from pipecat_daily_rest.local.rest.journal import (
    Request,
    masked_body,
    masked_path,
    user_agent,
)
from pipecat_daily_rest.local.rest.parts import Parts
from pipecat_daily_rest.local.rules.kinds import as_text
from pipecat_daily_rest.local.rules.schema import BAD_HEADER, Refusal, refusal
from pipecat_daily_rest.local.rules.strict_json import NotJSON, parse
from pipecat_daily_rest.local.secret import masked, trace

PREFIX = "/v1"


def routes(parts: Parts) -> list[web.RouteDef]:
    """List the routes of the REST API."""
    api = _Api(parts)
    table: list[Route] = [route for family in FAMILIES for route in family(parts).routes()]
    # A room may be named v1: its page and its bots use the excluded paths.
    table.append(("*", "/{rest:(?!(?:link|offer|leave)$).*}", api.unknown))
    return [
        web.route(method, PREFIX + path, partial(api.serve, endpoint))
        for method, path, endpoint in table
    ]


class _Api:
    """What happens to every request."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._domain = parts.domain
        self._rooms = parts.rooms

    async def serve(self, endpoint: Endpoint, request: web.Request) -> web.StreamResponse:
        """Answer a request and add it to `LocalDaily.requests`."""
        await self._delay()
        key = self._domain.api_key
        body = await read_json(request)
        path = request.rel_url.raw_path.removeprefix(PREFIX)
        arrived = Request(
            method=request.method,
            path=masked_path(path, key),
            body=None if isinstance(body, Refusal) else masked_body(body, key),
            status=None,
            at=self._domain.clock.now(),
            ip=request.remote or "",
            size=0 if body is None or isinstance(body, Refusal) else len(await request.read()),
            query=masked(request.rel_url.raw_query_string, key),
            agent=user_agent(request, key),
        )
        self._parts.requests.append(arrived)
        respond = partial(self._respond, endpoint, request, body, arrived)
        response = await self._parts.faults.serve(request, path, respond)
        if response is None:
            return web.Response()  # for aiohttp: the connection is closed
        self._parts.requests.answered(arrived, response.status)
        await self._delay()
        return response

    async def _respond(
        self, endpoint: Endpoint, request: web.Request, body: Any, arrived: Request
    ) -> web.Response:
        key = self._domain.api_key
        try:
            authenticate(request, key)
            self._parts.limits.check(f"{arrived.method} {arrived.path}", _name(request))
            if isinstance(body, Refusal):
                raise body
            if body is None and request.method == "POST" and not self._domain.choices.empty_body:
                raise _not_json()
            self._rooms.collect()
            answer = endpoint(request, {} if body is None else body)
            return web.json_response(await answer if inspect.isawaitable(answer) else answer)
        except Refusal as exc:
            return web.json_response(exc.body, status=exc.status, headers=exc.headers)
        except Exception as exc:
            logger.error("{} {} failed:\n{}", arrived.method, arrived.path, trace(exc, key))
            info = "the local Daily failed; its log says why"
            return web.json_response({"error": "server-error", "info": info}, status=500)

    async def _delay(self) -> None:
        if self._parts.latency:
            await asyncio.sleep(self._parts.latency / 2)

    def unknown(self, request: web.Request, body: Any) -> Any:
        """Answer 404 to every path that the local Daily does not have."""
        path = masked_path(request.path.removeprefix(PREFIX), self._domain.api_key)
        raise refusal(404, f"the local Daily has no {request.method} {path}")


def authenticate(request: web.Request, api_key: str) -> None:
    """Check the API key of a request.

    Reference: https://docs.daily.co/docs/rest-api/authentication
    """
    header = request.headers.get(hdrs.AUTHORIZATION, "")
    if (match := re.fullmatch(r"Bearer +(\S+)", header)) is None:
        raise Refusal(400, "authorization-header-error", BAD_HEADER)
    if not hmac.compare_digest(match[1].encode(errors="surrogateescape"), api_key.encode()):
        raise Refusal(401, "authentication-error")


def _name(request: web.Request) -> str:
    """Name the endpoint: the same for all requests to it."""
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical if resource is not None else ''}"


async def read_json(request: web.Request) -> Any:
    """Read a request's JSON body: None when there is none, a `Refusal` when it cannot be read."""
    try:
        raw = await request.read()
    except web.HTTPRequestEntityTooLarge:
        return Refusal(413, "invalid-request-error", "the body is larger than 1 MiB")
    except RequestPayloadError:
        encoding = as_text(request.headers.get(hdrs.CONTENT_ENCODING, ""))
        unreadable = Refusal(
            400, "json-parsing-error", f"the body does not match its Content-Encoding: {encoding}"
        )
        unreadable.headers["Connection"] = "close"  # nothing more can be read from it
        return unreadable
    if not raw or request.method in ("GET", "HEAD"):
        return None
    try:
        return parse(raw)
    except NotJSON as exc:
        return _not_json(str(exc))


def _not_json(why: str = "") -> Refusal:
    return Refusal(400, "json-parsing-error", f"the body is not JSON{f': {why}' if why else ''}")
