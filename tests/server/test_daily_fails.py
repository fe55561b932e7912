# SPDX-License-Identifier: BSD-2-Clause
"""Daily fails at each step of a start and of an end: a named error, and nothing is left behind."""

import json

import pytest

from pipecat_daily_rest import (
    DailyError,
    DailyMeetingTokenProperties,
    DailyRESTHelper,
    RetryPolicy,
)
from pipecat_daily_rest.server import EndReason, Sessions, StartRequest, rooms
from pipecat_daily_rest.server.http_errors import answer_of
from serving import BEHAVE, STAY, until
from timings import set_timings

ONCE = RetryPolicy(attempts=1)
FAILURES = {
    "400": {"status": 400},
    "401": {"status": 401},
    "403": {"status": 403},
    "404": {"status": 404},
    "429": {"status": 429},
    "500": {"status": 500},
    "302": {"status": 302},
    "no answer": {"drop": "before"},
    "lost answer": {"drop": "after"},
    "page": {"status": 200, "body": b"<html>"},
    "list": {"status": 200, "body": b"[]"},
    "null": {"status": 200, "body": b"null"},
    "empty": {"status": 200, "body": b"{}"},
    "nothing": {"status": 204},
}
# Rights that no claim is published for, so that Daily has to create the token.
FROM_DAILY = DailyMeetingTokenProperties(permissions={"canReceive": {"byUserId": {"ana": True}}})


@pytest.fixture
async def serve_once(serve, local_daily, monkeypatch):
    """Sessions whose requests are sent once, so that a test need not wait for the others."""
    set_timings(monkeypatch, look_again=(0.01, 0.02))
    async with DailyRESTHelper(
        daily_api_key=local_daily.api_key, daily_api_url=local_daily.api_url, retry=ONCE
    ) as helper:
        yield lambda **options: serve(daily=helper, **options)


@pytest.mark.parametrize("step", ["POST /rooms", "GET /rooms/*", "POST /meeting-tokens"])
async def test_each_step_of_a_start(serve_once, local_daily, step):
    sessions = await serve_once(max_sessions=1)
    failed = []
    for name, failure in FAILURES.items():
        fault = local_daily.fail(*step.split(), times=None, **failure)
        try:
            session = await sessions.start(StartRequest(body=STAY, token=FROM_DAILY))
        except DailyError as exc:
            answer = answer_of(exc)
            content = json.loads(answer.body)
            assert content["code"] == ("invalid-properties" if name == "400" else "daily-error")
            assert content["status"] == answer.status_code == (400 if name == "400" else 502)
            failed.append(name)
        else:
            await sessions.stop(session.id)
            assert session.end.reason is EndReason.STOPPED
            assert local_daily.rooms == {}
        assert sessions.taken == 0
        fault.cancel()
    assert ("500" in failed) is step.startswith("POST")
    await until(lambda: not local_daily.rooms)


async def test_a_room_that_daily_does_not_delete_is_deleted_later(
    serve_once, local_daily, monkeypatch
):
    monkeypatch.setattr(rooms, "LATER", 0.05)
    sessions = await serve_once()
    for name, failure in FAILURES.items():
        if name == "404":  # then it is gone, says Daily
            continue
        faults = [
            local_daily.fail("DELETE", path, times=None, **failure)
            for path in ("/rooms/*", "/batch/rooms")
        ]
        session = await sessions.start(StartRequest(body=STAY))
        await sessions.stop(session.id)
        assert session.end.reason is EndReason.STOPPED, name
        assert sessions.taken == 0
        for fault in faults:
            fault.cancel()
        await until(lambda: not local_daily.rooms)


async def test_a_room_whose_create_failed_with_an_unknown_outcome_is_deleted_later(
    serve_once, local_daily, monkeypatch
):
    monkeypatch.setattr(rooms, "LATER", 0.05)
    sessions = await serve_once()
    local_daily.fail("POST", "/rooms", drop="after", times=None)
    away = [
        local_daily.fail(method, path, drop="before", times=None)
        for method in ("GET", "DELETE")
        for path in ("/rooms/*", "/batch/rooms")
    ]
    with pytest.raises(DailyError):
        await sessions.start(StartRequest(body=STAY))
    assert len(local_daily.rooms) == 1
    for fault in away:
        fault.cancel()
    await until(lambda: not local_daily.rooms)


async def test_a_room_that_a_server_could_not_delete_is_swept_by_the_next_one(local_daily):
    given = {"api_key": local_daily.api_key, "api_url": local_daily.api_url}
    fault = local_daily.fail("DELETE", "*", times=None, status=401)
    async with Sessions(BEHAVE, max_sessions=1, launcher="task", **given) as sessions:
        await (await sessions.start(StartRequest())).wait()
    assert len(local_daily.rooms) == 1
    fault.cancel()
    async with Sessions(BEHAVE, max_sessions=1, launcher="task", **given):
        await until(lambda: not local_daily.rooms)


@pytest.mark.parametrize("failure", ["500", "429", "no answer"])
async def test_a_server_starts_while_daily_is_away(serve_once, local_daily, failure):
    fault = local_daily.fail("*", "*", times=None, **FAILURES[failure])
    sessions = await serve_once(pool=1)
    with pytest.raises(DailyError):
        await sessions.start(StartRequest(body=STAY))
    assert sessions.taken == 0
    fault.cancel()
    assert (await sessions.start(StartRequest(body=STAY))).room_url
