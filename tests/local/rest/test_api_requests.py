# SPDX-License-Identifier: BSD-2-Clause
"""What happens to every request: the key, the body, the mark, the journal."""

import asyncio
import io
import json

import pytest
from loguru import logger

from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.rest.endpoints import FAMILIES, REFUSALS
from pipecat_daily_rest.local.rest.journal import Request
from pipecat_daily_rest.local.rest.routes import routes
from pipecat_daily_rest.local.rules.claims import sign


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic abc", "{key}", "bearer {key}", "Bearer a b"]
)
@pytest.mark.parametrize("path", ["/", "/rooms", "/there/is/no/such/thing"])
async def test_a_missing_or_malformed_header(local_daily, http, header, path) -> None:
    headers = {}
    if header is not None:
        headers["Authorization"] = header.format(key=local_daily.api_key)
    async with http.get(local_daily.api_url + path, headers=headers) as response:
        assert response.status == 400
        assert await response.json() == {
            "error": "authorization-header-error",
            "info": "bad Authorization header format",
        }


@pytest.mark.parametrize("wrong", ["x", "é", "{key}x"])
async def test_a_wrong_key_has_no_info(local_daily, http, wrong) -> None:
    headers = {"Authorization": f"Bearer {wrong.format(key=local_daily.api_key)}"}
    async with http.post(local_daily.api_url + "/rooms", headers=headers, json={}) as response:
        assert response.status == 401
        assert await response.json() == {"error": "authentication-error"}
    assert local_daily.rooms == {}


@pytest.mark.parametrize(
    "body",
    ["{", "nope", b"\xff\xfe\xff", '{"properties": {"exp": NaN}}', "[" * 100_000, "9" * 9999],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/rooms"), ("POST", "/meeting-tokens"), ("DELETE", "/batch/rooms")],
)
async def test_a_body_that_is_not_json(call, local_daily, method, path, body) -> None:
    status, answer = await call(method, path, data=body)
    assert (status, answer["error"]) == (400, "json-parsing-error")
    assert local_daily.requests[-1].body is None


@pytest.mark.parametrize("body", [[], "text", 5, True])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/rooms"),
        ("POST", "/rooms/demo"),
        ("POST", "/rooms/demo/eject"),
        ("POST", "/meeting-tokens"),
        ("POST", "/batch/rooms"),
        ("DELETE", "/batch/rooms"),
    ],
)
async def test_a_body_that_is_not_an_object(call, local_daily, method, path, body) -> None:
    local_daily.state.rooms.create("demo", "public", {})
    status, answer = await call(method, path, body)
    assert (status, answer["error"]) == (400, "invalid-request-error")


async def test_a_body_over_a_mebibyte(call, local_daily) -> None:
    status, answer = await call("POST", "/rooms", data=io.BytesIO(b" " * 1024 * 1024 + b"{}"))
    assert (status, answer["error"]) == (413, "invalid-request-error")
    assert local_daily.rooms == {}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing"),
        ("POST", "/rooms/demo/nothing"),
        ("PUT", "/rooms/demo"),
        ("PATCH", "/rooms"),
        ("DELETE", "/rooms"),
        ("POST", "/presence"),
        ("GET", "/rooms/"),
    ],
)
async def test_unknown_routes(call, local_daily, method, path) -> None:
    local_daily.state.rooms.create("demo", "public", {})
    status, answer = await call(method, path)
    assert (status, answer["error"]) == (404, "not-found")
    assert list(local_daily.rooms) == ["demo"]


async def test_the_domain(call, local_daily) -> None:
    status, domain = await call("GET", "/")
    assert status == 200
    assert domain["domain_name"] == "local"
    assert domain["domain_id"] == local_daily.state.domain.id
    assert domain["config"]["lang"] == "en"


async def test_every_response_has_the_mark(call, local_daily, http) -> None:
    local_daily.state.rooms.create("demo", "public", {})
    seen = set()
    for method, url in [
        ("GET", local_daily.api_url + "/"),
        ("GET", local_daily.api_url),
        ("GET", local_daily.api_url + "/nothing"),
        ("GET", local_daily.url + "/demo"),
        ("GET", local_daily.url + "/.nothing/at/all"),
        ("PATCH", local_daily.url + "/demo"),
    ]:
        async with http.request(method, url) as response:
            assert response.headers["X-Local-Daily"] == "1", (method, url, response.status)
            seen.add(response.status)
    stranger = {"Host": "evil.example"}
    async with http.get(local_daily.url + "/demo", headers=stranger) as response:
        assert response.headers["X-Local-Daily"] == "1"
        seen.add(response.status)
    assert seen == {200, 400, 403, 404, 405}
    address = local_daily.url.replace("http", "ws") + "/demo/link"
    async with http.ws_connect(address) as socket:
        assert socket._response.headers["X-Local-Daily"] == "1"


async def test_requests_are_kept_in_order_of_arrival(call, local_daily) -> None:
    before = local_daily.state.clock.now()
    await call("POST", "/rooms", {"name": "demo", "properties": {"max_participants": 3}})
    await call("GET", "/rooms/none?limit=3")
    await call("DELETE", "/rooms/demo")
    assert [(r.method, r.path, r.body, r.status) for r in local_daily.requests] == [
        ("POST", "/rooms", {"name": "demo", "properties": {"max_participants": 3}}, 200),
        ("GET", "/rooms/none", None, 404),
        ("DELETE", "/rooms/demo", None, 200),
    ]
    assert before <= local_daily.requests[0].at <= local_daily.requests[-1].at
    assert str(local_daily.requests[0]) == (
        'POST /rooms {"name": "demo", "properties": {"max_participants": 3}} -> 200'
    )
    assert str(local_daily.requests[1]) == "GET /rooms/none -> 404"


def test_a_request_without_a_response_says_so() -> None:
    assert str(Request("GET", "/rooms", None, None, 0.0)) == "GET /rooms -> no response yet"


async def test_no_secret_is_kept_or_shown(call, local_daily) -> None:
    key = local_daily.api_key
    _, made = await call("POST", "/meeting-tokens", {"properties": {"room_name": "demo"}})
    token = made["token"]
    await call("GET", f"/meeting-tokens/{token}")
    await call("GET", "/meeting-tokens/anything%2Felse")
    await call("GET", f"/rooms/{token}")
    await call("GET", f"/rooms/{key}")
    await call("GET", f"/meeting-tokens/{key}/more")
    for secret in (key, token):
        await call("POST", "/rooms", {"name": "x", "properties": {"lang": secret, secret: 1}})
        await call("DELETE", "/batch/rooms", {"room_names": [secret]})
    kept = "\n".join(f"{request!r} {request}" for request in local_daily.requests)
    assert key not in kept
    assert token not in kept
    assert [request.path for request in local_daily.requests[1:6]] == [
        "/meeting-tokens/***",
        "/meeting-tokens/***",
        "/rooms/***",
        "/rooms/***",
        "/meeting-tokens/***",
    ]
    assert local_daily.requests[6].body == {
        "name": "x",
        "properties": {"lang": "***", "***": 1},
    }


async def test_a_failure_of_the_server_is_a_500_without_a_traceback(
    local_daily, http, monkeypatch
) -> None:
    token = sign(
        {}, api_key=local_daily.api_key, domain_id=local_daily.state.domain.id, issued_at=0
    )

    def fail(*_: object, **__: object) -> None:
        msg = f"a bug, with {token} and {local_daily.api_key}"
        raise RuntimeError(msg)

    monkeypatch.setattr(local_daily.state.domain, "find", fail)
    monkeypatch.setattr(local_daily.state.admission, "admit", fail)
    lines: list[str] = []
    sink = logger.add(lines.append, level="ERROR", format="{message}")
    try:
        headers = {"Authorization": f"Bearer {local_daily.api_key}"}
        async with http.get(local_daily.api_url + "/rooms/x", headers=headers) as response:
            assert response.status == 500
            text = await response.text()
        url = local_daily.url + "/demo/offer"
        offer = {"sdp": "v=0", "type": "offer", "token": token}
        async with http.post(url, json=offer) as response:
            assert response.status == 500
            assert await response.text() == "The local Daily failed; its log says why."
            assert response.headers["X-Local-Daily"] == "1"
    finally:
        logger.remove(sink)
    assert json.loads(text)["error"] == "server-error"
    assert "RuntimeError" not in text
    assert "a bug" not in text
    assert "".join(lines).count("a bug, with *** and ***") == 2
    assert local_daily.api_key not in "".join(lines)
    assert token not in "".join(lines)
    assert local_daily.requests[-1].status == 500


async def test_parallel_creates_of_one_name_make_one_room(call, local_daily) -> None:
    answers = await asyncio.gather(*(call("POST", "/rooms", {"name": "one"}) for _ in range(8)))
    assert sorted(status for status, _ in answers) == [200, *[400] * 7]
    assert list(local_daily.rooms) == ["one"]


async def test_requests_of_foreign_hosts_and_pages_are_refused(local_daily, http) -> None:
    local_daily.state.rooms.create("demo", "public", {})
    port = local_daily.port
    key = {"Authorization": f"Bearer {local_daily.api_key}"}

    async def status(method: str, path: str, **headers: str) -> int:
        url = f"http://127.0.0.1:{port}{path}"
        async with http.request(method, url, headers={**key, **headers}) as response:
            text = await response.text()
            assert (response.status == 403) == ("Daily" in text and "not " in text), text
            return response.status

    for host in ("127.0.0.1", "localhost", "LOCALHOST", "[::1]"):
        assert await status("GET", "/v1/", Host=f"{host}:{port}") == 200
    for host in ("evil.example", f"evil.example:{port}", "localhost", f"localhost:{port + 1}",
                 f"a@localhost:{port}", f"192.168.1.5:{port}", ""):  # fmt: skip
        assert await status("GET", "/v1/", Host=host) == 403, host
        assert await status("GET", "/demo", Host=host) == 403, host

    here = f"https://127.0.0.1:{port}"  # a web app's page, which may join and leave
    for origin in ("http://evil.example", "null", here):
        assert await status("POST", "/demo/leave", Origin=origin) == (
            204 if origin == here else 403
        )
        assert await status("POST", "/v1/rooms", Origin=origin) == 403
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"}
        assert await status("GET", "/demo/link", Origin=origin, **upgrade) == 403
        assert await status("GET", "/demo", Origin=origin) == 200
    assert await status("POST", "/v1/rooms", Origin=f"http://127.0.0.1:{port}") == 200


@pytest.mark.parametrize("path", ["/v1/rooms", "/v1/link", "/v1/offer", "/v1/leave"])
async def test_a_room_may_be_called_v1(local_daily, http, path) -> None:
    local_daily.state.rooms.create("v1", "public", {})
    async with http.get(local_daily.url + "/v1") as response:
        assert response.status == 200
        assert response.content_type == "text/html"
    async with http.get(local_daily.url + path) as response:
        api = "authorization-header-error" in await response.text()
        assert api == (path == "/v1/rooms")


def test_every_endpoint_is_routed() -> None:
    methods = {name for family in FAMILIES for name in vars(family) if not name.startswith("_")} - {
        "routes"
    }
    table = {
        (r.method, r.path.removeprefix("/v1")): r.handler.args[0]
        for r in routes(LocalDaily().parts)
    }
    assert table.keys() >= REFUSALS.keys()
    routed = {table[route].__name__ for route in table.keys() - REFUSALS.keys()}
    assert routed - {"unknown"} == methods
