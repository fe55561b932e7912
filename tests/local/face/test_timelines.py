# SPDX-License-Identifier: BSD-2-Clause
"""What the page keeps of a room's life: in order, masked, and bounded."""

import time
from collections.abc import Mapping
from typing import Any

import pytest

from pipecat_daily_rest.local.call.clock import Clock
from pipecat_daily_rest.local.call.mixer import Mixer
from pipecat_daily_rest.local.call.room import JoinRefused, Newcomer, Participant, Room
from pipecat_daily_rest.local.call.state import State
from pipecat_daily_rest.local.face import timelines
from pipecat_daily_rest.local.face.timelines import Entry, Life, Timelines

KEY = "k" * 64


class Moments(Clock):
    """A clock that stands still until the test moves it."""

    at = time.time()

    def now(self) -> float:
        return self.at


class Seat:
    def send(self, event: dict[str, Any]) -> None:
        pass

    def close(self, reason: str) -> None:
        pass


class Caller:
    def let_in(self, participant: Participant) -> None:
        pass

    def turned_away(self, refused: JoinRefused) -> None:
        pass


class House:
    """A local Daily's rooms, and what the page knows of them."""

    def __init__(self) -> None:
        self.clock = Moments()
        self.state = State(api_key=KEY, clock=self.clock)
        self.mixer = Mixer(self.state.domain, self.state.calls)
        self.timelines = Timelines(self.state.log, self.state.domain, self.mixer)

    def room(self, name: str = "demo") -> Room:
        return self.state.rooms.create(name, "public", {})

    def join(self, room: str, kind: str, name: str) -> Participant:
        return self.state.lobby.join(room, None, Newcomer(Seat(), kind, name))

    def hear(self, seconds: float, loud: Mapping[str, float]) -> None:
        """Let the mixer's watchers hear somebody for some time, tick by tick."""
        for _ in range(round(seconds / 0.02)):
            self.clock.at += 0.02
            for watcher in self.mixer.watchers:
                watcher(loud)

    def life(self) -> Life:
        return next(self.timelines.newest())

    def entries(self, *whats: str) -> list[Entry]:
        return [each for each in self.life().entries() if not whats or each.what in whats]


@pytest.fixture
async def house() -> House:
    return House()


async def test_a_life_in_order(house: House) -> None:
    room = house.room()
    house.state.log.notify("token created", {"room_name": "demo", "user_name": "Ana"})
    house.state.log.notify("token created", {"room_name": "other"})
    house.state.log.notify("token created", {"is_owner": True})
    bot, ana = house.join("demo", "bot", "Echo"), house.join("demo", "person", "Ana")
    house.hear(1.0, {ana.id: 0.1})
    house.state.messages.send(room, {"hello": 1}, sender=ana.id)
    house.state.messages.send(room, "from REST", sender="")
    house.state.calls.leave(ana)
    house.state.rooms.delete(room)
    told = [(e.what, e.who, e.kind, e.text) for e in house.entries()]
    assert told == [
        ("created", "", "", "public"),
        ("token", "", "", "for Ana"),
        ("bot joined", "Echo", "bot", ""),
        ("person joined", "Ana", "person", ""),
        ("spoke", "Ana", "person", ""),
        ("message", "Ana", "person", '{"hello":1}'),
        ("message", "", "", "from REST"),
        ("person left", "Ana", "person", "leftCall"),
        ("deleted", "", "", ""),
        ("bot left", "Echo", "bot", "room-deleted"),
    ]
    assert house.life().ended
    assert bot.id not in house.life().room.participants
    assert house.life().room is not room  # whose events take megabytes


async def test_who_waits_in_the_lobby_has_a_name(house: House) -> None:
    room = house.state.rooms.create("demo", "private", {"enable_knocking": True})
    token = house.state.domain.sign({"room_name": "demo", "is_owner": True})
    olga = house.state.lobby.join("demo", token, Newcomer(Seat(), "person", "Olga"))
    for name, let_in in (("Ana", True), ("Bo", False)):
        newcomer = Newcomer(Seat(), "person", name)
        knock = house.state.lobby.join_or_knock("demo", None, newcomer, Caller())
        house.state.lobby.decide(room, knock.id, by=olga, let_in=let_in)
    assert [(each.what, each.who) for each in house.entries()][2:] == [
        ("person knocked", "Ana"),
        ("person joined", "Ana"),
        ("person let in", "Ana"),
        ("person knocked", "Bo"),
        ("person turned away", "Bo"),
    ]
    assert set(house.timelines._people) == set(room.participants)


async def test_a_name_that_is_used_again_begins_a_new_life(house: House) -> None:
    first = house.room()
    house.join("demo", "person", "Ana")
    house.state.rooms.delete(first)
    house.room()
    house.join("demo", "person", "Bo")
    assert [e.what for e in house.entries()] == ["created", "person joined"]
    assert [life.number for life in house.timelines.newest()] == [2, 1]
    ended = house.timelines.lives[1].entries()
    assert [e.what for e in ended] == ["created", "person joined", "deleted", "person left"]


async def test_who_spoke_when_and_how_fast_the_bot_answered(house: House) -> None:
    house.room()
    bot, ana = house.join("demo", "bot", "Echo"), house.join("demo", "person", "Ana")
    begin = house.clock.at
    house.hear(1.0, {ana.id: 0.1})
    house.hear(0.3, {})  # she pauses, and goes on
    house.hear(0.7, {ana.id: 0.1})
    house.hear(1.2, {})
    house.hear(2.0, {bot.id: 0.2})
    assert house.timelines.speaks(bot.id)
    assert not house.timelines.speaks(ana.id)
    house.hear(1.0, {})
    question, answer = house.entries("spoke")
    assert (question.who, answer.who) == ("Ana", "Echo")
    assert question.at - begin == pytest.approx(0.02)
    assert question.until is not None
    assert question.until - question.at == pytest.approx(1.98)
    assert question.latency is None
    assert answer.latency == pytest.approx(1.22)
    assert answer.until is not None
    assert answer.until - answer.at == pytest.approx(1.98)
    assert list(house.life().turns) == [answer.latency]


@pytest.mark.parametrize(
    "case", ["greeting", "goes on", "overlaps", "talked into", "quiet", "click"]
)
async def test_what_is_no_answer(house: House, case: str) -> None:
    house.room()
    bot, ana = house.join("demo", "bot", "Echo"), house.join("demo", "person", "Ana")
    both, one, other = {bot.id: 0.2, ana.id: 0.2}, {ana.id: 0.2}, {bot.id: 0.2}
    parts: dict[str, list[tuple[float, dict[str, float]]]] = {
        "greeting": [(1.0, other)],
        "goes on": [(0.5, one), (0.5, {}), (0.5, other), (1.0, {}), (0.5, other)],
        "overlaps": [(0.5, one), (0.5, both)],
        "talked into": [(0.5, other), (0.2, both), (0.5, other), (1.0, {}), (0.5, other)],
        "quiet": [(1.0, {ana.id: 0.001}), (0.5, {}), (0.5, other)],
        "click": [(0.04, one), (1.0, {}), (0.5, other)],
    }
    for seconds, loud in parts[case]:
        house.hear(seconds, loud)
    latencies = [each.latency for each in house.entries("spoke") if each.kind == "bot"]
    assert [latency is not None for latency in latencies] == {
        "goes on": [True, False],
        "talked into": [False, False],
    }.get(case, [False])


async def test_speech_ends_when_its_speaker_leaves(house: House) -> None:
    house.room()
    ana = house.join("demo", "person", "Ana")
    house.hear(0.5, {ana.id: 0.1})
    house.state.calls.leave(ana)
    house.hear(0.5, {ana.id: 0.1})  # of the tick in which she left
    (spoke,) = house.entries("spoke")
    assert spoke.until is not None
    assert spoke.until - spoke.at == pytest.approx(0.48)


async def test_nothing_is_done_while_nobody_speaks(house: House) -> None:
    house.room()
    version = house.life().version
    house.clock.now = None  # type: ignore[assignment] # not even the time is looked at
    for watcher in house.mixer.watchers:
        watcher({})
    assert house.life().version == version


async def test_a_bots_words_are_one_entry(house: House) -> None:
    room = house.room()
    bot = house.join("demo", "bot", "Echo")
    for word in ("one", "two", "three"):
        message = {"label": "rtvi-ai", "type": "bot-tts-text", "data": {"text": word}}
        house.state.messages.send(room, message, sender=bot.id)
    house.state.messages.send(room, {"label": "rtvi-ai", "type": "bot-stopped"}, sender=bot.id)
    house.state.messages.send(room, "bot-tts-text", sender=bot.id)
    told = [(each.text, each.count) for each in house.entries("message")]
    assert told == [('bot-tts-text {"text":"three"}', 3), ("bot-stopped ", 1), ("bot-tts-text", 1)]


async def test_secrets_are_masked_and_long_messages_cut(house: House) -> None:
    room = house.room()
    ana = house.join("demo", "person", "Ana")
    token = house.state.domain.sign({"room_name": "demo"})
    for message in (
        {"key": KEY, "token": token},
        "x" * 250 + KEY,
        "x" * (timelines._MOST_READ - 20) + KEY,
        [KEY[:-1]] * 100_000,
        {"very": {"deep": "x" * 1_000_000}},
    ):
        house.state.messages.send(room, message, sender=ana.id)
    texts = [each.text for each in house.entries("message")]
    assert texts[0] == '{"key":"***","token":"***"}'
    assert all(KEY not in text and token[-20:] not in text for text in texts)
    assert all(len(text) <= timelines._MOST_TEXT + 1 for text in texts)


async def test_a_chatty_room_keeps_who_came_and_went(house: House) -> None:
    room = house.room()
    ana = house.join("demo", "person", "Ana")
    for number in range(2_000):
        house.state.messages.send(room, {"number": number}, sender=ana.id)
    for _ in range(300):
        house.state.calls.leave(house.join("demo", "person", "Bo"))
    entries = house.entries()
    assert len(entries) == timelines._MOST_TALK + timelines._MOST_EVENTS
    messages = [each.text for each in house.entries("message")]
    assert messages[-1] == '{"number":1999}'
    assert house.life().added == 2_602


async def test_rooms_that_ended_longest_ago_go(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timelines, "_MOST_ENDED", 20)
    open_room = house.room("open")
    for number in range(50):
        house.state.rooms.delete(house.room(f"room-{number}"))
    names = [life.room.name for life in house.timelines.newest()]
    assert names == [*(f"room-{number}" for number in range(49, 29, -1)), "open"]
    assert set(house.timelines._by_name) == set(names)
    assert house.timelines._entries == sum(map(len, house.timelines.lives.values())) == 41
    monkeypatch.setattr(timelines, "_MOST", 100)
    ana = house.join("open", "person", "Ana")
    for number in range(250):
        house.state.messages.send(open_room, {"number": number}, sender=ana.id)
        assert house.timelines._entries == sum(map(len, house.timelines.lives.values())) <= 100
    assert [life.room.name for life in house.timelines.newest()] == ["open"]
    assert house.entries()[-1].text == '{"number":249}'
