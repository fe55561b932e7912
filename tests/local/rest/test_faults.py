# SPDX-License-Identifier: BSD-2-Clause
"""Injected faults: raw HTTP against a local Daily that was told to fail."""

import asyncio
import json
import math
import time

import aiohttp
import pytest

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.rest.failures import KINDS, Failure

FOREVER = 10**9  # seconds


def journal(daily):
    return [(each.method, each.path, each.status) for each in daily.requests]


async def raw(daily, method="POST", path="/rooms", **options):
    """Send a request on a connection of its own; give the response's status, headers and bytes."""
    headers = {"Authorization": f"Bearer {daily.api_key}"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.request(method, daily.api_url + path, **options) as response,
    ):
        return response.status, response.headers, await response.read()


async def test_a_plain_failure_is_a_500_once(call, local_daily):
    fault = local_daily.fail("POST", "/rooms")
    status, body = await call("POST", "/rooms", {"name": "demo"})
    assert status == 500
    assert body == {"error": "server-error", "info": "an injected fault"}
    assert local_daily.rooms == {}
    assert (await call("POST", "/rooms", {"name": "demo"}))[0] == 200
    assert (fault.hits, fault.over) == (1, True)
    assert journal(local_daily) == [("POST", "/rooms", 500), ("POST", "/rooms", 200)]


async def test_a_number_of_failures_and_cancel(call, local_daily):
    twice = local_daily.fail("GET", "/", times=2, status=503)
    always = local_daily.fail("GET", "/rooms", times=None, status=429)
    assert [(await call("GET", "/"))[0] for _ in range(3)] == [503, 503, 200]
    assert [(await call("GET", "/rooms"))[0] for _ in range(3)] == [429, 429, 429]
    assert (twice.hits, always.hits) == (2, 3)
    always.cancel()
    assert (await call("GET", "/rooms"))[0] == 200
    assert always.hits == 3


async def test_the_first_fault_that_is_not_used_up_is_met(call, local_daily):
    local_daily.fail("GET", "/", status=500)
    later = local_daily.fail("*", "*", status=503)
    assert (await call("GET", "/"))[0] == 500
    assert later.hits == 0
    assert (await call("GET", "/"))[0] == 503
    assert (await call("GET", "/"))[0] == 200


@pytest.mark.parametrize(
    ("method", "pattern", "sent", "path", "meets"),
    [
        ("POST", "/rooms", "POST", "/rooms", True),
        ("post", "/rooms", "POST", "/rooms", True),
        ("GET", "/rooms", "POST", "/rooms", False),
        ("*", "/rooms", "POST", "/rooms", True),
        ("*", "/rooms", "POST", "/rooms/demo", False),
        ("*", "/rooms/*", "GET", "/rooms/demo", True),
        ("*", "/rooms/*", "GET", "/rooms/demo/presence", False),
        ("*", "/rooms/*", "GET", "/rooms", False),
        ("*", "/rooms/*/presence", "GET", "/rooms/demo/presence", True),
        ("*", "/rooms/d*o", "GET", "/rooms/demo", True),
        ("*", "/rooms/d.mo", "GET", "/rooms/demo", False),
        ("*", "/", "GET", "/", True),
        ("*", "/", "GET", "/rooms", False),
        ("*", "*", "GET", "/", True),
        ("*", "*", "DELETE", "/rooms/demo", True),
        ("*", "*", "PATCH", "/no/such/thing", True),
        ("GET", "/rooms", "GET", "/rooms?limit=5", True),
    ],
)
async def test_patterns(call, local_daily, method, pattern, sent, path, meets):
    fault = local_daily.fail(method, pattern, status=599)
    status, _ = await call(sent, path)
    assert (status == 599) is meets
    assert fault.hits == int(meets)


@pytest.mark.parametrize(
    ("failure", "status", "body"),
    [
        ({"status": 400}, 400, {"error": "invalid-request-error"}),
        ({"status": 401}, 401, {"error": "authentication-error"}),
        ({"status": 403}, 403, {"error": "forbidden-error"}),
        ({"status": 404}, 404, {"error": "not-found"}),
        ({"status": 429}, 429, {"error": "rate-limit-error"}),
        ({"status": 302}, 302, {"error": "server-error"}),
        ({"status": 503, "code": "c", "info": "i"}, 503, {"error": "c", "info": "i"}),
        ({"code": "c"}, 400, {"error": "c"}),
        ({"retry_after": 3}, 429, {"error": "rate-limit-error"}),
        ({"commit": False}, 500, {"error": "server-error"}),
        ({"body": {"a": [1]}}, 200, {"a": [1]}),
        ({"body": None}, 200, None),
        ({"body": "[1", "status": 418}, 418, "[1"),
        ({"body": b"\xff"}, 200, b"\xff"),
    ],
)
async def test_answers(local_daily, failure, status, body):
    local_daily.fail("POST", "/rooms", **failure)
    got, _, text = await raw(local_daily, allow_redirects=False)
    assert got == status
    if isinstance(body, bytes):
        assert text == body
    elif isinstance(body, str):
        assert text.decode() == body
    elif isinstance(body, dict):
        assert body.items() <= json.loads(text).items()
    else:
        assert json.loads(text) == body
    assert len(local_daily.rooms) == (1 if status == 200 else 0)


async def test_headers(local_daily):
    local_daily.fail("*", "*", retry_after=7, headers={"X-Test": "y"})
    status, headers, _ = await raw(local_daily)
    assert (status, headers["Retry-After"], headers["X-Test"]) == (429, "7", "y")
    assert headers["X-Local-Daily"] == "1"
    local_daily.fail("*", "*", status=503, retry_after="Wed, 21 Oct 2099 07:28:00 GMT")
    status, headers, _ = await raw(local_daily)
    assert (status, headers["Retry-After"]) == (503, "Wed, 21 Oct 2099 07:28:00 GMT")


@pytest.mark.parametrize(
    ("failure", "commits"),
    [
        ({"status": 500}, False),
        ({"status": 500, "commit": True}, True),
        ({"status": 202}, True),
        ({"html": True}, True),
        ({"html": True, "commit": False}, False),
        ({"html": True, "status": 502}, False),
        ({"body": {}, "commit": False}, False),
        ({"truncate": True}, True),
        ({"truncate": True, "status": 500}, False),
        ({"drop": "before"}, False),
        ({"drop": "after"}, True),
        ({"hang": True}, False),
        ({"hang": True, "commit": True}, True),
        ({"delay": 0.01}, True),
        ({"delay_after": 0.01}, True),
        ({"delay": 0.01, "commit": False}, False),
        ({"nulls": True}, True),
        ({"unknown": True}, True),
    ],
)
async def test_what_is_carried_out(local_daily, failure, commits):
    fault = local_daily.fail("POST", "/rooms", **failure)
    created = asyncio.create_task(local_daily.state.log.wait_for("created"))
    asking = asyncio.create_task(raw(local_daily, json={"name": "demo"}))
    await fault.wait()
    if commits:
        await created
    if "hang" in failure:
        assert not asking.done()
        asking.cancel()
    await asyncio.wait({asking})
    assert set(local_daily.rooms) == ({"demo"} if commits else set())
    created.cancel()
    if not asking.cancelled():
        asking.exception()


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_dropped_connection(local_daily, when):
    local_daily.fail("POST", "/rooms", drop=when)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await raw(local_daily)
    assert journal(local_daily) == [("POST", "/rooms", None)]
    assert (await raw(local_daily))[0] == 200


async def test_a_truncated_body(local_daily):
    local_daily.fail("POST", "/rooms", truncate=True, times=2)
    with pytest.raises(aiohttp.ClientPayloadError):
        await raw(local_daily)
    reader, writer = await asyncio.open_connection("127.0.0.1", local_daily.port)
    lines = [
        "POST /v1/rooms HTTP/1.1",
        f"Host: 127.0.0.1:{local_daily.port}",
        f"Authorization: Bearer {local_daily.api_key}",
        "Content-Length: 0",
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    assert head.startswith("HTTP/1.1 200")
    promised = next(line for line in head.splitlines() if line.startswith("Content-Length: "))
    assert 0 < len(body) < int(promised.partition(": ")[2])
    assert body.startswith('{"id": ')
    assert [status for _, _, status in journal(local_daily)] == [200, 200]


@pytest.mark.parametrize("status", [200, 502])
async def test_html(local_daily, status):
    local_daily.fail("POST", "/rooms", html=True, status=status)
    got, headers, body = await raw(local_daily)
    assert (got, headers["Content-Type"]) == (status, "text/html")
    assert body.startswith(b"<!DOCTYPE html>")


async def test_nulls_and_unknown_values(call, local_daily):
    local_daily.fail("POST", "/rooms", nulls=True)
    body = {"name": "a", "privacy": "private", "properties": {"exp": time.time() + 60}}
    _, room = await call("POST", "/rooms", body)
    assert room == {
        "id": None,
        "name": "a",
        "api_created": None,
        "privacy": None,
        "url": f"{local_daily.url}/a",
        "created_at": None,
        "config": {"exp": None},
    }
    local_daily.fail("GET", "/rooms/a", unknown=True)
    _, room = await call("GET", "/rooms/a")
    assert room["privacy"] == "private from tomorrow"
    assert room["name"] == "a"
    assert room["from_tomorrow"] == room["config"]["from_tomorrow"] == {"new": [None, 1.5, "x"]}
    assert room["config"]["exp"] == body["properties"]["exp"]
    local_daily.fail("GET", "/rooms", nulls=True, unknown=True)
    _, rooms = await call("GET", "/rooms")
    assert rooms["total_count"] is None
    assert rooms["data"][0]["from_tomorrow"]
    local_daily.fail("GET", "/rooms/b", nulls=True)
    status, refusal = await call("GET", "/rooms/b")
    assert (status, refusal["error"]) == (404, "not-found")  # only good responses are changed


async def test_the_key_is_still_required(local_daily):
    local_daily.fail("POST", "/rooms", nulls=True)
    headers = {"Authorization": "Bearer wrong"}
    assert (await raw(local_daily, headers=headers))[0] == 401
    assert local_daily.rooms == {}


async def test_delays(local_daily):
    local_daily.fail("POST", "/rooms", delay=0.05)
    local_daily.fail("POST", "/rooms", delay_after=0.05)
    for _ in range(2):
        began = time.monotonic()
        assert (await raw(local_daily))[0] == 200
        assert time.monotonic() - began >= 0.05


async def test_a_delayed_request_is_carried_out_after_its_client_disconnected(local_daily):
    fault = local_daily.fail("POST", "/rooms", delay=0.2)
    asking = asyncio.create_task(raw(local_daily, json={"name": "late"}))
    await fault.wait()
    assert local_daily.rooms == {}
    asking.cancel()
    await local_daily.state.log.wait_for("created", room="late")
    await asyncio.wait({asking})


@pytest.mark.parametrize(
    "failure",
    [{"hang": True}, {"delay": FOREVER}, {"delay_after": math.inf}, {"hang": True, "commit": True}],
)
async def test_hanging_requests_do_not_delay_the_end(failure, within):
    daily = LocalDaily()
    await daily.start()
    fault = daily.fail("POST", "/rooms", times=None, **failure)
    asking = asyncio.create_task(raw(daily))
    await fault.wait()
    # aiohttp gives handlers a second, then cancels them.
    with within(1, "a local Daily ends beside requests that hang"):
        await daily.aclose()
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await asking
    assert len(daily.requests) == 1
    assert daily.requests[0].status is None
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not others


async def test_a_hanging_request_ends_when_its_client_disconnects(local_daily):
    before = asyncio.all_tasks()
    fault = local_daily.fail("GET", "/", hang=True)
    asking = asyncio.create_task(raw(local_daily, "GET", "/"))
    await fault.wait()
    asking.cancel()
    await asyncio.wait({asking})
    while rest := asyncio.all_tasks() - before - {asyncio.current_task()}:
        await asyncio.wait(rest)


async def outcomes(seed, **options):
    """Give the results of a fixed series of requests."""
    async with LocalDaily() as daily:
        chaos = daily.chaos(seed, **options)
        ends = []
        for number in range(40):
            try:
                method, path = [("POST", "/rooms"), ("GET", "/"), ("GET", "/rooms")][number % 3]
                status, headers, body = await raw(daily, method, path)
                ends.append((status, headers["Content-Type"], b"from_tomorrow" in body))
            except aiohttp.ClientError as exc:
                ends.append(type(exc))
        return ends, chaos.hits


QUICK = [kind for kind in KINDS if "hang" not in kind and "delay" not in kind]


async def test_chaos_can_be_repeated():
    first, second, third = [await outcomes(seed, rate=0.5, kinds=QUICK) for seed in (7, 7, 8)]
    assert first == second
    assert first != third
    assert 5 < first[1] < 35
    assert len(set(first[0])) > 4
    good, hits = await outcomes(7, rate=0)
    assert hits == 0
    assert {end[0] for end in good} == {200}
    _, hits = await outcomes(7, rate=1, kinds=["server-error"], times=3, path="/rooms")
    assert hits == 3


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        ({"status": 99}, "from 200 to 599"),
        ({"status": 600}, "from 200 to 599"),
        ({"drop": "during"}, "'before' or 'after'"),
        ({"drop": "after", "commit": False}, "leave out commit"),
        ({"delay": -1}, "0 or more"),
        ({"delay_after": math.nan}, "0 or more"),
        ({"times": 0}, "times must be"),
    ],
)
def test_wrong_failures(failure, says):
    with pytest.raises(DailyConfigError, match=says):
        LocalDaily().fail("GET", "/", **failure)


def test_other_wrong_arguments():
    daily = LocalDaily()
    with pytest.raises(DailyConfigError, match="slash"):
        daily.fail("GET", "rooms")
    with pytest.raises(DailyConfigError, match=r"must be one of .*, not 'FETCH'"):
        daily.fail("FETCH", "/rooms")
    with pytest.raises(TypeError):
        daily.fail("GET", "/", nonsense=1)
    with pytest.raises(DailyConfigError, match="'earthquake'"):
        daily.chaos(1, kinds=["earthquake"])
    with pytest.raises(DailyConfigError, match="kinds"):
        daily.chaos(1, kinds=[])
    with pytest.raises(DailyConfigError, match="rate"):
        daily.chaos(1, rate=2)
    assert daily.faults.added == []


@pytest.fixture
async def controlled():
    async with LocalDaily(control=True) as daily:
        yield daily


async def control(daily, method, json=None, key=None, **options):
    headers = {"Authorization": f"Bearer {key or daily.api_key}", **options.pop("headers", {})}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.request(method, f"{daily.url}/.faults", json=json, **options) as response,
    ):
        return response.status, await response.json()


async def test_faults_from_another_process(controlled):
    asked = {"method": "POST", "path": "/rooms", "status": 503, "retry_after": 2, "times": 2}
    assert await control(controlled, "POST", asked) == (200, {**asked, "hits": 0})
    assert (await raw(controlled))[0] == 503
    _, listed = await control(controlled, "GET")
    assert listed == {"data": [{**asked, "hits": 1}]}
    assert await control(controlled, "DELETE") == (200, {"deleted": True})
    assert (await raw(controlled))[0] == 200
    assert await control(controlled, "GET") == (200, {"data": []})
    assert journal(controlled) == [("POST", "/rooms", 503), ("POST", "/rooms", 200)]


async def test_chaos_from_another_process(controlled):
    chaos = {"seed": 4, "rate": 1, "kinds": ["server-error"], "method": "GET", "times": None}
    status, added = await control(controlled, "POST", {"chaos": chaos})
    assert (status, added["chaos"]["seed"], added["method"]) == (200, 4, "GET")
    assert (await raw(controlled, "GET", "/"))[0] == 500
    assert (await raw(controlled, "POST", "/rooms"))[0] == 200
    assert controlled.faults.added[0].hits == 1


async def test_faults_of_this_process_are_listed_as_well(controlled):
    controlled.fail("GET", "/", body=b"\xff", delay_after=1.5, headers={"X": "y"}, commit=False)
    _, listed = await control(controlled, "GET")
    [fault] = listed["data"]
    assert fault["delay_after"] == 1.5
    assert fault["headers"] == {"X": "y"}
    assert fault["commit"] is False


@pytest.mark.parametrize(
    "asked",
    [
        None,
        [],
        {"method": "GET"},
        {"path": "/"},
        {"method": "GET", "path": 5},
        {"method": "GET", "path": "rooms"},
        {"method": "GET", "path": "/", "nonsense": 1},
        {"method": "GET", "path": "/", "status": "500"},
        {"method": "GET", "path": "/", "status": True},
        {"method": "GET", "path": "/", "status": 1000},
        {"method": "GET", "path": "/", "times": 0},
        {"method": "GET", "path": "/", "hang": 1},
        {"method": "GET", "path": "/", "drop": "x"},
        {"method": "GET", "path": "/", "delay": "1"},
        {"method": "GET", "path": "/", "headers": {"X": "a\r\nY: b"}},
        {"method": "GET", "path": "/", "headers": ["X"]},
        {"chaos": {}},
        {"chaos": {"seed": 1, "kinds": ["x"]}},
        {"chaos": {"seed": 1, "kinds": "hang"}},
        {"chaos": {"seed": 1, "rate": 9}},
    ],
)
async def test_requests_that_the_control_refuses(controlled, asked):
    status, refusal = await control(controlled, "POST", asked)
    assert (status, refusal["error"]) == (400, "invalid-request-error")
    assert refusal["info"]
    assert controlled.faults.added == []


async def test_the_control_needs_the_key(controlled):
    controlled.fail("GET", "/", times=None)
    asked = {"method": "*", "path": "*"}
    for method in ("POST", "GET", "DELETE"):
        assert (await control(controlled, method, asked, key="wrong"))[0] == 401
    elsewhere = {"Origin": "http://evil.example"}
    async with aiohttp.ClientSession(headers=elsewhere) as http:
        async with http.post(f"{controlled.url}/.faults", json=asked) as response:
            assert response.status == 403
    assert len(controlled.faults.added) == 1
    status, refusal = await control(controlled, "POST", None, data="{")
    assert (status, refusal["error"]) == (400, "json-parsing-error")


async def test_the_control_is_off_unless_switched_on(local_daily):
    headers = {"Authorization": f"Bearer {local_daily.api_key}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        for method in ("POST", "GET", "DELETE"):
            url = f"{local_daily.url}/.faults"
            async with http.request(method, url, json={"method": "*", "path": "*"}) as response:
                assert response.status == 404
    assert local_daily.faults.added == []


def test_every_kind_says_what_it_does():
    assert all(isinstance(failure, Failure) and failure.describe() for failure in KINDS.values())
