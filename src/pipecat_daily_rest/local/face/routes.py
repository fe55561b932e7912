# SPDX-License-Identifier: BSD-2-Clause
"""The routes of the page at ``/``. Everything but its files needs the secret of the page's link.

The secret is in the link's fragment, which no browser sends. The page sends it in a header: a
cookie would also go to, and come with requests from, the other servers of this machine, since
neither ports nor ``SameSite`` separate them.
"""

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import hdrs, web

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.face.control import Control
from pipecat_daily_rest.local.face.shown import Shown
from pipecat_daily_rest.local.face.timelines import Timelines
from pipecat_daily_rest.local.for_tests import ForTests
from pipecat_daily_rest.local.guard import FACE
from pipecat_daily_rest.local.rest.parts import Parts
from pipecat_daily_rest.local.rest.routes import read_json
from pipecat_daily_rest.local.rules.schema import Refusal
from pipecat_daily_rest.local.secret import Secret

LOCKED = (
    "Rooms and requests of this local Daily are shown only to whoever opens this page by the link "
    "with a secret that pipecat-daily-rest printed when it started: look there for “See the rooms”."
)
_PAGE = Path(__file__).parent / "page"
_FILES = {
    **{
        f"{name}.js": "text/javascript"
        for name in ("face", "parts", "rooms", "requests", "control")
    },
    "face.css": "text/css",
}
_PAUSE = 0.25  # seconds between two messages
_SIGN_OF_LIFE = 15.0  # seconds without a message


def routes(
    daily: ForTests,
    parts: Parts,
    timelines: Timelines,
    secret: Secret,
    *,
    control: bool,
    closers: list[Callable[[], Awaitable[None]]],
) -> list[web.RouteDef]:
    """Give the routes; `closers` gets what ends the pages' streams."""
    face = _Face(daily, parts, timelines, secret, control=control)
    closers.append(face.aclose)
    table = [
        web.get("/", face.page),
        web.get(f"{FACE}page/{{name}}", face.file),
        *(
            web.get(f"{FACE}{path}", face.guarded(give), allow_head=False)
            for path, give in (
                ("events", face.events),
                ("rooms", face.rooms),
                ("rooms/{number:[0-9]{1,15}}", face.room),
                ("requests", face.requests),
                ("requests/{number:[0-9]{1,15}}", face.request),
                ("faults", face.faults),
            )
        ),
    ]
    return [*table, web.post(f"{FACE}do/{{action}}", face.guarded(face.do))] if control else table


class _Face:
    def __init__(
        self,
        daily: ForTests,
        parts: Parts,
        timelines: Timelines,
        secret: Secret,
        *,
        control: bool,
    ) -> None:
        self._timelines = timelines
        self._journal = parts.requests
        self._clock = parts.domain.clock
        self._shown = Shown(timelines, parts.domain, parts.requests)
        self._control = Control(daily, parts, timelines) if control else None
        self._secret = secret
        self._closed = asyncio.Event()

    async def page(self, request: web.Request) -> web.StreamResponse:
        """Give the page, the same for all: its script asks for everything else."""
        text = (_PAGE / "index.html").read_text(encoding="utf-8")
        return web.Response(text=text.replace("LOCKED", LOCKED), content_type="text/html")

    async def file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name not in _FILES:
            raise web.HTTPNotFound
        text = (_PAGE / name).read_text(encoding="utf-8")
        return web.Response(text=text, content_type=_FILES[name])

    def guarded(
        self, give: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Answer only those who have the secret; no page of another origin, whatever it has."""

        async def handler(request: web.Request) -> web.StreamResponse:
            given = request.headers.get(hdrs.AUTHORIZATION, "").encode(errors="surrogateescape")
            origin = request.headers.get(hdrs.ORIGIN, "").lower()
            own = origin in ("", f"http://{request.headers.get(hdrs.HOST, '').lower()}")
            site = request.headers.get("Sec-Fetch-Site", "same-origin")
            wanted = f"Bearer {self._secret}".encode()
            if not hmac.compare_digest(given, wanted) or not own or site != "same-origin":
                return web.Response(text=LOCKED, status=403)
            try:
                return await give(request)
            except Refusal as exc:
                return _sentence(str(exc.body.get("info") or exc.body["error"]), exc.status)
            except DailyConfigError as exc:
                return _sentence(str(exc), 400)

        return handler

    async def rooms(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._shown.rooms(request.query))

    async def room(self, request: web.Request) -> web.StreamResponse:
        number = int(request.match_info["number"])
        return web.json_response(self._shown.life(number, request.query))

    async def requests(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._shown.requests(request.query))

    async def request(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._shown.request(int(request.match_info["number"])))

    async def faults(self, request: web.Request) -> web.StreamResponse:
        faults = [] if self._control is None else self._control.faults()
        return web.json_response({"faults": faults})

    async def do(self, request: web.Request) -> web.StreamResponse:
        body = await read_json(request)
        if isinstance(body, Refusal):
            raise body
        actions = {} if self._control is None else self._control.actions
        action = actions.get(request.match_info["action"])
        if action is None or not isinstance(body, dict):
            raise web.HTTPNotFound
        return _sentence(action(request, body), 200)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Stream what changes, as server-sent events: a few rooms at a time."""
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: "text/event-stream"})
        await response.prepare(request)
        changes: dict[int, None] = {}
        self._timelines.viewers.append(changes)
        try:
            await _send(response, {**self._shown.counts(), "control": self._control is not None})
            seen, quiet = self._seen(), 0.0
            while not await self._closes() and request.transport is not None:
                quiet += _PAUSE
                if changes or seen != self._seen():
                    seen, quiet = self._seen(), 0.0
                    rooms = self._shown.changed(changes)
                    await _send(response, {**self._shown.counts(), "changed": rooms})
                elif quiet >= _SIGN_OF_LIFE:
                    quiet = 0.0
                    await response.write(b":\n\n")
        except ConnectionError:
            pass  # the page was closed
        finally:
            # By identity: those of another page may be equal.
            self._timelines.viewers[:] = [
                each for each in self._timelines.viewers if each is not changes
            ]
        return response

    def _seen(self) -> tuple[int, float]:
        return self._journal.version, self._clock.ahead

    async def _closes(self) -> bool:
        """Wait for a moment; tell whether the local Daily stops."""
        try:
            async with asyncio.timeout(_PAUSE):
                return await self._closed.wait()
        except TimeoutError:
            return False

    async def aclose(self) -> None:
        """End the streams."""
        self._closed.set()


async def _send(response: web.StreamResponse, message: dict[str, Any]) -> None:
    await response.write(f"data: {json.dumps(message)}\n\n".encode())


def _sentence(said: str, status: int) -> web.Response:
    return web.json_response({"said": said}, status=status)
