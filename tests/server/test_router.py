# SPDX-License-Identifier: BSD-2-Clause
"""The HTTP face, by raw requests to a real server."""

import asyncio
import base64
import io
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from pipecat_daily_rest import DailyConfigError
from pipecat_daily_rest.server import Sessions
from pipecat_daily_rest.server.app import create_app
from pipecat_daily_rest.server.keys import Keys
from pipecat_daily_rest.server.router import session_router
from pipecat_daily_rest.tokens import read_token
from serving import BEHAVE, served

PUBLIC, PRIVATE = "public-key-of-a-page", "private-key-of-the-owner"
ORIGIN = "https://app.example"
STAY = {"createDailyRoom": True, "body": {"do": "stay"}}


@pytest.fixture
async def web(local_daily, monkeypatch) -> AsyncIterator[Callable[..., Awaitable[Any]]]:
    """Serves an app, and gives what sends requests to it."""
    for name, value in local_daily.env().items():
        monkeypatch.setenv(name, value)
    async with aiohttp.ClientSession() as session, AsyncExitStack() as stack:

        async def web(app: Any) -> Any:
            _, port = await stack.enter_async_context(served(app))

            async def send(method: str, path: str, data: Any = None, **headers: str) -> Any:
                raw = data if isinstance(data, bytes) or data is None else json.dumps(data).encode()
                given = {name.replace("_", "-"): value for name, value in headers.items()}
                url = f"http://127.0.0.1:{port}{path}"
                async with session.request(
                    method, url, data=raw and io.BytesIO(raw), headers=given
                ) as response:
                    text = await response.text()
                    what = json.loads(text) if "json" in response.content_type else text
                    return response.status, what, response.headers

            return send

        yield web


def sessions_of(**options: Any) -> Sessions:
    return Sessions(BEHAVE, **{"max_sessions": 2, "launcher": "task", **options})


@pytest.fixture
async def open_web(web):
    return await web(create_app(sessions_of()))


async def test_no_request_waits_for_a_thread(open_web):
    before = set(threading.enumerate())
    for method, path in (("POST", "/start"), ("GET", "/sessions"), ("GET", "/docs")):
        assert (await open_web(method, path))[0] == 200
    assert set(threading.enumerate()) <= before


async def test_start_in_pipecats_format(open_web, local_daily):
    status, answer, headers = await open_web("POST", "/start", STAY)
    assert status == 200
    assert list(answer) == ["dailyRoom", "dailyToken", "sessionId"]
    assert headers["Cache-Control"] == "no-store"
    (name,) = local_daily.rooms
    assert answer["dailyRoom"].endswith(f"/{name}")
    assert name.endswith(answer["sessionId"])
    token = read_token(answer["dailyToken"], api_key=local_daily.api_key)
    assert (token.room_name, token.is_owner) == (name, False)
    status, answer, _ = await open_web("POST", "/v1/public/any-name/start", STAY)
    assert (status, list(answer)) == (200, ["dailyRoom", "dailyToken", "sessionId"])
    status, answer, headers = await open_web("POST", "/start", STAY)
    assert (status, answer["code"], headers["Retry-After"]) == (429, "PCC-AGENT-AT-CAPACITY", "5")
    assert answer["status"] == 429
    assert answer["error"] == answer["info"] == "All 2 sessions are taken: try again in 5 s."


async def test_without_a_room(open_web, local_daily):
    status, answer, _ = await open_web("POST", "/start", b"")
    assert (status, list(answer)) == (200, ["sessionId"])
    assert local_daily.rooms == {}


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b"{", None),
        ([], "The request's body"),
        ({"createDailyRoom": "yes"}, "createDailyRoom"),
        ({"transport": "webrtc"}, "transport"),
        ({"dailyRoomProperties": {}}, "dailyRoomProperties"),
        ({"createDailyRoom": True, "dailyRoomProperties": []}, "dailyRoomProperties"),
        *(
            ({"createDailyRoom": True, "dailyRoomProperties": {name: value}}, f"dailyRoomProperties.{name}")
            for name, value in {
                "enable_dialout": True,
                "sip": {},
                "enable_recording": "cloud",
                "recordings_bucket": {},
                "meeting_join_hook": "https://x.example",
                "no_such": 1,
                "max_participants": "many",
            }.items()
        ),
        *(
            (
                {"createDailyRoom": True, "dailyMeetingTokenProperties": given},
                f"dailyMeetingTokenProperties.{field}",
            )
            for field, given in {
                "is_owner": {"is_owner": True},
                "permissions.canAdmin": {"permissions": {"canAdmin": True}},
                "room_name": {"room_name": "other"},
                "start_cloud_recording": {"start_cloud_recording": True},
            }.items()
        ),
    ],
)  # fmt: skip
async def test_what_a_browser_may_not_ask_for(open_web, local_daily, data, field):
    status, answer, _ = await open_web("POST", "/start", data)
    assert status == 400
    assert answer.get("field") == field
    assert {"error", "code", "info", "status"} <= answer.keys()
    assert not [each for each in local_daily.requests if each.method == "POST"]


async def test_what_is_too_late_or_too_large(open_web, local_daily):
    late = {"createDailyRoom": True, "dailyMeetingTokenProperties": {"exp": 4_000_000_000}}
    assert (await open_web("POST", "/start", late))[0] == 400
    late = {"createDailyRoom": True, "dailyRoomProperties": {"exp": 4_000_000_000}}
    assert (await open_web("POST", "/start", late))[0] == 400
    large = {"body": "x" * (1 << 20)}
    status, answer, _ = await open_web("POST", "/start", large)
    assert (status, answer["code"]) == (413, "413")
    assert local_daily.rooms == {}


async def test_what_the_owner_allows(web, local_daily):
    send = await web(create_app(sessions_of(), allowed_properties=["enable_recording"]))
    asked = {"createDailyRoom": True, "dailyRoomProperties": {"enable_recording": "cloud"}}
    asked["body"] = {"do": "stay"}
    status, answer, _ = await send("POST", "/start", asked)
    assert status == 200, answer
    (room,) = local_daily.rooms.values()
    assert room.config["enable_recording"] == "cloud"


async def test_listed_and_stopped(open_web, local_daily):
    _, first, _ = await open_web("POST", "/start", STAY)
    _, second, _ = await open_web("POST", "/start", STAY)
    listed = {"total_count": 0}  # a start is answered before its bot runs
    while listed["total_count"] < 2:
        _, listed, _ = await open_web("GET", "/sessions?state=running&limit=1")
    assert [each["sessionId"] for each in listed["sessions"]] == [second["sessionId"]]
    assert "eyJ" not in json.dumps(listed)
    assert "stay" not in json.dumps(listed)
    _, status, _ = await open_web("GET", "/status")
    assert status == {"status": "full", "transports": ["daily"], "sessions": 2, "maxSessions": 2}
    path = f"/sessions/{first['sessionId']}"
    assert (await open_web("GET", path))[1]["state"] == "running"
    assert (await open_web("DELETE", path))[1]["reason"] == "stopped"
    assert (await open_web("GET", "/sessions/x"))[0] == 404
    assert (await open_web("GET", "/sessions?limit=0"))[0] == 422
    assert len(local_daily.rooms) == 1


async def test_two_kinds_of_keys(web, local_daily):
    keys = Keys(public=(PUBLIC,), private=(PRIVATE,))
    send = await web(create_app(sessions_of(), keys=keys))
    public, private = f"Bearer {PUBLIC}", f"Bearer {PRIVATE}"
    assert (await send("POST", "/start", STAY))[0] == 401
    for method, path in (("POST", "/start"), ("GET", "/status")):
        status, refused, _ = await send(method, path, authorization="Bearer wrong")
        assert (status, refused["info"]) == (401, "The key is none of this server's.")
    status, started, _ = await send("POST", "/start", STAY, authorization=public)
    assert status == 200
    for path in ("/sessions", "/status", f"/sessions/{started['sessionId']}"):
        assert (await send("GET", path))[0] == 401
        assert (await send("GET", path, authorization=public))[0] == 403
        assert (await send("GET", path, authorization=private))[0] == 200
    for path in ("/docs", "/openapi.json"):
        assert (await send("GET", path))[0] == 401
        assert (await send("GET", path, authorization=private))[0] == 200
    for path in ("/livez", "/readyz", "/"):
        assert (await send("GET", path))[0] == 200
    page = (await send("GET", "/"))[1]
    assert PUBLIC not in page
    stop = f"/sessions/{started['sessionId']}/stop"
    assert (await send("POST", stop))[0] == 401
    assert (await send("POST", stop, {"dailyToken": "x"}))[0] == 403
    assert (await send("POST", stop, {"dailyToken": ""}))[0] == 403
    status, answer, _ = await send("POST", stop, {"dailyToken": started["dailyToken"]})
    assert (status, answer["reason"]) == (200, "stopped")
    assert local_daily.rooms == {}


async def test_a_browser_reads_the_docs_with_a_private_key_as_the_password(web):
    send = await web(create_app(sessions_of(), keys=Keys(public=(PUBLIC,), private=(PRIVATE,))))

    def basic(text: str) -> str:
        return f"Basic {base64.b64encode(text.encode()).decode()}"

    for path in ("/docs", "/openapi.json"):
        wrong = (basic(f"x:{PUBLIC}"), basic(PRIVATE), basic("x:"), f"Basic {PRIVATE}", "Basic")
        for given in ({}, *({"authorization": each} for each in wrong)):
            status, answer, headers = await send("GET", path, **given)
            assert status == 401, given
            assert headers["WWW-Authenticate"].startswith("Basic ")
            assert {"error", "code", "info", "status"} <= answer.keys()
        for name in ("", "ana"):
            assert (await send("GET", path, authorization=basic(f"{name}:{PRIVATE}")))[0] == 200
    for path in ("/sessions", "/status"):  # these change things, or tell about people
        status, _, headers = await send("GET", path, authorization=basic(f"x:{PRIVATE}"))
        assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")


async def test_repeated_with_a_key(open_web, local_daily):
    first = await open_web("POST", "/start", STAY, idempotency_key="k" * 20)
    again = await open_web("POST", "/start", STAY, idempotency_key="k" * 20)
    assert first[1] == again[1]
    assert len(local_daily.rooms) == 1
    status, answer, _ = await open_web("POST", "/start", b"", idempotency_key="k" * 20)
    assert (status, answer["code"]) == (409, "idempotency-conflict")
    assert (await open_web("POST", "/start", STAY, idempotency_key="short"))[0] == 400


async def test_web_pages_of_strangers(open_web, local_daily):
    for headers in ({"origin": "https://evil.example"}, {"host": "evil.example"}):
        status, answer, _ = await open_web("POST", "/start", STAY, **headers)
        assert status == 403, answer
        assert {"error", "code", "info", "status"} <= answer.keys()
    status, _, headers = await open_web("POST", "/start", STAY, origin="http://localhost:3000")
    assert status == 200
    assert headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
    assert len(local_daily.rooms) == 1


async def test_behind_a_proxy_on_this_machine(web, local_daily):
    send = await web(create_app(sessions_of(), allowed_origins=[ORIGIN]))
    for headers in ({"host": "app.example"}, {"host": "app.example", "origin": ORIGIN}):
        assert (await send("POST", "/start", b"", **headers))[0] == 200
    assert (await send("POST", "/start", b"", host="evil.example"))[0] == 403
    strange = {"host": "app.example", "origin": "https://evil.example"}
    assert (await send("POST", "/start", b"", **strange))[0] == 403


async def test_errors_of_the_app_are_json(open_web):
    for method, path, expected in (("GET", "/no", 404), ("PUT", "/start", 405)):
        status, answer, headers = await open_web(method, path)
        assert (status, answer["status"]) == (expected, expected)
        assert {"error", "code", "info"} <= answer.keys()
        assert headers.get("Allow") == ("POST" if expected == 405 else None)


async def test_daily_makes_no_room(open_web, local_daily):
    local_daily.fail("POST", "/rooms", status=500, times=None)
    status, answer, _ = await open_web("POST", "/start", STAY)
    assert (status, answer["code"]) == (502, "daily-error")


async def test_in_an_app_of_ones_own(web, local_daily):
    from contextlib import asynccontextmanager

    from fastapi import Depends, FastAPI, HTTPException, Request

    def login(request: Request) -> None:
        if request.headers.get("x-user") != "ana":
            raise HTTPException(401)

    sessions = sessions_of()

    @asynccontextmanager
    async def lifespan(app):
        async with sessions:
            yield

    app = FastAPI(lifespan=lifespan)
    app.include_router(session_router(sessions, dependencies=[Depends(login)]), prefix="/bots")
    send = await web(app)
    assert (await send("POST", "/bots/start", STAY))[0] == 401
    status, answer, _ = await send("POST", "/bots/start", STAY, x_user="ana")
    assert (status, list(answer)) == (200, ["dailyRoom", "dailyToken", "sessionId"])
    status, answer, _ = await send("POST", "/bots/start", b"{", x_user="ana")
    assert (status, answer["info"]) == (400, "The request's body is not JSON.")


def test_keys():
    assert Keys.from_env({"PIPECAT_DAILY_PUBLIC_KEYS": f"{PUBLIC}, {PRIVATE}"}).public == (
        PUBLIC,
        PRIVATE,
    )
    assert PUBLIC not in repr(Keys((PUBLIC,)))
    with pytest.raises(DailyConfigError, match="at least 16"):
        Keys(("short",))


async def test_half_a_character_is_no_failure_of_the_server(open_web):
    half = "\ud800"
    assert (await open_web("POST", "/sessions/x/stop", {"dailyToken": half}))[0] == 403
    given = {"createDailyRoom": True, "dailyRoomProperties": {half: 1}}
    status, answer, *_ = await open_web("POST", "/start", given)
    assert (status, answer["field"]) == (400, "dailyRoomProperties.?")


async def test_a_number_that_is_too_large_is_a_400(open_web):
    given = {"createDailyRoom": True, "dailyRoomProperties": {"exp": 10**400}}
    assert (await open_web("POST", "/start", given))[0] == 400


async def test_a_client_that_leaves_during_its_start_keeps_no_slot(open_web, local_daily):
    held = local_daily.fail("POST", "/rooms", delay=0.3)
    asked = asyncio.create_task(open_web("POST", "/start", STAY))
    await held.wait()
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    while (await open_web("GET", "/status"))[1]["sessions"]:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    assert local_daily.rooms == {}


async def test_what_daily_refuses_is_a_400(open_web, local_daily):
    asked = {"createDailyRoom": True, "dailyRoomProperties": {"lang": "xx"}}
    status, answer, _ = await open_web("POST", "/start", asked)
    assert (status, answer["code"]) == (400, "invalid-properties")
    assert "lang" in answer["info"]


@pytest.mark.parametrize(
    ("name", "given", "field"),
    [
        ("dailyMeetingTokenProperties", {"user_name": "Ana", "exp": 4_000_000_000}, "exp"),
        ("dailyMeetingTokenProperties", {"user_name": "Ana", "exp": -1}, "exp"),
        ("dailyMeetingTokenProperties", {"user_id": "x" * 37}, "user_id"),
        ("dailyMeetingTokenProperties", {"eject_after_elapsed": 0}, "eject_after_elapsed"),
        ("dailyMeetingTokenProperties", {"nbf": 4_000_000_000}, "nbf"),
        ("dailyRoomProperties", {"lang": "fr", "exp": 4_000_000_000}, "exp"),
        ("dailyRoomProperties", {"max_participants": 0}, "max_participants"),
        ("dailyRoomProperties", {"lang": "xx"}, "lang"),  # as Daily answers
    ],
)
async def test_the_field_is_named_whoever_refuses_it(open_web, local_daily, name, given, field):
    status, answer, _ = await open_web("POST", "/start", {"createDailyRoom": True, name: given})
    assert (status, answer["code"]) == (400, "invalid-properties")
    assert answer["field"] == f"{name}.{field}"
    assert local_daily.rooms == {}


async def test_what_no_caller_can_mend_is_no_error_of_a_caller(web, local_daily, said):
    """Sessions that nobody has opened, and a room that Daily refuses though nobody asked for it."""
    from fastapi import FastAPI

    app = FastAPI()
    app.include_router(session_router(sessions_of()))
    send = await web(app)
    assert (await send("POST", "/start", STAY))[0] == 500
    (error,) = [each["message"] for each in said if each["level"].name == "ERROR"]
    assert "The sessions are not open" in error
    send = await web(create_app(sessions_of()))
    local_daily.fail("POST", "/rooms", status=400, times=None)
    status, answer, _ = await send("POST", "/start", STAY)
    assert (status, answer["code"]) == (500, "500")
    assert "an injected fault" in [each["message"] for each in said][-1]
