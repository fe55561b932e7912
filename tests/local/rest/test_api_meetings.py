# SPDX-License-Identifier: BSD-2-Clause
"""Meetings: when they start and end, and what their records hold."""

import gc
import weakref
from datetime import timedelta

import pytest

from helpers import calling
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.choices import Choices
from tokens import token


async def test_no_meetings_yet(call, daily) -> None:
    nothing = (200, {"total_count": 0, "data": []})
    assert await call("GET", "/meetings") == nothing
    assert await call("GET", "/meetings?room=none") == nothing
    info = {"error": "not-found", "info": "meeting none not found"}
    assert await call("GET", "/meetings/none") == (404, info)
    assert await call("GET", "/meetings/none/participants") == (404, info)


async def test_somebody_alone_is_a_meeting_after_30_seconds(call, daily) -> None:
    start = int(daily.state.clock.now())
    ana = daily.join("demo", token(daily, user_id="a-1", user_name="Ana"))
    meeting_id = daily.rooms["demo"].meeting_id
    daily.advance(25)
    assert (await call("GET", "/meetings"))[1]["total_count"] == 0
    daily.advance(10)
    _, page = await call("GET", "/meetings")
    [meeting] = page["data"]
    assert meeting == {
        "id": meeting_id,
        "room": "demo",
        "start_time": meeting["start_time"],
        "duration": meeting["duration"],
        "ongoing": True,
        "max_participants": 1,
        "participants": [
            {
                "user_id": "a-1",
                "participant_id": ana.id,
                "user_name": "Ana",
                "join_time": meeting["start_time"],
                "duration": meeting["duration"],
            }
        ],
    }
    assert start <= meeting["start_time"] <= start + 20
    assert 35 <= meeting["duration"] < 55
    assert page["total_count"] == 1
    ana.leave()
    daily.advance(3600)
    _, one = await call("GET", f"/meetings/{meeting_id}")
    assert one == {
        **{name: value for name, value in meeting.items() if name != "participants"},
        "ongoing": False,
        "duration": one["duration"],
    }
    assert 35 <= one["duration"] < 55


async def test_a_short_visit_is_not_a_meeting(call, daily) -> None:
    ana = daily.join("demo")
    daily.advance(20)
    ana.leave()
    daily.advance(3600)
    assert (await call("GET", "/meetings"))[1] == {"total_count": 0, "data": []}


async def test_a_second_one_starts_it_at_once_and_10_seconds_are_recorded(call, daily) -> None:
    daily.join("demo")
    daily.advance(5)
    bo = daily.join("demo")
    assert await call("GET", "/meetings") == (200, {"total_count": 0, "data": []})
    bo.leave()
    daily.advance(3)
    cy = daily.join("demo", user_name="Cy")
    daily.advance(20)
    _, page = await call("GET", "/meetings")
    [meeting] = page["data"]
    ids = [each["participant_id"] for each in meeting["participants"]]
    assert bo.id not in ids
    assert ids[1:] == [cy.id]
    assert meeting["participants"][1]["user_id"] is None
    assert meeting["participants"][0]["user_name"] is None
    assert meeting["max_participants"] == 2


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize(
    "query",
    [
        "",
        pytest.param(
            "?no_participants=true", marks=pytest.mark.undocumented("participants left out")
        ),
        "?room=demo&ongoing=true",
    ],
)
async def test_a_meeting_of_a_few_seconds_is_a_choice(listed: bool, query: str) -> None:
    choices = Choices(meeting_without_participants=listed)
    async with LocalDaily(choices=choices) as daily, calling(daily) as call:
        daily.state.rooms.create("demo", "public", {})
        daily.join("demo")
        daily.join("demo")
        _, page = await call("GET", f"/meetings{query}")
        assert page["total_count"] == len(page["data"]) == listed
        assert [each.get("participants", []) for each in page["data"]] == [[]] * listed
        daily.advance(15)
        _, page = await call("GET", f"/meetings{query}")
        assert page["total_count"] == len(page["data"]) == 1
        assert len(page["data"][0].get("participants", "ab")) == 2


async def test_it_ends_when_the_room_is_empty(call, daily) -> None:
    ana, bo = daily.join("demo"), daily.join("demo")
    daily.advance(60)
    ana.leave()
    daily.advance(60)
    bo.leave()
    daily.advance(60)
    again = daily.join("demo")
    daily.advance(minutes=1)
    _, page = await call("GET", "/meetings")
    second, first = page["data"]
    assert [each["participant_id"] for each in second["participants"]] == [again.id]
    assert (second["ongoing"], first["ongoing"]) == (True, False)
    assert 120 <= first["duration"] < 160
    durations = [each["duration"] for each in first["participants"]]
    assert 60 <= durations[0] < 90
    assert 120 <= durations[1] < 160
    assert second["start_time"] > first["start_time"] + 170


async def test_somebody_left_alone_for_10_minutes_is_in_a_meeting_of_their_own(call, daily) -> None:
    ana, bo = daily.join("demo"), daily.join("demo")
    daily.advance(60)
    first = daily.rooms["demo"].meeting_id
    await call("POST", "/rooms/demo/set-session-data", {"data": {"a": 1}})
    await call("POST", "/rooms/demo/eject", {"user_ids": ["x"], "ban": True})
    bo.leave()
    daily.advance(minutes=9)
    assert daily.rooms["demo"].meeting_id == first
    daily.advance(hours=3)
    assert daily.rooms["demo"].meeting_id != first
    assert (await call("GET", "/rooms/demo/get-session-data"))[1] == {"data": {}}
    daily.join("demo", token(daily, user_id="x"))
    _, page = await call("GET", "/meetings")
    second, ended = page["data"]
    assert (ended["id"], ended["ongoing"], second["ongoing"]) == (first, False, True)
    assert 660 <= ended["duration"] < 690
    assert [each["participant_id"] for each in second["participants"]] == [ana.id]
    assert 0 <= second["start_time"] - ended["start_time"] - ended["duration"] <= 2
    assert second["duration"] >= 3 * 3600 - 100


async def test_somebody_who_was_alone_from_the_start_stays_in_one_meeting(call, daily) -> None:
    daily.join("demo")
    daily.advance(hours=4)
    _, page = await call("GET", "/meetings")
    assert [each["duration"] >= 4 * 3600 for each in page["data"]] == [True]


async def test_the_name_at_the_end_is_recorded(call, daily) -> None:
    ana = daily.join("demo", user_name="A.")
    daily.advance(60)
    daily.state.calls.update(ana.participant, user_name="Ana")
    ana.leave()
    _, page = await call("GET", "/meetings")
    assert [each["user_name"] for each in page["data"][0]["participants"]] == ["Ana"]


async def test_records_do_not_keep_what_people_heard(daily) -> None:
    seat = weakref.ref(daily.join("demo").participant.seat)
    daily.advance(60)
    [participant] = daily.rooms["demo"].participants.values()
    daily.state.calls.leave(participant)
    del participant
    gc.collect()
    assert seat() is None
    assert len(daily.state.meetings.records) == 1


async def test_a_second_participant_returns_in_time(call, daily) -> None:
    daily.join("demo")
    for _ in range(3):
        bo = daily.join("demo")
        daily.advance(minutes=1)
        bo.leave()
        daily.advance(minutes=9)
    _, page = await call("GET", "/meetings")
    assert page["total_count"] == 1
    assert len(page["data"][0]["participants"]) == 4
    assert page["data"][0]["max_participants"] == 2


async def test_records_outlive_their_room(call, daily) -> None:
    daily.join("demo")
    daily.advance(60)
    await call("DELETE", "/rooms/demo")
    _, page = await call("GET", "/meetings?room=demo")
    assert [meeting["ongoing"] for meeting in page["data"]] == [False]


async def hold(daily: LocalDaily, *rooms: str) -> list[str]:
    """Hold a meeting in each room, an hour apart; gives their ids."""
    ids = []
    for room in rooms:
        if room not in daily.rooms:
            daily.state.rooms.create(room, "public", {})
        guest = daily.join(room)
        ids.append(daily.rooms[room].meeting_id)
        daily.advance(60)
        guest.leave()
        daily.advance(hours=1)
    return ids


@pytest.mark.undocumented("meetings without their participants")
async def test_filters_and_pages(call, local_daily) -> None:
    a, b, c = await hold(local_daily, "one", "two", "one")
    local_daily.join("two")
    d = local_daily.rooms["two"].meeting_id
    local_daily.advance(60)
    _, page = await call("GET", "/meetings")
    starts = {meeting["id"]: meeting["start_time"] for meeting in page["data"]}
    assert list(starts) == [d, c, b, a]

    async def ids(query: str) -> list[str]:
        status, page = await call("GET", f"/meetings?{query}")
        assert status == 200
        return [meeting["id"] for meeting in page["data"]]

    assert await ids("room=one") == [c, a]
    assert await ids("ongoing=true") == [d]
    assert await ids("ongoing=false") == [c, b, a]
    assert await ids(f"timeframe_start={starts[b]}") == [d, c, b]
    assert await ids(f"timeframe_end={starts[b]}") == [a]
    assert await ids(f"timeframe_start={starts[b]}&timeframe_end={starts[d]}") == [c, b]
    assert await ids("limit=2") == [d, c]
    assert await ids(f"limit=1&starting_after={c}") == [b]
    assert await ids(f"limit=1&ending_before={b}") == [c]
    _, page = await call("GET", "/meetings?limit=1&room=one&no_participants=true")
    assert page["total_count"] == 2
    assert "participants" not in page["data"][0]
    _, page = await call("GET", "/meetings?no_participants=false")
    assert len(page["data"][0]["participants"]) == 1


@pytest.mark.parametrize(
    "query",
    ["timeframe_start=soon", "timeframe_end=1.5", "ongoing=yes", "no_participants=1",
     "starting_after=none", "limit=x"],
)  # fmt: skip
async def test_queries_that_are_refused(call, daily, query) -> None:
    status, answer = await call("GET", f"/meetings?{query}")
    assert (status, answer["error"]) == (400, "invalid-request-error")


async def test_participants_of_a_meeting(call, daily) -> None:
    people = []
    for _ in range(4):
        people.append(daily.join("demo").id)
        daily.advance(20)
    path = f"/meetings/{daily.rooms['demo'].meeting_id}/participants"

    async def ids(query: str = "") -> list[str]:
        status, page = await call("GET", path + query)
        assert status == 200
        assert list(page) == ["data"]
        return [each["participant_id"] for each in page["data"]]

    newest = people[::-1]
    assert await ids() == newest
    assert await ids("?limit=3") == newest[:3]
    assert await ids(f"?joined_before={newest[2]}") == newest[3:]
    assert await ids(f"?joined_after={newest[2]}") == newest[:2]
    status, answer = await call("GET", f"{path}?joined_after=nobody")
    assert (status, answer["error"]) == (400, "invalid-request-error")


async def test_choices() -> None:
    choices = Choices(
        lonely_meeting_ends=True,
        hidden_in_meetings=False,
        meeting_participants="oldest",
        unknown_meeting=400,
        unknown_cursor="ignore",
    )
    async with LocalDaily(choices=choices) as daily, calling(daily) as call:
        daily.state.rooms.create("demo", "public", {})
        alone = daily.join("demo")
        daily.advance(minutes=25)
        _, page = await call("GET", "/meetings")
        assert [meeting["ongoing"] for meeting in page["data"]] == [True, False, False]
        assert [meeting["duration"] // 10 for meeting in page["data"][1:]] == [60, 60]
        bo = daily.join("demo")
        hidden = daily.join("demo", token(daily, permissions={"hasPresence": False}))
        daily.advance(20)
        path = f"/meetings/{daily.rooms['demo'].meeting_id}/participants"
        _, page = await call("GET", f"{path}?joined_after=nobody")
        assert [each["participant_id"] for each in page["data"]] == [alone.id, bo.id]
        assert hidden.id in daily.rooms["demo"].participants
        assert (await call("GET", "/meetings/none"))[0] == 400


# -- Time --------------------------------------------------------------------------------------


async def test_time_moves_by_any_unit(local_daily) -> None:
    clock = local_daily.state.clock
    before = clock.now()
    local_daily.advance(1, minutes=1, hours=1, days=1)
    local_daily.advance(timedelta(seconds=2))
    local_daily.advance(hours=4)
    assert 0 <= clock.now() - before - (86_400 + 3600 + 60 + 1 + 2 + 4 * 3600) < 60
    with pytest.raises(ValueError, match="forward"):
        local_daily.advance(minutes=-1)


async def test_timers_that_an_advance_passes_run_at_their_time(local_daily) -> None:
    clock, seen = local_daily.state.clock, []
    start = clock.now()

    def again() -> None:
        seen.append(clock.now())
        if len(seen) < 3:
            clock.call_at(seen[-1] + 100, again)

    clock.call_at(start + 100, again)
    local_daily.advance(1000)
    assert [round(instant - start) // 10 for instant in seen] == [10, 20, 30]
    assert all(instant >= start + 100 * n for n, instant in enumerate(seen, 1))
    assert clock.now() >= start + 1000
