# SPDX-License-Identifier: BSD-2-Clause
"""The routes for browsers: the page, the scripts for web apps, the WebRTC offer, the leaving."""

import asyncio
import importlib
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError

from pipecat_daily_rest.local.call.app_messages import AppMessages
from pipecat_daily_rest.local.call.calls import Calls
from pipecat_daily_rest.local.call.lobby import Lobby
from pipecat_daily_rest.local.call.mixer import Mixer
from pipecat_daily_rest.local.call.room import JoinRefused
from pipecat_daily_rest.local.guard import is_loopback
from pipecat_daily_rest.local.rules.rights import start_off
from pipecat_daily_rest.local.rules.strict_json import NotJSON, parse
from pipecat_daily_rest.local.secret import secret

if TYPE_CHECKING:
    from pipecat_daily_rest.local.browser.opus import Encoder
    from pipecat_daily_rest.local.browser.webrtc import Connection

_PAGE = Path(__file__).parent / "page"
_ASSETS = {
    "room.js": "text/javascript",
    "connection.js": "text/javascript",
    "pictures.js": "text/javascript",
    "meter.js": "text/javascript",
    **{
        f"{name}.js": "text/javascript"
        for name in (
            *("bots", "captions", "conversation", "devices", "knocking", "microphone", "sample"),
            *("sound_check", "turns", "video", "view"),
        )
    },
    "sentences.js": "text/javascript",
    "room.css": "text/css",
    "icon.svg": "image/svg+xml",
    "sample.mp3": "audio/mpeg",
    # In the frame of an app the page also speaks to the app's daily-js.
    **{
        f"machine/{name}.js": "text/javascript"
        for name in ("frame", "actions", "errors", "participants", "refusals")
    },
}
# The modules that make up the call machine, which daily-js loads, in their order.
_SHARED = ("sentences", "connection", "pictures", "meter")
_OWN = ("participants", "inputs", "remote", "refusals", "levels", "actions", "errors", "machine")
_MACHINE = (*_SHARED, *(f"machine/{name}" for name in (*_OWN, "events", "start")))
_ROOM = "/{room:[A-Za-z0-9_-]{1,128}}"
_SCRIPTS, _OFFER, _LEAVE = "/.daily-js/{name}", f"{_ROOM}/offer", f"{_ROOM}/leave"
_NO_MEDIA = (
    "This computer lacks what a browser needs to talk in a local room: run "
    "pip install 'pipecat-daily-rest[local]', then start the bot again."
)


def routes(
    lobby: Lobby,
    calls: Calls,
    messages: AppMessages,
    mixer: Mixer,
    host: str,
    closers: list[Callable[[], Awaitable[None]]],
) -> list[web.RouteDef]:
    """Give the routes for people; `closers` gets what closes their connections."""
    people = _People(lobby, calls, messages, mixer, host)
    closers.append(people.aclose)
    return [
        web.get(_ROOM, people.page),
        web.get("/.page/{name:.+}", people.asset),
        web.get(_SCRIPTS, people.script),
        web.post(_OFFER, people.offer),
        web.post(_LEAVE, people.leave),
        *(web.options(path, people.preflight) for path in (_SCRIPTS, _OFFER, _LEAVE)),
    ]


class _People:
    """The browsers of one local Daily."""

    def __init__(
        self, lobby: Lobby, calls: Calls, messages: AppMessages, mixer: Mixer, host: str
    ) -> None:
        self._admission = lobby.admission
        encoders: WeakValueDictionary[str, Encoder] = WeakValueDictionary()  # by voice
        self._parts = (lobby, calls, messages, mixer, encoders)  # of a connection
        self._host = host
        self._connections: dict[str, Connection] = {}
        self._closed = False

    async def page(self, request: web.Request) -> web.StreamResponse:
        """Give the page, the same for every room: the answer to its offer says what it shows."""
        return _file("index.html", "text/html")

    async def asset(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name not in _ASSETS:
            raise web.HTTPNotFound
        return _file(name, _ASSETS[name])

    async def script(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        machine = call_machine()
        scripts = {"call-machine-object-bundle.js": machine, "reroute.js": _reroute(machine)}
        if name not in scripts:
            raise web.HTTPNotFound
        return web.Response(text=scripts[name], content_type="text/javascript")

    async def preflight(self, request: web.Request) -> web.StreamResponse:
        """Answer a browser that asks whether an app's page may send a request: see `guard`."""
        return web.Response(status=204)

    async def offer(self, request: web.Request) -> web.StreamResponse:
        """Answer a browser's offer, or refuse it with a reason."""
        room = request.match_info["room"]
        body = await _json(request)
        sdp, token, name = body.get("sdp"), body.get("token"), body.get("userName", "")
        if body.get("type") == "preauth":
            return self._preauth(room, secret(token or None) if isinstance(token, str) else None)
        texts = isinstance(sdp, str) and isinstance(token, str | None) and isinstance(name, str)
        if not texts or body.get("type") != "offer":
            return _no(400, "invalid-offer", "The browser's offer cannot be read.")
        token = secret(token or None)
        if self._closed:
            return _no(503, "shutdown", "The local Daily is stopping. Start the bot again.")
        try:
            place, rights = self._admission.admit(room, token)
        except JoinRefused as exc:
            return _refused(exc)
        try:
            webrtc = await asyncio.to_thread(_load_webrtc)  # takes half a second the first time
        except ImportError:
            return _no(501, "no-media", _NO_MEDIA)
        if is_loopback(self._host):
            webrtc.stay_on_this_machine()
        quiet = "microphone" in start_off(place.config, rights)
        connection: Connection = webrtc.Connection(
            *self._parts,
            room=room,
            token=token,
            user_name=None if body.get("guest") is True and not name.strip() else name,
            microphone=body.get("microphone") is True,
            on_end=lambda ended: self._connections.pop(ended.id, None),
        )
        self._connections[connection.id] = connection
        try:
            answer = await connection.answer(str(sdp))
        except ValueError as exc:
            return _no(400, "invalid-offer", str(exc))
        return _answer(
            {"sdp": answer, "type": "answer", "id": connection.id, "startAudioOff": quiet}
        )

    def _preauth(self, room: str, token: str | None) -> web.StreamResponse:
        """Tell whether a token opens a room, or has its bearer knock, before anybody joins."""
        try:
            place, rights = self._admission.admit(room, token)
        except JoinRefused as exc:
            return _refused(exc)
        if self._admission.must_knock(place, token, rights):
            return _answer({"access": {"level": "lobby"}})
        off = start_off(place.config, rights)
        return _answer(
            {
                "access": {"level": "full"},
                "startAudioOff": "microphone" in off,
                "startVideoOff": "camera" in off,
                "about": self._admission.about_room(place, rights),
            }
        )

    async def leave(self, request: web.Request) -> web.StreamResponse:
        """Take the beacon of a page that closes."""
        connection = self._connections.get(str((await _json(request)).get("id")))
        if connection is not None:
            connection.leave()
        return web.Response(status=204)

    async def aclose(self) -> None:
        """Close every connection; the pages have been told why."""
        self._closed = True
        ends = [connection.end() for connection in self._connections.values()]
        await asyncio.gather(*ends, return_exceptions=True)


def _load_webrtc() -> ModuleType:
    return importlib.import_module("pipecat_daily_rest.local.browser.webrtc")


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        body = parse(await request.read())
    except (NotJSON, RequestPayloadError):
        return {}
    return body if isinstance(body, dict) else {}


def _file(name: str, content_type: str) -> web.StreamResponse:
    charset = None if content_type.startswith("audio/") else "utf-8"
    return web.Response(
        body=(_PAGE / name).read_bytes(), content_type=content_type, charset=charset
    )


def joined(modules: tuple[str, ...]) -> str:
    """Join modules into one plain script: they share a scope, so that nothing is imported."""
    texts = [(_PAGE / f"{name}.js").read_text(encoding="utf-8") for name in modules]
    script = re.sub(r"^(import .*\n|export )", "", "\n".join(texts), flags=re.MULTILINE)
    return f"(() => {{\n{script}}})();\n"


def call_machine() -> str:
    """Give the script that daily-js loads."""
    return joined(_MACHINE)


def _reroute(machine: str) -> str:
    """Give the script of the tag, which holds the call machine as a text."""
    return joined(("machine/reroute",)).replace('"CALL MACHINE"', json.dumps(machine))


def _refused(exc: JoinRefused) -> web.StreamResponse:
    return _no(404 if exc.kind == "no-room" else 403, exc.kind, exc.message)


def _answer(body: dict[str, Any], status: int = 200) -> web.StreamResponse:
    return web.json_response(body, status=status)


def _no(status: int, error: str, info: str) -> web.StreamResponse:
    return _answer({"error": error, "info": info}, status)
