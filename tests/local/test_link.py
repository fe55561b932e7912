# SPDX-License-Identifier: BSD-2-Clause
"""The room's end of a bot's link, by a bare websocket."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipecat_daily_rest.local import LocalDaily, link
from pipecat_daily_rest.local.claims import issue
from pipecat_daily_rest.local.mixer import BLOCK, Voice


class Socket:
    """A bot without a stand-in."""

    def __init__(self, socket: "aiohttp.ClientWebSocketResponse[bool]") -> None:
        self.socket = socket
        self.events: list[dict[str, Any]] = []
        self.sounds: list[bytes] = []
        self._count = 0

    async def read(self) -> dict[str, Any] | None:
        """Give the next text; None at the end."""
        message = await self.socket.receive(timeout=20)
        if message.type is aiohttp.WSMsgType.BINARY:
            self.sounds.append(message.data)
            return {}
        return json.loads(message.data) if message.type is aiohttp.WSMsgType.TEXT else None

    async def reply(self, number: int | None) -> dict[str, Any]:
        while (text := await self.read()) is not None:
            if "reply" in text and text["reply"] == number:
                return text
            self.events.append(text)
        pytest.fail("the link was closed")

    async def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        self._count += 1
        await self.socket.send_json({"op": op, "request": self._count, **fields})
        return await self.reply(self._count)

    async def event(self, name: str) -> dict[str, Any]:
        while True:
            for event in self.events:
                if event.get("event") == name:
                    self.events.remove(event)
                    return event
            text = await self.read()
            assert text is not None, "the link was closed"
            self.events.append(text)

    async def sound(self, who: bytes, where: Callable[[bytes], bool]) -> bytes:
        """Give the first block of somebody that fits."""
        while True:
            for frame in self.sounds:
                if frame[:16] == who and where(frame[16:]):
                    return frame[16:]
            self.sounds.clear()
            assert await self.read() is not None, "the link was closed"

    async def end(self) -> list[dict[str, Any]]:
        """Read to the end of the link."""
        texts = []
        while (text := await self.read()) is not None:
            texts.append(text)
        return texts


@pytest.fixture
async def daily(local_daily: LocalDaily) -> LocalDaily:
    local_daily.state.create_room("demo", "public", {})
    return local_daily


@pytest.fixture
async def connect(daily: LocalDaily) -> AsyncIterator[Callable[..., Any]]:
    async with aiohttp.ClientSession() as session:

        async def connect(room: str = "demo") -> Socket:
            return Socket(await session.ws_connect(f"{daily.url}/{room}/link"))

        yield connect


@pytest.fixture
def owner(daily: LocalDaily) -> str:
    state = daily.state
    properties = {"is_owner": True, "room_name": "demo"}
    return issue(properties, api_key=daily.api_key, domain_id=state.domain_id, issued_at=0)


ON = {"microphone": "playable"}


async def test_without_a_websocket_it_says_what_it_is(daily: LocalDaily) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{daily.url}/demo/link") as answer,
    ):
        assert answer.status == 426
        assert answer.headers["X-Local-Daily"]
        assert "websocket" in await answer.text()


async def test_who_joins_learns_who_is_there(daily: LocalDaily, connect: Any, owner: str) -> None:
    ana = daily.join("demo", user_name="Ana")
    daily.state.speaking(ana.participant.room, ana.id)
    bot = await connect()
    welcome = await bot.ask("join", token=owner, user_name="Robot", media=ON)
    assert welcome["error"] is None
    assert welcome["local"]["info"]["isLocal"] is True
    assert welcome["local"]["info"]["isOwner"] is True
    assert [other["id"] for other in welcome["participants"]] == [ana.id]
    assert welcome["counts"] == {"present": 2, "hidden": 0}
    assert welcome["active_speaker"] == ana.id
    uuid.UUID(welcome["meeting"])
    participant = daily.rooms["demo"].participants[welcome["local"]["id"]]
    assert participant.kind == "bot"
    assert isinstance(participant.seat, Voice)


async def test_a_refused_join_is_answered_then_closed(daily: LocalDaily, connect: Any) -> None:
    bot = await connect("nowhere")
    assert (await bot.ask("join"))["error"].startswith("no-room: There is no room 'nowhere'")
    await bot.end()
    bot = await connect()
    assert "not-allowed: " in (await bot.ask("join", token="nonsense"))["error"]
    await bot.end()
    assert not daily.rooms["demo"].participants


async def test_who_says_nothing_does_not_stay(
    daily: LocalDaily, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "_FIRST_OP", 0.05)
    bot = await connect()
    assert (await bot.end())[-1]["event"] == "closed"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("no JSON", "JSON object"),
        ("[" * 100_000, "JSON object"),
        ("[]", "JSON object"),
        ("3", "JSON object"),
        ('{"op": "dance"}', "does not know the op 'dance'"),
        ('{"op": ["join"]}', "does not know the op ['join']"),
        ('{"op": "join"}', "join first, and once"),
        ('{"op": "app-message"}', "a message"),
        ('{"op": "app-message", "message": 1, "recipient": 3}', "a message"),
        ('{"op": "update", "user_name": 3}', "user_name"),
        ('{"op": "update", "media": {"camera": "playable"}}', "only the microphone"),
        ('{"op": "update", "media": {"microphone": "loud"}}', "playable or off"),
        ('{"op": "update", "media": 3}', "only the microphone"),
        ('{"op": "listen"}', "list of session ids"),
        ('{"op": "listen", "voices": ["x"]}', "list of session ids"),
        ('{"op": "listen", "voices": [null]}', "list of session ids"),
        ('{"op": "mute", "microphone": 0}', "true, false or null"),
        ('{"op": "mute", "participant": {}, "microphone": false}', "no participant {}"),
        ('{"op": "eject", "participants": "all"}', "list of session ids"),
        ('{"op": "eject", "participants": ["nobody"]}', "no participant 'nobody'"),
    ],
)
async def test_a_bad_op_is_answered_and_harms_nobody(
    daily: LocalDaily, connect: Any, owner: str, text: str, error: str
) -> None:
    bot = await connect()
    await bot.ask("join", token=owner, media=ON)
    await bot.socket.send_str(text)
    assert error in (await bot.reply(None))["error"]
    assert (await bot.ask("app-message", message="still here"))["error"] is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.uuids().map(str),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
FIELDS = ("token", "user_name", "media", "message", "recipient", "voices", "mix", "participant")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    op=st.sampled_from(["app-message", "update", "listen", "mute", "eject", "join", ""]),
    fields=st.dictionaries(st.sampled_from((*FIELDS, "participants", "microphone")), JSON),
)
def test_no_op_breaks_the_room(op: str, fields: dict[str, Any]) -> None:
    async def run() -> None:
        async with LocalDaily() as daily, aiohttp.ClientSession() as session:
            daily.state.create_room("demo", "public", {})
            bot = Socket(await session.ws_connect(f"{daily.url}/demo/link"))
            await bot.ask("join", media=ON)
            answer = await bot.ask(op, **fields)
            assert answer["error"] != "the local room failed; its log says why"
            daily.mixer.tick()
            assert (await bot.ask("leave"))["error"] is None
            await bot.socket.close()

    asyncio.run(run())


async def test_messages_names_and_switches_reach_the_others(
    daily: LocalDaily, connect: Any
) -> None:
    ana, bo = daily.join("demo"), daily.join("demo")
    bot = await connect()
    await bot.ask("join", user_name="Robot", media=ON)
    await bot.ask("app-message", message={"to": "all"})
    await bot.ask("app-message", message={"to": "bo"}, recipient=bo.id)
    await bot.ask("update", user_name="Robby", media={"microphone": "off"})
    await bo.message(lambda m: m == {"to": "bo"})
    assert ana.received == [{"to": "all"}]
    assert bo.received == [{"to": "all"}, {"to": "bo"}]
    change = await ana.event("participant-updated")
    assert change["participant"]["info"]["userName"] == "Robby"
    assert change["participant"]["media"]["microphone"]["state"] == "off"
    ana.send("hello")
    assert (await bot.event("app-message"))["message"] == "hello"
    bo.leave()
    assert (await bot.event("participant-left"))["participant"]["id"] == bo.id


async def test_only_an_owner_mutes_and_ejects(daily: LocalDaily, connect: Any, owner: str) -> None:
    ana = daily.join("demo")
    guest, boss = await connect(), await connect()
    await guest.ask("join")
    await boss.ask("join", token=owner)
    for ops in (
        {"op": "mute", "participant": ana.id, "microphone": False},
        {"op": "eject", "participants": [ana.id]},
    ):
        assert "owner" in (await guest.ask(**ops))["error"]
        assert ana.left_reason is None
        assert (await boss.ask(**ops))["error"] is None
    assert ana.left_reason == "ejected"
    assert (await ana.event("mute"))["microphone"] is False


async def test_left_is_answered_once_it_is_out(daily: LocalDaily, connect: Any) -> None:
    bot = await connect()
    await bot.ask("join")
    await bot.ask("leave")
    assert not daily.rooms["demo"].participants
    await bot.end()
    assert [e.what for e in daily.state.log].count("bot left") == 1


async def test_a_closed_link_is_out(daily: LocalDaily, connect: Any) -> None:
    bot = await connect()
    await bot.ask("join")
    bot.socket._response.connection.transport.abort()
    await daily.state.wait_for("bot left")


async def test_who_was_put_out_learns_why_and_says_no_more(daily: LocalDaily, connect: Any) -> None:
    ana = daily.join("demo")
    bot = await connect()
    welcome = await bot.ask("join")
    participant = daily.rooms["demo"].participants[welcome["local"]["id"]]
    daily.state.put_out(participant, "ejected")
    await bot.socket.send_json({"op": "app-message", "request": 9, "message": "but"})
    assert (await bot.end())[-1] == {"event": "closed", "reason": "ejected"}
    assert ana.received == []


async def test_sound_both_ways(daily: LocalDaily, connect: Any) -> None:
    ana = daily.join("demo")
    bot = await connect()
    await bot.ask("join", media=ON)
    who = uuid.UUID(ana.id).bytes
    # Nothing comes that was not asked for; then silence is an empty block.
    await bot.ask("listen", voices=[ana.id], mix=True)
    await bot.sound(who, lambda block: block == b"")
    await bot.sound(bytes(16), lambda block: block == b"")
    ana.tone(500)
    block = np.frombuffer(await bot.sound(who, lambda b: len(b) > 0), np.int16)
    assert len(block) == BLOCK
    await bot.sound(bytes(16), lambda b: len(b) == 2 * BLOCK)
    await bot.ask("listen", voices=[])
    # Two tracks are one voice; half a sample is no sound.
    time = np.arange(48_000) / 48_000
    for track, hz in ((0, 700), (5, 1900)):
        wave = (np.sin(2 * np.pi * hz * time) * 6000).astype("<i2").tobytes()
        await bot.socket.send_bytes(bytes([track]) + wave)
    await bot.socket.send_bytes(b"")
    await bot.socket.send_bytes(b"\0\0")
    await asyncio.gather(ana.hears(700), ana.hears(1900))


def test_speech_waits_for_a_cushion_and_is_bounded() -> None:
    speech = link._Speech()
    assert speech.take() is None
    speech.push(bytes(range(1, 256)) * 16)  # 2 blocks and a bit
    blocks = [speech.take() for _ in range(7)]
    assert [block is not None for block in blocks] == [False, False, True, True, True, False, False]
    assert blocks[4][-1] == 0
    speech.push(bytes(link._MOST_SPEECH))
    speech.push(b"\1\1")
    assert len(speech._samples) == link._MOST_SPEECH


async def test_a_slow_bot_loses_sound_but_no_events(monkeypatch: pytest.MonkeyPatch) -> None:
    seat = link._BotSeat()
    seat.mix = True
    for number in range(200):
        seat.hear(np.full(BLOCK, number, np.int16), {})
        seat.send({"event": "app-message", "message": number, "sender": "x"})
    assert len(seat.texts) == 200
    assert [np.frombuffer(frames[0][16:], np.int16)[0] for frames in seat.sounds] == list(
        range(150, 200)
    )
    monkeypatch.setattr(link, "_MOST_EVENTS", 300)
    for _ in range(101):
        seat.send({"event": "app-message", "message": 0, "sender": "x"})
    assert seat.closed
    assert json.loads(seat.texts[-1]) == {"event": "closed", "reason": "failed"}


def test_tracks_are_mixed_without_wrapping() -> None:
    seat = link._BotSeat()
    for track in (0, 1):
        seat.push(bytes([track]) + np.full(BLOCK * 3, 30_000, "<i2").tobytes())
    blocks = [seat.speak() for _ in range(4)]
    assert blocks[:2] == [None, None]
    assert (blocks[2] == 32767).all()
