# SPDX-License-Identifier: BSD-2-Clause
"""The parts of the state, each without those that are made after it."""

import pytest

from pipecat_daily_rest.local.call.admission import Admission
from pipecat_daily_rest.local.call.app_messages import AppMessages
from pipecat_daily_rest.local.call.calls import Calls
from pipecat_daily_rest.local.call.clock import Clock
from pipecat_daily_rest.local.call.domain import Domain
from pipecat_daily_rest.local.call.lobby import Lobby
from pipecat_daily_rest.local.call.log import Log
from pipecat_daily_rest.local.call.meetings import Meetings
from pipecat_daily_rest.local.call.room import JoinRefused, Knock, Newcomer, Participant, Room
from pipecat_daily_rest.local.call.rooms import Rooms
from pipecat_daily_rest.local.rules.claims import BadToken

KEY = "k" * 32


class Seat:
    """Keeps what it is told."""

    def __init__(self, *, broken: bool = False) -> None:
        self.told: list[str] = []
        self.closed: str | None = None
        self._broken = broken

    def send(self, event: dict[str, object]) -> None:
        if self._broken:
            raise RuntimeError
        self.told.append(str(event["event"]))

    def close(self, reason: str) -> None:
        self.closed = reason


class Caller:
    """Keeps what comes of its knock."""

    def __init__(self) -> None:
        self.came: Participant | JoinRefused | None = None

    def let_in(self, participant: Participant) -> None:
        self.came = participant

    def turned_away(self, refused: JoinRefused) -> None:
        self.came = refused


def room_of(clock: Clock) -> Room:
    return Room("demo", "public", {}, clock.now())


def participant_of(room: Room, id: str, seat: Seat | None = None) -> Participant:
    return Participant(
        id=id,
        room=room,
        seat=seat or Seat(),
        kind="person",
        user_name=id,
        user_id=None,
        is_owner=True,
        permissions={},
        joined_at=room.created_at,
    )


async def test_a_log_tells_observers_and_those_who_wait() -> None:
    log, seen = Log(Clock()), []
    log.observers.append(lambda what, subject: seen.append((what, subject)))
    log.record("demo", "created")
    log.record("other", "created", "public")
    log.notify("joined", 1)
    assert (await log.wait_for("created", count=2)).detail == "public"
    assert (await log.wait_for("created", room="demo")) is log.entries[0]
    assert seen == [("joined", 1)]


async def test_meetings_are_counted_from_participants_alone() -> None:
    clock = Clock()
    meetings = Meetings(Log(clock))
    room = room_of(clock)
    ana, bo = participant_of(room, "ana"), participant_of(room, "bo")
    for participant in (ana, bo):
        room.participants[participant.id] = participant
        meetings.joined(participant)
    clock.advance(60)
    for participant in (ana, bo):
        del room.participants[participant.id]
        meetings.left(participant)
    [meeting] = meetings.records
    assert [stay.participant_id for stay in meeting.recorded(clock.now(), hidden=False)] == [
        "ana",
        "bo",
    ]
    assert meeting.ended_at is not None
    assert room.meeting is None


async def test_calls_tell_the_others_and_eject_a_participant_whose_seat_fails() -> None:
    clock = Clock()
    log = Log(clock)
    calls, room = Calls(log), room_of(clock)
    good, broken = Seat(), Seat(broken=True)
    ana, bo = participant_of(room, "ana", good), participant_of(room, "bo", broken)
    calls.enter(ana)
    calls.enter(bo)  # it cannot be told of itself
    assert list(room.participants) == ["ana"]
    assert broken.closed == "failed"
    # Ana is told of all of it, in order.
    counts = "participant-counts-updated"
    assert good.told == [counts, "participant-joined", counts, "participant-left", counts]
    AppMessages(calls).send(room, "hello", sender="bo")
    assert good.told[-1] == "app-message"


async def test_a_domain_reads_the_tokens_that_it_signs() -> None:
    domain = Domain(KEY, Clock())
    token = domain.sign({"room_name": "demo", "user_name": "Ana"})
    again = Domain(KEY, Clock())  # the same account: its tokens stay valid
    assert again.read_token(token, room="demo") == {"room_name": "demo", "user_name": "Ana"}
    with pytest.raises(BadToken, match="another room"):
        again.read_token(token, room="other")
    with pytest.raises(BadToken):
        Domain("o" * 32, Clock()).read_token(token)


async def test_admission_without_a_lobby_says_who_has_to_knock() -> None:
    clock = Clock()
    domain = Domain(KEY, clock)
    admission = Admission(domain, Calls(Log(clock)))
    with pytest.raises(JoinRefused, match="no room"):
        admission.admit("demo", None)
    domain.rooms["demo"] = Room("demo", "private", {"enable_knocking": True}, clock.now())
    room, rights = admission.admit("demo", None)
    assert admission.must_knock(room, None, rights)
    token = domain.sign({"user_name": "Ana"})
    room, rights = admission.admit("demo", token)
    assert not admission.must_knock(room, token, rights)
    participant = admission.participant(room, rights, Newcomer(Seat(), "bot", "Robot"))
    assert (participant.kind, participant.user_name) == ("bot", "Ana")
    assert room.participants == {}  # it has not joined yet
    assert admission.let_in(participant) is room.participants[participant.id]


async def test_a_guest_has_a_name_of_its_own_which_it_keeps_when_it_is_let_in() -> None:
    clock = Clock()
    domain, calls = Domain(KEY, clock), Calls(Log(clock))
    lobby = Lobby(Admission(domain, calls), calls)
    room = Rooms(domain, calls, lobby).create("demo", "private", {"enable_knocking": True})
    token = domain.sign({"is_owner": True})

    def comes(token: str | None, name: str | None = None) -> str:
        newcomer = Newcomer(Seat(), "person", name)
        return lobby.join_or_knock("demo", token, newcomer, Caller()).user_name

    assert [comes(token), comes(None), comes(None)] == ["Guest", "Guest 2", "Guest 3"]
    assert comes(domain.sign({"user_name": "Ana"})) == "Ana"
    assert comes(token, "Guest 4") == "Guest 4"
    assert comes(token) == "Guest 5"
    assert comes(token, "") == ""  # an app's participant has no name if the app gives none
    [owner, *_] = room.participants.values()
    lobby.decide(room, "*", by=owner, let_in=True)
    names = {each.user_name for each in room.participants.values()}
    assert names == {"Guest", "Guest 2", "Guest 3", "Guest 4", "Guest 5", "Ana", ""}
    calls.leave(owner, "leftCall")
    assert comes(token) == "Guest"


@pytest.mark.parametrize("let_in", [True, False])
async def test_a_knock_keeps_its_session_id(let_in: bool) -> None:
    clock = Clock()
    domain, calls = Domain(KEY, clock), Calls(Log(clock))
    lobby = Lobby(Admission(domain, calls), calls)
    room = Rooms(domain, calls, lobby).create("demo", "private", {"enable_knocking": True})
    owner = lobby.join("demo", domain.sign({"is_owner": True}), Newcomer(Seat(), "person"))
    caller = Caller()
    knock = lobby.join_or_knock("demo", None, Newcomer(Seat(), "person", "Bo"), caller)
    assert isinstance(knock, Knock)
    lobby.decide(room, knock.id, by=owner, let_in=let_in)
    assert room.waiting == {}
    if let_in:
        assert caller.came is room.participants[knock.id]
    else:
        assert isinstance(caller.came, JoinRefused)
        assert list(room.participants) == [owner.id]
