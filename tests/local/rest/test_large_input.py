# SPDX-License-Identifier: BSD-2-Clause
"""Large messages and wrong JSON affect only the participant who sends or cannot read them."""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from loguru import logger

from bare_bot import Socket
from peers import WAIT, Peer, Peers
from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.bot import link
from pipecat_daily_rest.local.bot import seat as bot_seat
from pipecat_daily_rest.local.browser import webrtc_channel
from pipecat_daily_rest.local.call import outage
from pipecat_daily_rest.local.call.inbox import Inbox
from pipecat_daily_rest.local.call.room import MOST_TRACKS, Newcomer
from pipecat_daily_rest.local.choices import Choices

LIMIT = Choices().app_message_limit
LONG = "Zoë " * 70_000


@pytest.fixture
def lines() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lines.append, level="WARNING", format="{level} {message}")
    yield lines
    logger.remove(sink)


def of_size(size: int) -> str:
    """Make a message of so many bytes of JSON."""
    return "x" * (size - 2)


async def test_a_large_message_is_refused_with_a_sentence(
    daily: LocalDaily, connect: Any, peer: Peers, lines: list[str]
) -> None:
    ana, bo = daily.join("demo"), peer()
    await bo.join()
    first, second = await connect(), await connect()
    for bot in (first, second):
        await bot.ask("join")
    for size in (LIMIT + 1, 256 * 1024, 900_000):
        refused = (await first.ask("app-message", message=of_size(size)))["error"]
        assert f"{LIMIT} bytes of JSON" in refused
        assert str(size) in refused
    with pytest.raises(DailyConfigError, match=f"{LIMIT} bytes"):
        ana.send(of_size(LIMIT + 1))
    assert not ana.received
    largest = of_size(LIMIT)
    assert (await first.ask("app-message", message=largest))["error"] is None
    assert (await second.event("app-message"))["message"] == largest
    assert (await bo.event("app-message"))["message"] == largest
    assert await ana.message() == largest
    [line] = [line for line in lines if "app message" in line]
    assert "4096 bytes" in line


async def test_a_person_is_told_that_a_message_was_too_large(peer: Peers) -> None:
    text = "{size} bytes are more than {limit}."
    choices = Choices(
        app_message_limit=100, app_message_warning=None, app_message_too_large_info=text
    )
    async with LocalDaily(choices=choices) as daily, aiohttp.ClientSession() as http:
        daily.state.rooms.create("demo", "public", {})
        ana, bo = daily.join("demo"), Peer(daily, http, "demo")
        try:
            await bo.join()
            bo.send({"event": "app-message", "message": of_size(101)})
            assert (await bo.event("not-sent"))["info"] == "101 bytes are more than 100."
            bo.send({"event": "app-message", "message": of_size(100)})
            assert await ana.message() == of_size(100)
        finally:
            await bo.close()


async def test_without_a_limit_a_message_comes_in_pieces(lines: list[str]) -> None:
    choices = Choices(app_message_limit=None, app_message_warning=None)
    async with LocalDaily(choices=choices) as daily, aiohttp.ClientSession() as http:
        daily.state.rooms.create("demo", "public", {})
        ana, bo = daily.join("demo"), Peer(daily, http, "demo")
        try:
            await bo.join()
            ana.send(LONG)
            ana.send("short")
            assert (await bo.event("app-message"))["message"] == LONG
            await bo.event("app-message", message="short")
        finally:
            await bo.close()
    assert not lines


def test_a_piece_is_small_and_none_is_lost() -> None:
    for length in (0, 1, webrtc_channel._PIECE - 2, webrtc_channel._PIECE - 1, 100_000):
        text = json.dumps("." * length)
        pieces = webrtc_channel.pieces(text)
        assert all(len(piece) <= webrtc_channel._PIECE + 1 for piece in pieces)
        if len(pieces) > 1:
            assert [piece[0] for piece in pieces] == ["+"] * (len(pieces) - 1) + ["."]
            pieces = [piece[1:] for piece in pieces]
        assert "".join(pieces) == text


async def test_long_names_are_cut_and_their_owners_may_join(
    daily: LocalDaily, connect: Any, peer: Peers
) -> None:
    ana, bo = daily.join("demo"), peer()
    await bo.join(userName=LONG)
    bot = await connect()
    welcome = await bot.ask("join", user_name=LONG)
    assert welcome["local"]["info"]["userName"] == LONG.strip()[:128]
    assert [each["info"]["userName"] for each in welcome["participants"]] == ["", LONG[:128]]
    assert (await bot.ask("update", user_name="x" * 300_000))["error"] is None
    change = await ana.event("participant-updated")
    assert change["participant"]["info"]["userName"] == "x" * 128
    bo.send({"event": "update", "userName": "y" * 60_000})
    change = await bot.event("participant-updated")
    assert change["participant"]["info"]["userName"] == "y" * 128
    await peer().join()


async def test_a_room_of_190_with_long_names_can_be_joined(daily: LocalDaily, peer: Peers) -> None:
    await daily.mixer.stop()  # the sound of 190 people would keep a slow machine busy
    names = [f"{number:03} {'ö' * 200}" for number in range(190)]
    people = [daily.join("demo", user_name=name, keep=0.1) for name in names]
    bo = peer()
    await bo.join()
    [joined] = [event for event in bo.events if event["event"] == "joined"]
    assert len(joined["participants"]) == 191
    got = [each["info"]["userName"] for each in joined["participants"][:-1]]
    assert got == [name[:128] for name in names]
    people[0].leave()
    await bo.event("participant-left")


class Broken:
    """A seat that raises an error when it is told something."""

    def send(self, event: dict[str, Any]) -> None:
        raise ValueError("no way to " + event["event"])

    def close(self, reason: str) -> None:
        raise OSError(reason)


async def test_a_participant_whose_seat_fails_is_ejected_and_others_are_told(
    daily: LocalDaily, lines: list[str]
) -> None:
    state = daily.state
    before = daily.join("demo")
    broken = state.lobby.join("demo", None, Newcomer(Broken(), "phone", str(daily.api_key)))
    # Its seat failed when it was told the counts.
    assert list(daily.rooms["demo"].participants) == [before.id]
    after = daily.join("demo")
    told = [event["event"] for event in before._seat.events]
    assert told.index("participant-joined") < told.index("participant-left")
    left = await before.event("participant-left")
    assert left["participant"]["id"] == broken.id
    before.send("hello")
    assert await after.message() == "hello"
    assert all(daily.api_key not in line for line in lines)
    assert "no way to participant-counts-updated" in lines[0]


@pytest.mark.parametrize("event", ["app-message", "mute", "participant-updated"])
async def test_a_seat_may_fail_at_any_event(daily: LocalDaily, event: str) -> None:
    ana, bo, cy = (daily.join("demo", user_name=name) for name in ("Ana", "Bo", "Cy"))

    def send(told: dict[str, Any]) -> None:
        if told["event"] == event:
            raise ValueError(event)

    bo.participant.seat.send = send  # type: ignore[method-assign]
    ana.participant.is_owner = True
    if event == "app-message":
        ana.send(1)
        assert await cy.message() == 1
    elif event == "mute":
        daily.state.calls.mute(bo.participant, by=ana.participant, microphone=False)
    else:
        daily.state.calls.permit(bo.participant.room, {bo.id: {"hasPresence": False}})
    await cy.event("participant-left")
    assert list(daily.rooms["demo"].participants) == [ana.id, cy.id]


async def test_a_join_that_fails_is_undone(daily: LocalDaily, connect: Any, peer: Peers) -> None:
    ana = daily.join("demo")

    def fail(what: str, subject: Any) -> None:
        if what == "joined":
            raise RuntimeError(what)

    daily.state.log.observers.append(fail)
    with pytest.raises(RuntimeError):
        daily.join("demo")
    bot = await connect()
    assert "log says why" in (await bot.ask("join"))["error"]
    joining = asyncio.create_task(peer().join())
    async with asyncio.timeout(WAIT):
        await daily.state.log.wait_for("person left")
    joining.cancel()
    daily.state.log.observers.remove(fail)
    assert list(daily.rooms["demo"].participants) == [ana.id]
    await peer().join()


class ShortMessages:
    """A browser that accepts only short messages."""

    def offer(self, sdp: str) -> str:
        offer, changes = re.subn(r"a=max-message-size:\d+", "a=max-message-size:8000", sdp)
        assert changes == 1
        return offer

    def answer(self, sdp: str) -> str:
        return sdp


async def test_a_browser_that_accepts_only_short_messages_does_not_affect_others(
    daily: LocalDaily, peer: Peers, lines: list[str]
) -> None:
    ana, bo = daily.join("demo"), peer()
    await bo.join()
    cy = peer()
    cy.relay = ShortMessages()  # type: ignore[assignment]
    await cy.join()
    ana.send("x" * 10_000)
    ana.send("more")
    await bo.event("app-message", message="more")
    await daily.state.log.wait_for("person left")
    assert len(daily.rooms["demo"].participants) == 2
    assert [line for line in lines if "8000 bytes" in line]


async def test_a_bot_that_does_not_read_is_ejected_and_others_stay(
    daily: LocalDaily, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot_seat, "_MOST_WAITING", 500_000)
    monkeypatch.setattr(link, "_CLOSE", 0.1)
    ana, bo = daily.join("demo"), daily.join("demo")
    idle = await connect()
    await idle.ask("join")
    # The client's own buffer fills, then the kernel's, then what the room keeps.
    idle.socket._response.connection.transport.pause_reading()
    [seat] = [each.seat for each in daily.rooms["demo"].participants.values() if each.kind == "bot"]
    left = asyncio.create_task(daily.state.log.wait_for("bot left"))
    sent = 0
    while not left.done() and sent < 2000:
        ana.send(of_size(LIMIT))
        sent += 1
        assert sum(map(len, seat.texts)) <= 500_000
        await asyncio.sleep(0)
    async with asyncio.timeout(WAIT):
        await left
    assert len(bo.received) == sent
    assert not seat.texts or len(seat.texts) == 1


async def test_a_browser_that_does_not_read_is_ejected(
    daily: LocalDaily, peer: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webrtc_channel, "_MOST_WAITING", 200_000)
    ana, bo = daily.join("demo"), peer()
    await bo.join()
    await bo.vanish()
    for _ in range(5):
        ana.send(of_size(LIMIT))
    await ana.event("participant-left")
    ana.send("still here")


async def test_what_a_bot_may_ask_for_is_bounded(daily: LocalDaily, connect: Any) -> None:
    bot = await connect()
    await bot.ask("join")
    voices = [[f"00000000-0000-4000-8000-{n:012}", "microphone"] for n in range(257)]
    for op, name in (("listen", "voices"), ("look", "feeds")):
        refused = (await bot.ask(op, **{name: voices}))["error"]
        assert "256 at most" in refused
        assert (await bot.ask(op, **{name: voices[1:]}))["error"] is None
        assert (await bot.ask(op, **{name: voices[:1] * 5000}))["error"] is None
    tracks = {f"track {number}": "playable" for number in range(MOST_TRACKS + 1)}
    refused = (await bot.ask("update", media={"customAudio": tracks}))["error"]
    assert f"{MOST_TRACKS} at most" in refused
    tracks.popitem()
    assert (await bot.ask("update", media={"customAudio": tracks}))["error"] is None


def test_what_a_bot_says_ahead_is_bounded_over_all_its_tracks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bot_seat, "_MOST_AHEAD", 10_000)
    seat = bot_seat.BotSeat()
    for number in range(20):
        name = f"track {number}".encode()
        seat.push(bytes([bot_seat.SOUND, len(name)]) + name + bytes(1000))
    assert sum(map(len, seat._tracks.values())) == 10_000


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "[-1e999]"])
async def test_numbers_that_json_does_not_have_are_refused(
    daily: LocalDaily, connect: Any, peer: Peers, number: str
) -> None:
    ana, bo = daily.join("demo"), peer()
    await bo.join()
    bot: Socket = await connect()
    await bot.ask("join")
    await bot.socket.send_str(f'{{"op": "app-message", "request": 7, "message": {number}}}')
    assert "JSON" in (await bot.reply(None))["error"]
    bo.channel.send(f'{{"event": "app-message", "message": {number}}}')
    bo.send({"event": "app-message", "message": "next"})
    assert await ana.message() == "next"
    assert ana.received == ["next"]


async def test_deep_messages_are_refused(daily: LocalDaily, connect: Any) -> None:
    ana, bot = daily.join("demo"), await connect()
    await bot.ask("join")
    await bot.socket.send_str('{"op": "app-message", "message": ' + "[" * 900 + "]" * 900 + "}")
    assert "levels deep" in (await bot.reply(None))["error"]
    await bot.ask("app-message", message="next")
    assert await ana.message() == "next"
    deep: Any = 0
    for _ in range(200):
        deep = [deep]
    for bad in (deep, float("nan"), [float("inf")]):
        with pytest.raises(DailyConfigError, match="what JSON can hold"):
            ana.send(bad)


def test_an_inbox_drops_the_oldest_by_number_and_by_bytes() -> None:
    inbox = Inbox(most=3, most_bytes=1000)
    for number in range(5):
        inbox.put({"event": "x", "number": number})
    assert [event["number"] for event in inbox.events] == [2, 3, 4]
    inbox.put({"event": "x", "number": 5, "data": "x" * 950})
    assert [event["number"] for event in inbox.events] == [5]
    inbox.put({"event": "x", "number": 6, "data": "x" * 5000})
    assert [event["number"] for event in inbox.events] == [6]
    inbox.put({"event": "x", "number": 7})
    assert [event["number"] for event in inbox.events] == [7]


async def test_events_that_wait_for_a_network_are_bounded(
    daily: LocalDaily, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "_MOST_BYTES", 50_000)
    ana, bo = daily.join("demo"), daily.join("demo")
    for sender, receiver in ((ana, bo), (bo, ana)):
        cy = daily.join("demo")
        daily.network.lose(cy.participant, 10)
        for _ in range(6):
            (cy if sender is bo else sender).send(of_size(10_000))
        daily.advance(11)
        assert cy.left_reason == "network-lost"
        assert receiver.left_reason is None
    assert not ana.received
