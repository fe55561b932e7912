# SPDX-License-Identifier: BSD-2-Clause
"""What a local Daily remembers of the past is bounded."""

import gzip
import json
from typing import Any

import pytest

from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.call import log, meetings
from pipecat_daily_rest.local.rest import journal
from pipecat_daily_rest.local.rest.journal import Journal, Request


def request(number: int, size: int = 0) -> Request:
    return Request("GET", f"/{number}", None, None, 0.0, size=size)


def paths(kept: Journal) -> list[str]:
    return [each.path for each in kept]


def test_the_oldest_requests_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_MOST", 20)
    monkeypatch.setattr(journal, "_MOST_BYTES", 1000)
    kept = Journal()
    for number in range(20):
        kept.append(request(number, 50))
    assert len(kept) == 20
    kept.append(request(20, 50))
    assert paths(kept) == [f"/{number}" for number in range(3, 21)]
    kept.append(request(21, 500))
    assert paths(kept) == [f"/{number}" for number in range(13, 22)]
    kept.append(request(22, 5000))
    assert paths(kept) in ([], ["/22"])
    kept.clear()
    for number in range(5):
        kept.append(request(number, 100))
    assert len(kept) == 5


async def test_bodies_count_with_their_decoded_size(
    local_daily: LocalDaily, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_MOST_BYTES", 500_000)
    body = gzip.compress(json.dumps({"name": "x" * 100_000}).encode())
    for _ in range(12):
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        status, _ = await call("POST", "/rooms", data=body, headers=headers)
        assert status == 400
    assert 0 < len(local_daily.requests) < 6
    assert local_daily.requests[-1].status == 400
    assert (await call("GET", "/logs/api"))[1][0]["status"] == 400


async def test_old_log_lines_meetings_and_attendances_are_dropped_and_participants_are_not(
    local_daily: LocalDaily, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_MOST", 30)
    monkeypatch.setattr(meetings, "_MOST", 30)
    state = local_daily.state
    room = state.rooms.create("demo", "public", {})
    ana = local_daily.join("demo")
    for _ in range(100):
        local_daily.join("demo").leave()
    assert len(state.log.entries) <= 30
    assert state.log.entries[-1].what == "scripted left"
    assert room.meeting is not None
    assert len(room.meeting.people) <= 31
    assert room.meeting.people[0].participant_id == ana.id
    ana.leave()
    assert room.meeting is None
    for _ in range(50):
        people = [local_daily.join("demo") for _ in range(2)]
        for each in people:
            each.leave()
    assert len(state.meetings.records) == 30
