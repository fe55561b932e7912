# SPDX-License-Identifier: BSD-2-Clause
"""Whose requests the local Daily accepts, how large they may be, and what it does not reveal."""

import asyncio
import hmac
import io
import json
import re
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, hdrs
from loguru import logger

from canary import leaks
from peers import WAIT, Peer
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.bot import link
from pipecat_daily_rest.local.browser import webrtc
from pipecat_daily_rest.local.rules.claims import sign

EVIL = ("evil.example", "evil.example:{port}", "127.0.0.1.evil.example:{port}", "localhost")
ELSEWHERE = ("http://evil.example", "null", "https://127.0.0.1:{port}", "http://localhost:1", "x")
APPS = (  # pages of other servers on this machine
    "http://localhost:5173",
    "https://localhost:3000",
    "http://localhost",
    "http://127.0.0.1:9",
    "http://127.8.9.10:8080",
    "http://[::1]:5173",
    "HTTP://LocalHost:5173",
)
NO_APPS = (
    "null",
    "x",
    "http://",
    "file://",
    "http://evil.example",
    "http://192.168.1.5:5173",
    "http://0.0.0.0:5173",
    "http://[::2]:5173",
    "http://localhost.evil.example:5173",
    "http://127.0.0.1.evil.example",
    "http://evil.localhost:5173",
    "http://evil-localhost:5173",
    "http://localhostevil:5173",
    "http://localhost:5173.evil.example",
    "http://localhost:evil",
    "http://localhost@evil.example",
    "http://evil.example:5173/localhost",
    "http://evil.example?http://localhost:5173",
    "http://localhost:5173/",
    "http://localhost:5173, http://evil.example",
    "http://localhost:5173 http://evil.example",
    "ws://localhost:5173",
    "chrome-extension://localhost",
    "http://127.1:5173",
    "http://2130706433:5173",
    "http://[::1:5173",
    "http://[localhost]:5173",
)
FOR_APPS = ("/.daily-js/none.js", "/demo/offer", "/demo/leave", "/v1/offer")
UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}


@pytest.fixture
async def daily() -> AsyncIterator[LocalDaily]:
    async with LocalDaily(control=True, api_key=secrets.token_hex(32)) as daily:
        daily.state.rooms.create("demo", "public", {})
        yield daily


def routes(daily: LocalDaily) -> list[tuple[str, str]]:
    """Give every method and path of the local Daily, and some that it does not have."""
    assert daily._runner is not None
    found = [("GET", "/"), ("POST", "/"), ("GET", "/a/b/c"), ("PUT", "/demo"), ("DELETE", "/demo")]
    for route in daily._runner.app.router.routes():
        assert route.resource is not None
        path = re.sub(r"\{[^}]*\}", "demo", route.resource.canonical)
        methods = ["GET", "POST", "PATCH", "OPTIONS"] if route.method == "*" else [route.method]
        found += [(method, path) for method in methods]
    assert {("GET", "/demo"), ("GET", "/demo/link"), ("POST", "/demo/offer")} < set(found)
    assert {("POST", "/demo/leave"), ("POST", "/v1/rooms"), ("POST", "/.faults")} < set(found)
    return found


async def ask(
    daily: LocalDaily, http: aiohttp.ClientSession, method: str, path: str, **headers: str
) -> aiohttp.ClientResponse:
    """Send a request with the right key and a body: only its origin can get it refused."""
    url = f"http://127.0.0.1:{daily.port}{path}"
    headers = {"Authorization": f"Bearer {daily.api_key}", "Content-Type": "text/plain", **headers}
    body = b'{"name": "made", "method": "*", "path": "*"}' if method != "GET" else None
    async with http.request(method, url, headers=headers, data=body) as response:
        await response.read()
        return response


async def test_a_foreign_host_name_reaches_nothing(
    daily: LocalDaily, http: aiohttp.ClientSession
) -> None:
    """DNS rebinding: to the browser, the page and the local Daily are one site."""
    for method, path in routes(daily):
        for name in EVIL:
            host = name.format(port=daily.port)
            for origin in ({}, {"Origin": f"http://{host}"}, UPGRADE):
                answer = await ask(daily, http, method, path, Host=host, **origin)
                assert answer.status == 403, (method, path, host)
    assert list(daily.rooms) == ["demo"]
    assert (daily.requests, daily.faults.added) == ([], [])


async def test_a_foreign_page_changes_nothing(
    daily: LocalDaily, http: aiohttp.ClientSession
) -> None:
    for method, path in routes(daily):
        changes = {} if method not in ("GET", "HEAD", "OPTIONS") else UPGRADE
        for origin in ELSEWHERE:
            headers = {"Origin": origin.format(port=daily.port), **changes}
            if is_for_apps(path) and origin in ELSEWHERE[2:4]:  # of this machine: see below
                continue
            answer = await ask(daily, http, method, path, **headers)
            assert answer.status == 403, (method, path, origin)
            assert not [name for name in answer.headers if name.startswith("Access-Control")]
    assert list(daily.rooms) == ["demo"]
    assert (daily.requests, daily.faults.added) == ([], [])


def is_for_apps(path: str) -> bool:
    return path.startswith("/.daily-js/") or path.endswith(("/offer", "/leave"))


async def test_a_page_of_this_machine_reaches_rooms_and_scripts(
    daily: LocalDaily, http: aiohttp.ClientSession
) -> None:
    for origin in APPS:
        for path in FOR_APPS:
            asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            answers = [await ask(daily, http, "OPTIONS", path, **asked)]
            assert answers[0].status == 204, (origin, path)
            for method in ("GET", "POST"):
                answers.append(await ask(daily, http, method, path, Origin=origin))
            right = 404 if path.startswith("/.daily-js/") else 204 if "leave" in path else 400
            assert right in [answer.status for answer in answers], (origin, path)
            for answer in answers[:1] if right == 404 else answers[::2]:
                assert answer.headers["Access-Control-Allow-Origin"] == origin.lower()
                assert answer.headers["Access-Control-Allow-Headers"] == "content-type"
                assert "Access-Control-Allow-Credentials" not in answer.headers
                assert answer.headers["Vary"] == "Origin"
        for method, path in routes(daily):
            if not is_for_apps(path):
                changes = {} if method not in ("GET", "HEAD", "OPTIONS") else UPGRADE
                answer = await ask(daily, http, method, path, Origin=origin, **changes)
                assert answer.status == 403, (method, path, origin)
    assert (list(daily.rooms), daily.requests) == (["demo"], [])


async def test_no_other_page_reaches_them(daily: LocalDaily, http: aiohttp.ClientSession) -> None:
    for origin in NO_APPS:
        for path in FOR_APPS:
            for method in ("OPTIONS", "GET", "POST"):
                asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
                answer = await ask(daily, http, method, path, **asked)
                right = 405 if method == "GET" and "/." not in path else 403
                assert answer.status == right, (method, path, origin)
                assert not [name for name in answer.headers if name.startswith("Access-Control")]


async def test_a_page_of_this_machine_needs_the_right_host_too(
    daily: LocalDaily, http: aiohttp.ClientSession
) -> None:
    for path in FOR_APPS:
        for method in ("OPTIONS", "GET", "POST"):
            asked = {"Host": f"evil.example:{daily.port}", "Origin": "http://localhost:5173"}
            answer = await ask(daily, http, method, path, **asked)
            assert answer.status == 403
            assert not [name for name in answer.headers if name.startswith("Access-Control")]


async def test_a_foreign_page_gets_no_cors_headers(
    daily: LocalDaily, http: aiohttp.ClientSession
) -> None:
    """A browser asks before it sends JSON or a key, and without CORS headers it reads nothing."""
    for _, path in routes(daily):
        for method in ("OPTIONS", "GET"):
            asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
            answer = await ask(daily, http, method, path, **asked)
            assert not [name for name in answer.headers if name.startswith("Access-Control")]


async def test_a_bots_link_from_a_foreign_page(
    daily: LocalDaily, http: aiohttp.ClientSession
) -> None:
    url = f"ws://127.0.0.1:{daily.port}/demo/link"
    for origin in ELSEWHERE:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(url, origin=origin.format(port=daily.port))
        assert refused.value.status == 403
    async with http.ws_connect(url, origin=f"http://127.0.0.1:{daily.port}") as socket:
        await socket.send_json({"op": "join", "request": 1})
        while "reply" not in (answer := await socket.receive_json()):
            pass
        assert answer["error"] is None
    async with http.ws_connect(url):  # without a browser there is no page
        pass


@pytest.mark.undocumented("DELETE with a body")
async def test_every_response_has_the_headers(
    daily: LocalDaily, http: aiohttp.ClientSession
) -> None:
    seen = set()
    for method, path in [*routes(daily), ("GET", "/.page/room.js"), ("GET", "/.page/none")]:
        for headers in ({}, {"Host": "evil.example"}, {"Authorization": "x"}):
            answer = await ask(daily, http, method, path, **headers)
            seen.add(answer.status)
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; ")
            may_be_framed = path != "/" and not path.startswith("/.face/")
            frames = "http://localhost:* http://127.0.0.1:*" if may_be_framed else "'none'"
            assert policy.endswith(f"; frame-ancestors {frames}")
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cache-Control"] == "no-store"
            whose = "cross-origin" if path.startswith("/.daily-js/") else "same-origin"
            assert answer.headers["Cross-Origin-Resource-Policy"] == whose
            assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
            policy = answer.headers["Permissions-Policy"].split(", ")
            assert {*policy} == {
                "microphone=(self)",
                "camera=(self)",
                "display-capture=(self)",
                "geolocation=()",
            }
    assert {200, 204, 400, 403, 404, 405, 426} <= seen
    daily.fail("*", "*", html=True)
    answer = await ask(daily, http, "GET", "/v1/")
    assert answer.content_type == "text/html"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_bodies_are_limited(daily: LocalDaily, http: aiohttp.ClientSession) -> None:
    large = b'{"name": "' + b"x" * (1024 * 1024) + b'"}'

    async def pieces() -> AsyncIterator[bytes]:  # without a Content-Length
        for start in range(0, len(large), 65_536):
            yield large[start : start + 65_536]

    reads = [path for method, path in routes(daily) if method == "POST" and path != "/"]
    for path in reads:
        secret = daily.face_url.partition("#")[2] if path.startswith("/.face/") else daily.api_key
        key = {"Authorization": f"Bearer {secret}"}
        for body in (io.BytesIO(large), pieces()):
            url = f"http://127.0.0.1:{daily.port}{path}"
            async with http.post(url, data=body, headers=key) as response:
                assert response.status == 413, path
    assert list(daily.rooms) == ["demo"]
    assert len(reads) > 6


async def test_what_a_bot_sends_is_limited(daily: LocalDaily, http: aiohttp.ClientSession) -> None:
    script = daily.join("demo")
    url = f"ws://127.0.0.1:{daily.port}/demo/link"
    whole = b"x" * (link._MOST_MESSAGE + 1)
    for join in (False, True):
        for kind in (WSMsgType.TEXT, WSMsgType.BINARY):
            async with http.ws_connect(url) as socket, asyncio.timeout(WAIT):
                if join:
                    await socket.send_json({"op": "join", "request": 0})
                with suppress(ConnectionError, aiohttp.ClientError):  # it may hang up early
                    await socket.send_frame(whole, kind)
                assert not [m async for m in socket if m.type is not WSMsgType.TEXT]
                assert socket.closed
    await script.event("participant-left")
    assert list(daily.rooms["demo"].participants) == [script.id]


async def test_what_a_browser_sends_is_limited(
    daily: LocalDaily, http: aiohttp.ClientSession
) -> None:
    script, ana = daily.join("demo"), Peer(daily, http, "demo")
    try:
        await ana.join()
        frame = {"event": "app-message", "message": ""}
        room = webrtc._MOST_MESSAGE - len(json.dumps(frame))
        ana.channel._RTCDataChannel__transport._remote_max_message_size = None
        for length in (room + 1, room):
            ana.send({**frame, "message": "x" * length})
        assert len(await script.message()) == room
    finally:
        await ana.close()


@pytest.mark.parametrize(
    ("host", "warns"),
    [("127.0.0.1", False), ("localhost", False), ("::1", False), ("0.0.0.0", True), ("::", True)],  # noqa: S104
)
async def test_it_warns_when_other_machines_can_connect(host: str, warns: bool) -> None:
    lines: list[str] = []
    sink = logger.add(lines.append, level="WARNING", format="{message}")
    try:
        async with LocalDaily(host=host) as daily:
            assert daily._runner is not None
            assert daily._runner.addresses[0][0] == ("127.0.0.1" if host == "localhost" else host)
    except Exception:
        if ":" in host:
            pytest.skip(f"this machine has no {host}")
        raise
    finally:
        logger.remove(sink)
    assert [line for line in lines if "other machines can connect" in line] == lines
    assert len(lines) == warns


async def test_it_listens_on_this_machine_only_unless_told_otherwise(daily: LocalDaily) -> None:
    assert daily._runner is not None
    assert [address[0] for address in daily._runner.addresses] == ["127.0.0.1"]


async def test_the_key_is_compared_in_constant_time(
    daily: LocalDaily, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[Any, Any]] = []
    compare: Callable[..., bool] = hmac.compare_digest

    def spy(one: Any, other: Any) -> bool:
        compared.append((one, other))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", spy)
    for given, status in (("wrong", 401), (str(daily.api_key), 200)):
        for path in ("/v1/", "/.faults"):
            header = {"Authorization": f"Bearer {given}"}
            assert (await ask(daily, http, "GET", path, **header)).status == status
            assert {given.encode(), str(daily.api_key).encode()} == set(compared.pop())
    assert compared == []


async def test_the_key_never_travels_to_the_browser(
    daily: LocalDaily, http: aiohttp.ClientSession
) -> None:
    key, state = daily.api_key, daily.state
    properties = {"room_name": "demo", "is_owner": True, "user_name": "Ana"}
    token = sign(properties, api_key=key, domain_id=state.domain.id, issued_at=0)
    got = [daily.url]

    async def get(path: str) -> str:
        async with http.get(f"http://127.0.0.1:{daily.port}{path}") as response:
            got.append(f"{response.url} {response.headers} {await response.text()}")
            return got[-1] if response.status == 200 else ""

    todo, done = [f"/demo?t={token}"], set()
    while todo:
        path = todo.pop()
        done.add(path)
        text = (await get(path)).replace("./", "/.page/")
        todo += set(re.findall(r"/\.page/[a-z]+\.[a-z]+", text)) - done - set(todo)
    assert {"/.page/room.js", "/.page/view.js", "/.page/room.css", "/.page/icon.svg"} < done
    got[1] = got[1].replace(token, "")  # the page's own address
    await get("/demo/link")
    await get("/demo/none")

    script, ana = daily.join("demo", user_name="Script"), Peer(daily, http, "demo")
    bo = Peer(daily, http, "none")
    try:
        _, refused = await bo.offer(token=token)
        await ana.join(hz=500, token=token)
        script.send({"hello": "you"}, None)
        await ana.event("app-message")
        await ana.event("levels")
        script.leave()
        await ana.event("participant-left")
        state.rooms.delete(daily.rooms["demo"])
        await ana.event("closed")
    finally:
        await asyncio.gather(ana.close(), bo.close())
    got += [json.dumps(each) for each in (ana.answer, refused, *ana.events)]
    assert len(ana.events) > 5
    assert not leaks("\n".join(got), key)
    assert not [text for text in got if token in text]
    names = {hdrs.SET_COOKIE, hdrs.AUTHORIZATION, hdrs.LOCATION}
    assert not [name for text in got for name in names if f"'{name}'" in text]
