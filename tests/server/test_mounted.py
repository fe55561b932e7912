# SPDX-License-Identifier: BSD-2-Clause
"""The router in apps of other people: prefixes, middlewares, logins, several servers in a process."""

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from fastapi import Depends, FastAPI, HTTPException, Request
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from pipecat_daily_rest import DailyAuthenticationError
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.server import EndReason, Sessions
from pipecat_daily_rest.server.app import create_app
from pipecat_daily_rest.server.keys import Keys
from pipecat_daily_rest.server.router import session_router
from pipecat_daily_rest.tokens import read_token
from serving import BEHAVE, STAY, raw, served, until

START = {"createDailyRoom": True, "body": STAY}


@pytest.fixture
async def serve_app(local_daily):
    async with AsyncExitStack() as stack:

        async def serve(app):
            server, port = await stack.enter_async_context(served(app))

            async def send(method, path, data=None, **headers):
                body = data if isinstance(data, bytes) else json.dumps(data or {}).encode()
                given = {"Host": "localhost", "Connection": "close", **headers}
                lines = [f"{method} {path} HTTP/1.1", f"Content-Length: {len(body)}"]
                lines += [f"{name}: {value}" for name, value in given.items()]
                text = await raw(port, "\r\n".join([*lines, "", ""]).encode() + body)
                head, _, content = text.partition("\r\n\r\n")
                return int(head.split()[1]), json.loads(content or "null")

            send.port, send.tasks = port, server.server_state.tasks
            return send

        yield serve


def own_app(*servers, **options):
    """An app of one's own with a router for each prefix."""

    @asynccontextmanager
    async def lifespan(app):
        async with AsyncExitStack() as stack:
            for sessions in {each for _, each in servers}:
                await stack.enter_async_context(sessions)
            yield

    app = FastAPI(lifespan=lifespan)
    for prefix, sessions in servers:
        app.include_router(session_router(sessions, **options), prefix=prefix)
    return app


def sessions_on(daily, **options):
    given = {"max_sessions": 2, "launcher": "task", **options}
    return Sessions(BEHAVE, api_key=daily.api_key, api_url=daily.api_url, **given)


async def test_under_two_prefixes_and_the_middlewares_of_an_app(serve_app, local_daily, said):
    sessions = sessions_on(local_daily)
    app = own_app(("/a", sessions), ("/deep/er/b", sessions))

    async def passes(request, call_next):
        return await call_next(request)

    app.add_middleware(BaseHTTPMiddleware, dispatch=passes)
    app.add_middleware(GZipMiddleware, minimum_size=1)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["localhost"])
    send = await serve_app(app)
    status, first = await send("POST", "/a/start", START)
    assert (status, list(first)) == (200, ["dailyRoom", "dailyToken", "sessionId"])
    status, second = await send("POST", "/deep/er/b/v1/public/x/start", START)
    assert status == 200
    for prefix in ("/a", "/deep/er/b"):
        assert (await send("GET", f"{prefix}/sessions"))[1]["total_count"] == 2
        assert (await send("POST", f"{prefix}/start", START))[1]["code"] == "PCC-AGENT-AT-CAPACITY"
        assert (await send("POST", f"{prefix}/start", b"{"))[1]["code"] == "not-json"
        assert (await send("GET", f"{prefix}/readyz"))[1] == {"status": "full"}
        assert (await send("POST", f"{prefix}/start", b" " * (1 << 21)))[0] == 413
    stop = f"/deep/er/b/sessions/{first['sessionId']}/stop"
    assert (await send("POST", stop, {"dailyToken": first["dailyToken"]}))[0] == 200
    paths = (await send("GET", "/openapi.json"))[1]["paths"]
    one, other = ({each for each in paths if each.startswith(it)} for it in ("/a/", "/deep/er/b/"))
    assert one | other == paths.keys()
    assert {each.removeprefix("/a") for each in one} >= {"/start", "/sessions", "/metrics"}
    assert {f"/deep/er/b{each.removeprefix('/a')}" for each in one} == other
    # A client that leaves in the middle of its body, and one during its start.
    head = "POST /a/start HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
    _, writer = await asyncio.open_connection("127.0.0.1", send.port)
    writer.write(f"{head}100\r\n\r\n{{".encode())
    await until(lambda: send.tasks)
    writer.close()
    held = local_daily.fail("POST", "/rooms", delay=0.2)
    body = json.dumps(START).encode()
    _, writer = await asyncio.open_connection("127.0.0.1", send.port)
    writer.write(f"{head}{len(body)}\r\n\r\n".encode() + body)
    await held.wait()
    writer.close()
    await until(lambda: not send.tasks)
    await until(lambda: sessions.taken == 1)
    await sessions.stop(second["sessionId"])
    await until(lambda: not local_daily.rooms)
    assert not [each for each in said if each["level"].no >= 30]


async def test_a_login_of_ones_own(serve_app, local_daily):
    async def login(request: Request):
        if request.headers.get("x-user") != "ana":
            raise HTTPException(401, {"who": "are you?"})

    sessions = sessions_on(local_daily)
    send = await serve_app(own_app(("", sessions), dependencies=[Depends(login)]))
    for method, path in (("POST", "/start"), ("GET", "/sessions"), ("GET", "/livez")):
        assert await send(method, path) == (401, {"detail": {"who": "are you?"}})
        assert (await send(method, path, **{"x-user": "ana"}))[0] == 200


async def test_a_mounted_app_says_that_nobody_opens_its_sessions(serve_app, local_daily, said):
    """Starlette runs the lifespan of the outermost app only."""
    sessions = sessions_on(local_daily)
    app = FastAPI()
    app.mount("/bots", create_app(sessions))
    send = await serve_app(app)
    assert (await send("GET", "/bots/readyz"))[0] == 503
    status, answer = await send("POST", "/bots/start", START)
    assert (status, answer["code"]) == (500, "500")
    assert "The sessions are not open" in [each["message"] for each in said][-1]
    async with sessions:
        assert (await send("POST", "/bots/start", START))[0] == 200


async def test_several_servers_with_keys_and_accounts_of_their_own(serve_app, monkeypatch):
    """Each uses its own account, and neither starts, lists or stops what is the other's."""
    monkeypatch.delenv("DAILY_API_KEY", raising=False)
    async with LocalDaily(api_key="first" * 10) as one, LocalDaily(api_key="second" * 10) as two:
        servers = [sessions_on(one), sessions_on(two)]
        keys = [
            Keys(public=(f"a-public-key-of-{n}",), private=(f"a-private-key-of-{n}",)) for n in "12"
        ]
        app = own_app(("/1", servers[0]), keys=keys[0])
        other = await serve_app(create_app(servers[1], keys=keys[1]))
        send = await serve_app(app)
        mine, theirs = ({"Authorization": f"Bearer a-private-key-of-{n}"} for n in "12")
        _, first = await send("POST", "/1/start", START, **mine)
        assert (await other("POST", "/start", START, **mine))[0] == 401
        _, second = await other("POST", "/start", START, **theirs)
        assert [len(each.rooms) for each in (one, two)] == [1, 1]
        for started, daily in ((first, one), (second, two)):
            token = read_token(started["dailyToken"], api_key=daily.api_key)
            assert token.room_name in daily.rooms
        path = f"/sessions/{first['sessionId']}"
        assert (await other("GET", path, **theirs))[0] == 404
        stolen = {"dailyToken": first["dailyToken"]}
        assert (await other("POST", f"{path}/stop", stolen))[0] == 403
        assert (await other("POST", f"/sessions/{second['sessionId']}/stop", stolen))[0] == 403
        one.fail("*", "*", times=None, status=401)  # one account is locked: the other goes on
        assert (await send("POST", "/1/start", START, **mine))[1]["code"] == "daily-error"
        assert (await other("POST", "/start", START, **theirs))[0] == 200
        with pytest.raises(DailyAuthenticationError):
            async with sessions_on(one):
                pass


async def test_whose_token_stops_a_session(serve_app, local_daily):
    sessions = sessions_on(local_daily, max_sessions=5)
    keys = Keys(public=("public-key-of-a-page",), private=("private-key-of-one",))
    send = await serve_app(create_app(sessions, keys=keys))
    page = {"Authorization": "Bearer public-key-of-a-page"}
    _, mine = await send("POST", "/start", START, **page)
    _, other = await send("POST", "/start", START, **page)
    _, roomless = await send("POST", "/start", {"body": STAY}, **page)
    path = f"/sessions/{mine['sessionId']}/stop"
    bots = local_daily.rooms[sessions.get(mine["sessionId"]).room_name]
    assert bots
    wrong = [other["dailyToken"], mine["dailyToken"][:-1], mine["dailyToken"].upper(), "", "None",
             None, 1, [], {}, True, ["x"], [mine["dailyToken"]]]  # fmt: skip
    for token in wrong:
        status, _ = await send("POST", path, {"dailyToken": token})
        assert status == (401 if token is None else 403), token
        assert (await send("POST", path, {"dailyToken": token}, **page))[0] == 403
    for token in (None, "None", "null", ""):
        stop = f"/sessions/{roomless['sessionId']}/stop"
        assert (await send("POST", stop, {"dailyToken": token}))[0] in (401, 403)
    assert sessions.taken == 3
    # As `navigator.sendBeacon` sends it: plain text, no other header.
    beacon = {"Content-Type": "text/plain;charset=UTF-8", "Origin": "http://localhost:3000"}
    local_daily.advance(3000)  # the token need not let anybody in any more
    status, answer = await send("POST", path, {"dailyToken": mine["dailyToken"]}, **beacon)
    assert (status, answer["reason"]) == (200, "stopped")
    # Again, now that it has ended: the answer is the same.
    assert await send("POST", path, {"dailyToken": mine["dailyToken"]}, **beacon) == (200, answer)
    assert sessions.get(mine["sessionId"]).end.reason is EndReason.STOPPED
    assert sessions.taken == 2
