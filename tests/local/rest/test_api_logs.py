# SPDX-License-Identifier: BSD-2-Clause
"""The logs: who joined and left, and which requests were answered."""

import json
import re
import uuid

import pytest

from pipecat_daily_rest.local.rules.claims import sign


@pytest.fixture
async def calls(call, local_daily):
    """Two meetings: Ana and Ben in the first, Ana again in the second."""
    await call("POST", "/rooms", {"name": "demo"})
    ana = local_daily.join("demo", user_name="Ana")
    meeting = local_daily.rooms["demo"].meeting_id
    ben = local_daily.join("demo", user_name="Ben")
    local_daily.advance(60)
    await call("POST", "/rooms/demo/eject", {"ids": [ana.id]})
    ben.leave()
    local_daily.advance(60)
    again = local_daily.join("demo", user_name="Ana")
    return {"ana": ana.id, "ben": ben.id, "again": again.id, "meeting": meeting}


def lines(answer):
    status, body = answer
    assert status == 200, body
    return [(line["message"], line["userSessionId"]) for line in body["logs"]]


# -- Calls -------------------------------------------------------------------------------------


async def test_who_joined_and_left_a_meeting(call, local_daily, calls) -> None:
    query = f"/logs?mtgSessionId={calls['meeting']}"
    expected = [
        ("scripted left: leftCall", calls["ben"]),
        ("scripted left: ejected", calls["ana"]),
        ("scripted joined", calls["ben"]),
        ("scripted joined", calls["ana"]),
    ]
    assert lines(await call("GET", query)) == expected
    assert lines(await call("GET", f"{query}&order=asc")) == expected[::-1]
    assert lines(await call("GET", f"{query}&limit=2&offset=1")) == expected[1:3]
    assert lines(await call("GET", f"{query}&offset=9")) == []
    second = local_daily.rooms["demo"].meeting_id
    assert lines(await call("GET", f"/logs?mtgSessionId={second}")) == [
        ("scripted joined", calls["again"])
    ]
    assert lines(await call("GET", "/logs?mtgSessionId=nothing")) == []


async def test_when_a_participant_joined_and_left(call, calls) -> None:
    found = lines(await call("GET", f"/logs?userSessionId={calls['ana']}"))
    assert [message for message, _ in found] == ["scripted left: ejected", "scripted joined"]
    both = f"/logs?userSessionId={calls['ana']}&mtgSessionId={calls['meeting']}"
    assert lines(await call("GET", both)) == found
    other = f"/logs?userSessionId={calls['again']}&mtgSessionId={calls['meeting']}"
    assert lines(await call("GET", other)) == []


async def test_a_line(call, local_daily, calls) -> None:
    _, answer = await call("GET", f"/logs?userSessionId={calls['again']}")
    [line] = answer["logs"]
    [entry] = [e for e in local_daily.state.log.entries if e.participant == calls["again"]]
    time = line.pop("time")
    assert line.pop("clientTime") == time
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", time)
    assert line == {
        "message": "scripted joined",
        "mtgSessionId": entry.meeting,
        "userSessionId": calls["again"],
        "peerId": None,
        "domainName": "local",
        "level": 1,
        "code": None,
    }


async def test_lines_of_a_time(call, local_daily, calls) -> None:
    query = f"/logs?mtgSessionId={calls['meeting']}"
    left = [e.at for e in local_daily.state.log.entries if e.what == "scripted left"]
    joined = [e.at for e in local_daily.state.log.entries if e.what == "scripted joined"]
    between = int((joined[1] + left[0]) / 2 * 1000)
    assert len(lines(await call("GET", f"{query}&startTime={between}"))) == 2
    assert len(lines(await call("GET", f"{query}&endTime={between}"))) == 2
    assert lines(await call("GET", f"{query}&startTime={between}&endTime={between}")) == []


async def test_lines_are_left_out_on_request(call, calls) -> None:
    query = f"/logs?mtgSessionId={calls['meeting']}"
    assert await call("GET", f"{query}&includeLogs=false") == (200, {})
    assert len(lines(await call("GET", f"{query}&logLevel=INFO"))) == 4
    for level in ("ERROR", "DEBUG"):
        assert lines(await call("GET", f"{query}&logLevel={level}")) == []


async def test_metrics_are_refused(call, calls) -> None:
    query = f"/logs?mtgSessionId={calls['meeting']}"
    status, answer = await call("GET", f"{query}&includeMetrics=true")
    assert (status, answer["error"]) == (501, "not-supported-locally")
    assert "measures no call" in answer["info"]
    assert (await call("GET", f"{query}&includeMetrics=false"))[0] == 200


@pytest.mark.parametrize("query", ["", "?mtgSessionId=", "?room=demo", "?includeMetrics=true"])
async def test_a_session_id_is_required(call, query) -> None:
    assert await call("GET", f"/logs{query}") == (
        400,
        {"error": "invalid-request-error", "info": "mtgSessionId or userSessionId is required"},
    )


@pytest.mark.parametrize(
    "query",
    [
        "includeLogs=yes",
        "includeMetrics=1",
        "logLevel=WARN",
        "order=random",
        "startTime=yesterday",
        "endTime=-1",
        "offset=-1",
        "offset=x",
        "limit=x",
    ],
)
async def test_a_query_that_is_refused(call, query) -> None:
    status, answer = await call("GET", f"/logs?mtgSessionId=x&{query}")
    assert (status, answer["error"]) == (400, "invalid-request-error")
    assert query.partition("=")[0] in answer["info"]


# -- Requests ----------------------------------------------------------------------------------


async def test_the_requests_that_were_answered(call, local_daily) -> None:
    await call("POST", "/rooms", {"name": "demo"})
    await call("GET", "/rooms/none?limit=3")
    status, logs = await call("GET", "/logs/api")
    assert status == 200
    assert [(log["method"], log["url"], log["status"]) for log in logs] == [
        ("GET", "/v1/rooms/none", 404),
        ("POST", "/v1/rooms", 200),
    ]
    made = logs[1]
    assert str(uuid.UUID(made.pop("id"))) == local_daily.requests[0].id
    assert str(uuid.UUID(made.pop("userId")))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", made.pop("createdAt"))
    assert json.loads(made.pop("request")) == {"name": "demo"}
    assert made == {
        "domainId": local_daily.state.domain.id,
        "source": "api",
        "ip": "127.0.0.1",
        "method": "POST",
        "url": "/v1/rooms",
        "status": 200,
        "response": None,
    }
    assert logs[0]["request"] is None


async def test_requests_come_in_pages(call, local_daily) -> None:
    for n in range(25):
        await call("GET", f"/rooms/r{n}")
    ids = [request.id for request in local_daily.requests]
    assert len(set(ids)) == 25
    newest_first = ids[::-1]

    async def page(query: str) -> list[str]:
        status, logs = await call("GET", f"/logs/api{query}")
        assert status == 200
        return [log["id"] for log in logs]

    assert await page("") == newest_first[:20]
    assert (await page("?limit=100"))[1:] == newest_first
    assert await page(f"?starting_after={ids[5]}") == ids[4::-1]
    assert await page(f"?starting_after={ids[20]}&limit=2") == [ids[19], ids[18]]
    assert await page(f"?ending_before={ids[0]}&limit=2") == [ids[2], ids[1]]
    assert await page("?ending_before=OLDEST&limit=1") == [ids[0]]
    status, answer = await call("GET", "/logs/api?starting_after=nothing")
    assert (status, answer["error"]) == (400, "invalid-request-error")


async def test_requests_to_one_endpoint(call) -> None:
    await call("POST", "/rooms", {"name": "a"})
    await call("GET", "/rooms")
    await call("GET", "/rooms/a")
    _, logs = await call("GET", "/logs/api?url=/v1/rooms")
    assert [log["method"] for log in logs] == ["GET", "POST"]
    assert (await call("GET", "/logs/api?url=/v1/nothing"))[1] == []


async def test_a_hanging_request_is_listed_after_its_response(call, local_daily) -> None:
    local_daily.fail("GET", "/rooms", drop="before", times=None)
    with pytest.raises(Exception, match="disconnected"):
        await call("GET", "/rooms")
    await call("GET", "/rooms/a")
    _, logs = await call("GET", "/logs/api")
    assert [log["url"] for log in logs] == ["/v1/rooms/a"]


async def test_the_source_of_a_log(call) -> None:
    await call("GET", "/rooms")
    assert len((await call("GET", "/logs/api?source=api"))[1]) == 1
    status, answer = await call("GET", "/logs/api?source=dashboard")
    assert (status, answer["error"]) == (400, "invalid-request-error")
    assert answer["info"].startswith('"source" must be one of [webhook, api]')
    status, answer = await call("GET", "/logs/api?source=webhook")
    assert (status, answer["error"]) == (501, "not-supported-locally")


async def test_no_secret_is_shown(call, local_daily) -> None:
    key, domain = local_daily.api_key, local_daily.state.domain.id
    token = sign({}, api_key=key, domain_id=domain, issued_at=0)
    link = "https://b.daily.co/x?Expires=1&Signature=0123456789abcdef"
    await call("GET", f"/meeting-tokens/{token}")
    await call("GET", f"/rooms/{key}")
    await call("POST", "/rooms", {"name": token, key: [token, link]})
    _, logs = await call("GET", "/logs/api")
    told = json.dumps(logs)
    assert "***" in told
    assert all(secret not in told for secret in (key, token, "0123456789abcdef"))
