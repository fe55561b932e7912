# SPDX-License-Identifier: BSD-2-Clause
"""Every permission of a token, a room and a domain: enforced, and told to the participants."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import numpy as np
import pytest

from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.bot.seat import PICTURE, BotSeat
from pipecat_daily_rest.local.call.clock import Clock
from pipecat_daily_rest.local.call.mixer import BLOCK, Block, Mixer
from pipecat_daily_rest.local.call.pictures import Picture
from pipecat_daily_rest.local.call.room import JoinRefused, Newcomer
from pipecat_daily_rest.local.call.state import State
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.rules.claims import BadToken, sign
from pipecat_daily_rest.local.rules.rights import for_bots, from_bot, receives

Make = Callable[..., str]
START = 1_900_000_000.0  # unix seconds


class Seat:
    """Sends the same number at every tick; records what it heard last, and its events."""

    def __init__(self, says: int) -> None:
        self.says = says
        self.mix = 0
        self.voices: dict[str, Block] = {}
        self.events: list[dict[str, Any]] = []
        self.closed: str | None = None

    def speak(self) -> Block | None:
        return np.full(BLOCK, self.says, np.int16)

    def hear(self, mix: Block, voices: Mapping[str, Block]) -> None:
        self.mix, self.voices = int(mix[0]), dict(voices)

    def send(self, event: dict[str, Any]) -> None:
        self.events.append(event)

    def close(self, reason: str) -> None:
        self.closed = reason

    def told(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == name]


class StoppedClock(Clock):
    """A clock that only the test moves."""

    def __init__(self) -> None:
        super().__init__()
        self.at = START

    def now(self) -> float:
        return self.at

    def advance(self, seconds: float) -> None:
        end = self.at + seconds
        due = lambda: min(
            (t for t in self.timers if t.when <= end), key=lambda t: t.when, default=None
        )
        while (timer := due()) is not None:
            self.at = max(self.at, timer.when)
            timer.fire()
        self.at = end


class Rooms:
    """A domain, its mixer and its clock, without a server."""

    def __init__(self, **choices: Any) -> None:
        self.clock = StoppedClock()
        self.state = State(api_key="k" * 32, clock=self.clock, choices=Choices(**choices))
        self.mixer = Mixer(self.state.domain, self.state.calls)
        self.create("demo")

    def create(self, name: str, privacy: str = "public", **config: Any) -> None:
        self.state.rooms.create(name, privacy, config)

    def token(self, **properties: Any) -> str:
        return sign(
            properties,
            api_key=self.state.domain.api_key,
            domain_id=self.state.domain.id,
            issued_at=self.clock.now(),
        )

    def join(
        self, says: int = 0, *, room: str = "demo", kind: str = "scripted", **rights: Any
    ) -> Any:
        seat = Seat(says)
        token = self.token(**rights) if rights else None
        media = {"microphone": "playable", "camera": "playable"}
        participant = self.state.lobby.join(room, token, Newcomer(seat, kind, media=media))
        return participant, seat

    def hear(self) -> None:
        self.mixer.tick()


@pytest.fixture
async def rooms() -> AsyncIterator[Rooms]:
    rooms = Rooms()
    yield rooms
    rooms.state.close()


# -- canReceive ------------------------------------------------------------------------------

NOTHING = {name: False for name in ("video", "audio", "screenVideo", "screenAudio")}


@pytest.mark.parametrize(
    ("can_receive", "allowed"),
    [
        ({"base": True}, True),
        ({}, True),
        ({"base": False}, False),
        ({"base": NOTHING}, False),
        ({"base": {**NOTHING, "audio": True}}, True),
        ({"base": True, "byUserId": {"ana": False}}, False),
        ({"base": False, "byUserId": {"ana": True}}, True),
        ({"base": False, "byUserId": {"bo": True}}, False),
        ({"base": False, "byUserId": {"ana": {"audio": True}}}, True),
        ({"base": True, "byUserId": {"ana": {"video": False}}}, True),
        ({"base": True, "byParticipantId": {"id": False}}, False),
        ({"base": False, "byUserId": {"ana": False}, "byParticipantId": {"id": True}}, True),
        ({"base": True, "byUserId": {"ana": True}, "byParticipantId": {"id": NOTHING}}, False),
        ({"byUserId": {"ana": False}, "byParticipantId": {"id": {"video": True}}}, False),
        ({"base": {"video": True}}, False),  # what it does not name: `unnamed_media_received`
    ],
)
def test_the_most_specific_rule_for_the_kind_counts(can_receive: Any, allowed: bool) -> None:
    assert receives(can_receive, "audio", id="id", user_id="ana") is allowed


def test_custom_tracks_are_received_by_name() -> None:
    def may(track: str, **base: Any) -> bool:
        return receives({"base": base}, "customAudio", id="1", user_id="1", track=track)

    assert may("music", customAudio={"*": False, "music": True})
    assert not may("speech", customAudio={"*": False, "music": True})
    assert may("speech", customAudio={"*": True, "music": False})
    assert not may("music", customAudio={"*": True, "music": False})
    assert may("music", customAudio=True)
    assert not may("music", audio=True)


async def test_participants_hear_all_others_whom_they_may_receive(rooms: Rooms) -> None:
    listener, ears = rooms.join(1)
    everybody, all_ears = rooms.join(2)
    by_user, _ = rooms.join(30, user_id="bo")
    by_id, _ = rooms.join(400)
    rooms.hear()
    assert (ears.mix, all_ears.mix) == (432, 431)
    rules = {"byUserId": {"bo": False}, "byParticipantId": {by_id.id: {"audio": False}}}
    rooms.state.calls.permit(listener.room, {listener.id: {"canReceive": rules}})
    rooms.hear()
    assert (ears.mix, all_ears.mix) == (2, 431)
    assert set(ears.voices) == {everybody.id}
    assert set(all_ears.voices) == {listener.id, by_user.id, by_id.id}
    # Participants see only those speak whom they receive, and themselves.
    shown = set(rooms.mixer.levels(listener.room, listener))
    assert not shown & {by_user.id, by_id.id}
    # Only the given members change: that user is still not received.
    back = {"canReceive": {"byParticipantId": {}}}
    rooms.state.calls.permit(listener.room, {listener.id: back})
    rooms.hear()
    assert ears.mix == 402
    rooms.state.calls.permit(listener.room, {listener.id: {"canReceive": {"base": False}}})
    rooms.hear()
    assert (ears.mix, ears.voices) == (0, {})
    [*_, own] = ears.told("participant-updated")
    assert own["participant"]["info"]["isLocal"]
    assert own["participant"]["info"]["permissions"]["canReceive"] == {
        "base": False,
        "byUserId": {"bo": False},
        "byParticipantId": {},
    }


async def test_audio_levels_are_of_those_who_are_heard(rooms: Rooms) -> None:
    listener, _ = rooms.join(9000, permissions={"canReceive": {"base": False}})
    speaker, _ = rooms.join(9000)
    rooms.hear()
    assert set(rooms.mixer.levels(listener.room)) == {listener.id, speaker.id}
    assert set(rooms.mixer.levels(listener.room, listener)) == {listener.id}
    assert set(rooms.mixer.levels(listener.room, speaker)) == {listener.id, speaker.id}


@pytest.mark.parametrize("received", [True, False])
async def test_media_that_base_does_not_name_is_a_choice(received: bool) -> None:
    rooms = Rooms(unnamed_media_received=received)
    _, ears = rooms.join(permissions={"canReceive": {"base": {"video": True}}})
    rooms.join(5)
    rooms.hear()
    assert ears.mix == (5 if received else 0)
    rooms.state.close()


async def test_hidden_participants_of_a_room_receive_owners_only(rooms: Rooms) -> None:
    rooms.create("hidden", enable_hidden_participants=True)
    guest, ears = rooms.join(1, room="hidden")
    shown, _ = rooms.join(20, room="hidden", permissions={"hasPresence": True})
    _, owners_ears = rooms.join(300, room="hidden", is_owner=True)
    rooms.hear()
    assert (ears.mix, owners_ears.mix) == (300, 20)
    assert guest.room.counts() == {"present": 2, "hidden": 1}
    rooms.state.calls.permit(guest.room, {guest.id: {"hasPresence": True}})
    rooms.hear()
    assert (ears.mix, owners_ears.mix) == (320, 21)
    assert shown.room.counts() == {"present": 3, "hidden": 0}


# -- hasPresence, canSend --------------------------------------------------------------------


async def test_hidden_participants_are_counted_and_not_seen(rooms: Rooms) -> None:
    ana, seat = rooms.join(1)
    ghost, ghost_seat = rooms.join(20, permissions={"hasPresence": False})
    rooms.hear()
    assert (seat.mix, ghost_seat.mix) == (0, 1)
    assert seat.told("participant-joined") == []
    assert seat.told("participant-counts-updated")[-1]["counts"] == {"present": 1, "hidden": 1}
    rooms.state.calls.update(ghost, user_name="Boo")
    rooms.state.calls.leave(ghost)
    assert {event["event"] for event in seat.events} == {"participant-counts-updated"}
    assert seat.told("participant-counts-updated")[-1]["counts"] == {"present": 1, "hidden": 0}
    assert ana.room.active_speaker is None


@pytest.mark.parametrize("unmutes", [True, False])
async def test_a_participant_who_loses_the_right_to_send_is_silent_at_once(unmutes: bool) -> None:
    rooms = Rooms(regained_right_unmutes=unmutes)
    ana, seat = rooms.join(7)
    _, other = rooms.join()
    room = ana.room
    rooms.hear()
    assert other.mix == 7
    rooms.state.calls.permit(room, {ana.id: {"canSend": ["video"]}})
    rooms.hear()
    assert other.mix == 0
    [told] = other.told("participant-updated")
    off = {"state": "off", "offReasons": ["sendPermission"], "subscribed": "unsubscribed"}
    assert told["participant"]["media"]["microphone"] == off
    assert told["participant"]["media"]["camera"]["state"] == "playable"
    [own] = seat.told("participant-updated")
    assert own["participant"]["info"]["isLocal"]
    mutes = [(e["microphone"], e["camera"]) for e in seat.told("mute")]
    assert mutes == ([] if unmutes else [(False, None)])
    # Switching the microphone on does not help.
    if unmutes:
        rooms.state.calls.update(ana, media={"microphone": "playable"})
    rooms.hear()
    assert other.mix == 0
    rooms.state.calls.permit(room, {ana.id: {"canSend": True}})
    rooms.hear()
    assert other.mix == (7 if unmutes else 0)
    assert len(seat.told("mute")) == len(mutes)
    rooms.state.calls.update(ana, media={"microphone": "playable"})
    rooms.hear()
    assert other.mix == 7
    rooms.state.close()


# -- canAdmin --------------------------------------------------------------------------------

ADMINS = [
    ({}, set()),
    ({"permissions": {"canAdmin": True}}, {"participants", "streaming", "transcription"}),
    ({"permissions": {"canAdmin": ["participants"]}}, {"participants"}),
    ({"permissions": {"canAdmin": ["streaming"]}}, {"streaming"}),
    ({"permissions": {"canAdmin": ["transcription"]}}, {"transcription"}),
    ({"is_owner": True}, {"participants", "streaming", "transcription"}),
    (
        {"is_owner": True, "permissions": {"canAdmin": False}},
        {"participants", "streaming", "transcription"},
    ),
]


@pytest.mark.parametrize(("token", "tasks"), ADMINS)
async def test_what_somebody_may_administer(rooms: Rooms, token: Any, tasks: set[str]) -> None:
    admin, _ = rooms.join(user_name="Ana", **token)
    other, seat = rooms.join()
    state, room = rooms.state, admin.room
    all_tasks = ("participants", "streaming", "transcription")
    assert {task for task in all_tasks if admin.may_admin(task)} == tasks
    deeds: list[Callable[[], object]] = [
        lambda: state.calls.mute(other, by=admin, microphone=False),
        lambda: state.calls.permit(room, {other.id: {"canSend": False}}, by=admin),
    ]
    for deed in deeds:
        if "participants" in tasks:
            deed()
        else:
            with pytest.raises(PermissionError, match="owner's token"):
                deed()
    allowed = "participants" in tasks
    assert other.media["microphone"] == ("off" if allowed else "playable")
    assert other.permissions["canSend"] is not allowed
    assert bool(seat.told("mute")) is allowed


async def test_only_owners_ask_others_to_switch_something_on(rooms: Rooms) -> None:
    owner, _ = rooms.join(is_owner=True)
    admin, _ = rooms.join(permissions={"canAdmin": ["participants"]})
    _, seat = target, seat = rooms.join()
    rooms.state.calls.mute(target, by=owner, microphone=True)
    assert [event["microphone"] for event in seat.told("mute")] == [True]
    with pytest.raises(PermissionError, match="only an owner"):
        rooms.state.calls.mute(target, by=admin, camera=True)
    assert len(seat.told("mute")) == 1


# -- Starts off ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["scripted", "person", "bot"])
@pytest.mark.parametrize("bots", [True, False])
@pytest.mark.parametrize(
    ("config", "token", "off"),
    [
        ({}, {}, set()),
        ({"start_audio_off": True}, {}, {"microphone"}),
        ({"start_video_off": True}, {}, {"camera"}),
        ({}, {"start_audio_off": True}, {"microphone"}),
        ({}, {"start_video_off": True, "start_audio_off": True}, {"microphone", "camera"}),
        ({"start_audio_off": True}, {"start_audio_off": False}, set()),
    ],
)
async def test_starts_off(kind: str, bots: bool, config: Any, token: Any, off: set[str]) -> None:
    rooms = Rooms(start_off_for_bots=bots)
    rooms.create("quiet", **config)
    ana, _ = rooms.join(room="quiet", kind=kind, user_name="Ana", **token)
    expected = off if kind != "bot" or bots else set()
    assert {track for track in ("microphone", "camera") if ana.media[track] == "off"} == expected
    rooms.state.calls.update(ana, media={"microphone": "playable"})  # it is only the start
    assert ana.media["microphone"] == "playable"
    rooms.state.close()


# -- Time ------------------------------------------------------------------------------------

ROOM, TOKEN, ELAPSED = "room-expired", "token-expired", "time-over"
ENDS = [
    ({}, {}, None, None),
    ({"exp": 100}, {}, None, None),
    ({"exp": 100, "eject_at_room_exp": True}, {}, 100, ROOM),
    ({"eject_after_elapsed": 50}, {}, 50, ELAPSED),
    ({"exp": 100, "eject_at_room_exp": True, "eject_after_elapsed": 50}, {}, 50, ELAPSED),
    ({"exp": 40, "eject_at_room_exp": True, "eject_after_elapsed": 50}, {}, 40, ROOM),
    ({}, {"exp": 70}, None, None),
    ({}, {"exp": 70, "eject_at_token_exp": True}, 70, TOKEN),
    ({}, {"exp": 70, "eject_after_elapsed": 30}, 30, ELAPSED),
    ({}, {"exp": 70, "eject_at_token_exp": True, "eject_after_elapsed": 30}, 30, ELAPSED),
    ({}, {"exp": 20, "eject_at_token_exp": True, "eject_after_elapsed": 30}, 20, TOKEN),
    # A rule in the token switches off both rules of the room, even earlier ones.
    ({"exp": 40, "eject_at_room_exp": True}, {"eject_after_elapsed": 90}, 90, ELAPSED),
    ({"eject_after_elapsed": 10}, {"exp": 70, "eject_at_token_exp": True}, 70, TOKEN),
    ({"eject_after_elapsed": 10}, {"eject_at_token_exp": True}, None, None),  # no exp: never
    ({"eject_after_elapsed": 10}, {"exp": 70}, 10, ELAPSED),  # no rule: the room's
]


@pytest.mark.parametrize(("config", "token", "at", "why"), ENDS)
async def test_when_and_why_a_participant_is_ejected(
    rooms: Rooms, config: Any, token: Any, at: float | None, why: str | None
) -> None:
    absolute = lambda given: {
        **given,
        **({"exp": START + given["exp"]} if "exp" in given else {}),
    }
    rooms.create("timed", **absolute(config))
    ana, seat = rooms.join(room="timed", user_name="Ana", **absolute(token))
    other, others = rooms.join(
        room="timed", permissions={"hasPresence": True}, eject_after_elapsed=9999
    )
    assert ana.will_eject_at == (None if at is None else START + at)
    if at is None:
        rooms.clock.advance(5000)
        assert seat.closed is None
        return
    rooms.clock.advance(at - 0.001)
    assert seat.closed is None
    rooms.clock.advance(0.002)
    assert seat.closed == why
    [left] = others.told("participant-left")
    assert (left["participant"]["id"], left["reason"]) == (ana.id, "leftCall")
    assert list(other.room.participants) == [other.id]


async def test_nobody_joins_before_nbf_and_after_exp(rooms: Rooms) -> None:
    rooms.create("timed", nbf=START + 10, exp=START + 100)

    def refused(**token: Any) -> str | None:
        try:
            ana, _ = rooms.join(room="timed", user_name="Ana", **token)
        except JoinRefused as exc:
            return exc.kind
        rooms.state.calls.leave(ana)
        return None

    assert refused() == "nbf-room"
    rooms.clock.advance(10)
    assert refused() is None
    assert refused(nbf=START + 20) == "nbf-token"
    assert refused(exp=START + 20) is None
    rooms.clock.advance(10)
    assert refused(nbf=START + 20) is None
    assert refused(exp=START + 20) == "exp-token"
    rooms.clock.advance(80)
    assert refused() == "exp-room"


# -- Full rooms, and the same user twice -----------------------------------------------------


async def test_max_participants_counts_the_hidden(rooms: Rooms) -> None:
    rooms.create("small", max_participants=2)
    rooms.join(room="small")
    ghost, _ = rooms.join(room="small", permissions={"hasPresence": False})
    with pytest.raises(JoinRefused) as refused:
        rooms.join(room="small", is_owner=True)
    assert refused.value.kind == "meeting-full"
    rooms.state.calls.leave(ghost)
    rooms.join(room="small")


@pytest.mark.parametrize("may", [True, False])
async def test_somebody_with_the_same_user_id_is_replaced(may: bool) -> None:
    rooms = Rooms(replacing_in_full_room=may)
    rooms.create("unique", enforce_unique_user_ids=True, max_participants=2)
    _, first = rooms.join(room="unique", user_id="ana")
    _, other = rooms.join(room="unique")
    if may:
        again, _ = rooms.join(room="unique", user_id="ana")
        assert (first.closed, other.closed) == ("replaced", None)
        assert len(again.room.participants) == 2
    else:
        with pytest.raises(JoinRefused, match="full"):
            rooms.join(room="unique", user_id="ana")
        assert first.closed is None
    with pytest.raises(JoinRefused, match="full"):
        rooms.join(room="unique", user_id="bo")
    rooms.state.close()


async def test_the_same_user_twice_where_nothing_forbids_it(rooms: Rooms) -> None:
    _, first = rooms.join(user_id="ana")
    rooms.join(user_id="ana")
    assert first.closed is None


# -- Wrong permissions -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "permissions",
    [
        {"canReceive": {"base": "all"}},
        {"canReceive": {"base": {"audo": True}}},
        {"canReceive": {"byUser": {}}},
        {"canReceive": {"byUserId": 5}},
        {"canReceive": {"byParticipantId": {"id": {"audio": "yes"}}}},
        {"canReceive": {"base": {"customAudio": {"music": 1}}}},
        {"canAdmin": ["everything"]},
    ],
)
async def test_wrong_permissions(
    rooms: Rooms, local_daily: LocalDaily, call: Any, permissions: Any
) -> None:
    with pytest.raises(BadToken):
        rooms.state.domain.read_token(rooms.token(permissions=permissions))
    body = {"properties": {"permissions": permissions}}
    for path in ("/rooms", "/meeting-tokens"):
        status, answer = await call("POST", path, body)
        assert (status, answer["error"]) == (400, "invalid-request-error")


async def test_all_of_can_receive_passes_through_a_token(rooms: Rooms, call: Any) -> None:
    can_receive = {
        "base": {**NOTHING, "customAudio": {"*": False, "music": True}, "customVideo": True},
        "byUserId": {"ana": True},
        "byParticipantId": {"some-id": {"audio": True}},
    }
    body = {"properties": {"permissions": {"canReceive": can_receive}}}
    status, made = await call("POST", "/meeting-tokens", body)
    assert status == 200
    status, read = await call("GET", f"/meeting-tokens/{made['token']}")
    assert read["permissions"]["canReceive"] == can_receive


# -- The words of daily-python ---------------------------------------------------------------

KINDS = ("camera", "microphone", "screenVideo", "screenAudio", "customVideo", "customAudio")


@pytest.mark.parametrize(
    ("permissions", "told"),
    [
        (
            {"canSend": True, "canAdmin": True},
            {"canSend": list(KINDS), "canAdmin": ["participants", "streaming", "transcription"]},
        ),
        ({"canSend": False, "canAdmin": False}, {"canSend": [], "canAdmin": []}),
        (
            {"canSend": ["audio", "screenVideo"], "canAdmin": ["streaming"]},
            {"canSend": ["microphone", "screenVideo"], "canAdmin": ["streaming"]},
        ),
        ({"canReceive": {"base": True}}, {"canReceive": {"base": True}}),
        (
            {"canReceive": {"base": {"audio": True, "customAudio": {"*": True, "video": False}}}},
            {
                "canReceive": {
                    "base": {"microphone": True, "customAudio": {"*": True, "video": False}}
                }
            },
        ),
        (
            {"canReceive": {"byUserId": {"audio": {"video": False}, "bo": True}}},
            {"canReceive": {"byUserId": {"audio": {"camera": False}, "bo": True}}},
        ),
        (
            {"canReceive": {"byParticipantId": {"id": {"audio": False}}}},
            {"canReceive": {"byParticipantId": {"id": {"microphone": False}}}},
        ),
    ],
)
def test_a_bot_reads_and_writes_the_words_of_daily_python(permissions: Any, told: Any) -> None:
    read = for_bots(permissions, Choices())
    assert {name: read[name] for name in permissions} == told
    back = from_bot(told)
    if isinstance(permissions.get("canSend"), bool):
        assert set(back["canSend"]) == (set(NAMES) if permissions["canSend"] else set())
    else:
        assert back == permissions


NAMES = ("video", "audio", "screenVideo", "screenAudio", "customVideo", "customAudio")


def test_what_a_bot_reads_are_choices() -> None:
    permissions = {
        "canSend": True,
        "canReceive": {"base": {"audio": True}},
        "canAdmin": ["streaming"],
    }
    read = for_bots(permissions, Choices(bots_read_lists=False))
    assert read == {**permissions, "canReceive": {"base": {"microphone": True}}}
    read = for_bots(permissions, Choices(bots_read_received_as="video"))
    assert read == {**permissions, "canSend": list(KINDS)}


@pytest.mark.parametrize(
    "change",
    [
        {"canSend": ["audio"]},
        {"canSend": ["video"]},
        {"canSend": True},
        {"canAdmin": False},
        {"canReceive": {"base": {"audio": True}}},
        {"canReceive": {"byUserId": {"ana": {"video": True}}}},
    ],
)
def test_other_words_of_a_bot_are_refused(change: Any) -> None:
    with pytest.raises(ValueError, match=r"daily-python does not know|must be a list"):
        from_bot(change)


def test_null_leaves_a_permission() -> None:
    assert from_bot({"hasPresence": None, "canSend": None, "canAdmin": []}) == {"canAdmin": []}


async def test_each_is_told_in_its_own_words(rooms: Rooms) -> None:
    seat = BotSeat()
    bot = rooms.state.lobby.join("demo", None, Newcomer(seat, "bot"))
    ana, anas = rooms.join()
    rooms.state.calls.permit(bot.room, {ana.id: {"canSend": ["audio"]}})
    told = [json.loads(text) for text in seat.texts]
    sends = [e["participant"]["info"]["permissions"]["canSend"] for e in told if "participant" in e]
    assert sends == [list(KINDS), ["microphone"]]
    [own] = anas.told("participant-updated")
    assert own["participant"]["info"]["permissions"]["canSend"] == ["audio"]


# -- Pictures --------------------------------------------------------------------------------


async def test_tracks_that_a_participant_may_not_see_are_not_sent(rooms: Rooms) -> None:
    seat = BotSeat()
    token = rooms.token(permissions={"canReceive": {"base": {"audio": True}}})
    bot = rooms.state.lobby.join("demo", token, Newcomer(seat, "bot"))
    seat.take_place(bot, rooms.state.calls.may_receive)
    ana, _ = rooms.join()
    seat.look([(ana, "camera")])

    def sees() -> bool:
        ana.feeds["camera"].show(Picture(1, 1, b"red"))
        return [frame[16] for frame in iter(seat.next_frame, None)] == [PICTURE]

    assert not sees()
    for allowed in (True, False, True):
        rule = {"canReceive": {"byParticipantId": {ana.id: {"video": allowed}}}}
        rooms.state.calls.permit(bot.room, {bot.id: rule})
        assert sees() is allowed


async def test_a_scripted_participant_sees_what_it_may(local_daily: LocalDaily) -> None:
    local_daily.state.rooms.create("demo", "public", {})
    ana, bo = local_daily.join("demo"), local_daily.join("demo")
    ana.shows((255, 0, 0))
    room = bo.participant.room
    local_daily.state.calls.permit(room, {bo.id: {"canReceive": {"base": {"audio": True}}}})
    with pytest.raises(TimeoutError, match="saw nothing"):
        await bo.sees((255, 0, 0), of=ana.id, timeout=0.05)
    local_daily.state.calls.permit(room, {bo.id: {"canReceive": {"base": True}}})
    await bo.sees((255, 0, 0), of=ana.id)
