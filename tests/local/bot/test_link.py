# SPDX-License-Identifier: BSD-2-Clause
"""The room's end of a bot's link, driven by a bare websocket."""

import asyncio
import json
import uuid
from typing import Any

import aiohttp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bare_bot import Socket
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.bot import link
from pipecat_daily_rest.local.bot import seat as bot_seat
from pipecat_daily_rest.local.bot.seat import PICTURE, SOUND, BotSeat
from pipecat_daily_rest.local.call.mixer import BLOCK, Voice
from pipecat_daily_rest.local.rules.claims import sign


@pytest.fixture
def owner(daily: LocalDaily) -> str:
    state = daily.state
    properties = {"is_owner": True, "room_name": "demo"}
    return sign(properties, api_key=daily.api_key, domain_id=state.domain.id, issued_at=0)


ON = {"microphone": "playable"}
SOME_ID = "00000000-0000-4000-8000-000000000001"


def speech(samples: bytes, track: str = "microphone") -> bytes:
    """Give what a bot says as a frame of its link."""
    return bytes([SOUND, len(track)]) + track.encode() + samples


async def test_a_request_that_is_no_websocket_is_told_what_the_link_is(daily: LocalDaily) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{daily.url}/demo/link") as answer,
    ):
        assert answer.status == 426
        assert answer.headers["X-Local-Daily"]
        assert "websocket" in await answer.text()


async def test_the_reply_to_a_join_says_who_is_there(
    daily: LocalDaily, connect: Any, owner: str
) -> None:
    ana = daily.join("demo", user_name="Ana")
    daily.state.calls.speaking(ana.participant.room, ana.id)
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


async def test_a_client_that_does_not_join_is_disconnected(
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
        ('{"op": "join"}', "join must be the first op, and the only join"),
        ('{"op": "app-message"}', "a message"),
        ('{"op": "app-message", "message": 1, "recipient": 3}', "a message"),
        ('{"op": "update", "user_name": 3}', "user_name"),
        ('{"op": "update", "media": {"hologram": "playable"}}', "media: only camera"),
        ('{"op": "update", "media": {"microphone": "loud"}}', "playable or off"),
        ('{"op": "update", "media": {"camera": {}}}', "playable or off"),
        ('{"op": "update", "media": {"customAudio": 3}}', "customAudio is an object"),
        ('{"op": "update", "media": {"customAudio": {"a": []}}}', "playable or off"),
        ('{"op": "update", "media": {"customAudio": {"camera": "off"}}}', "is not one of camera"),
        ('{"op": "update", "media": {"customAudio": {"": "off"}}}', "up to 128 bytes"),
        ('{"op": "update", "media": 3}', "media: only camera"),
        ('{"op": "listen"}', "a list of [session id"),
        ('{"op": "listen", "voices": ["x"]}', "a list of [session id"),
        ('{"op": "listen", "voices": [null]}', "a list of [session id"),
        ('{"op": "listen", "voices": [["x", "microphone"]]}', "a list of [session id"),
        (f'{{"op": "listen", "voices": [["{SOME_ID}", ""]]}}', "a list of [session id"),
        (f'{{"op": "listen", "voices": [["{SOME_ID}", 3]]}}', "a list of [session id"),
        ('{"op": "look", "feeds": {}}', "a list of [session id"),
        ('{"op": "mute", "microphone": 0}', "true, false or null"),
        ('{"op": "mute", "participant": {}, "microphone": false}', "no participant {}"),
        ('{"op": "eject", "participants": "all"}', "list of session ids"),
        ('{"op": "eject", "participants": ["nobody"]}', "no participant 'nobody'"),
    ],
)
async def test_a_bad_op_is_answered_and_the_room_goes_on(
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
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    op=st.sampled_from(["app-message", "update", "listen", "mute", "eject", "join", ""]),
    fields=st.dictionaries(st.sampled_from((*FIELDS, "participants", "microphone")), JSON),
)
def test_no_op_breaks_the_room(op: str, fields: dict[str, Any]) -> None:
    async def run() -> None:
        async with LocalDaily() as daily, aiohttp.ClientSession() as session:
            daily.state.rooms.create("demo", "public", {})
            bot = Socket(await session.ws_connect(f"{daily.url}/demo/link"))
            await bot.ask("join", media=ON)
            answer = await bot.ask(op, **fields)
            assert answer["error"] != "the local room failed; its log says why"
            daily.mixer.tick()
            assert (await bot.ask("leave"))["error"] is None
            await bot.socket.close()

    asyncio.run(run())


async def test_messages_names_and_mute_reach_the_others(daily: LocalDaily, connect: Any) -> None:
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


async def test_leave_is_answered_after_the_bot_has_left(daily: LocalDaily, connect: Any) -> None:
    bot = await connect()
    await bot.ask("join")
    await bot.ask("leave")
    assert not daily.rooms["demo"].participants
    await bot.end()
    assert [e.what for e in daily.state.log.entries].count("bot left") == 1


async def test_a_bot_whose_link_is_closed_has_left(daily: LocalDaily, connect: Any) -> None:
    bot = await connect()
    await bot.ask("join")
    bot.socket._response.connection.transport.abort()
    await daily.state.log.wait_for("bot left")


async def test_an_ejected_bot_learns_why_and_sends_no_more(daily: LocalDaily, connect: Any) -> None:
    ana = daily.join("demo")
    bot = await connect()
    welcome = await bot.ask("join")
    participant = daily.rooms["demo"].participants[welcome["local"]["id"]]
    daily.state.calls.eject(participant, "ejected")
    await bot.socket.send_json({"op": "app-message", "request": 9, "message": "but"})
    assert (await bot.end())[-1] == {"event": "closed", "reason": "ejected"}
    assert ana.received == []


async def test_sound_both_ways(daily: LocalDaily, connect: Any) -> None:
    ana = daily.join("demo")
    bot = await connect()
    await bot.ask("join", media=ON)
    who = uuid.UUID(ana.id).bytes
    # Nothing comes before the bot asks for it; then silence is an empty block.
    await bot.ask("listen", voices=[[ana.id, "microphone"]], mix=True)
    await bot.sound(who, lambda block: block == b"")
    await bot.sound(bytes(16), lambda block: block == b"")
    ana.tone(500)
    block = np.frombuffer(await bot.sound(who, lambda b: len(b) > 0), np.int16)
    assert len(block) == BLOCK
    await bot.sound(bytes(16), lambda b: len(b) == 2 * BLOCK)
    await bot.ask("listen", voices=[])
    # A malformed frame is ignored.
    for bad in (b"", b"\0", b"\0\5ab", b"\0\2\xff\xffxy", speech(b"\0"), b"\7\0ab"):
        await bot.socket.send_bytes(bad)
    time = np.arange(48_000) / 48_000
    wave = (np.sin(2 * np.pi * 700 * time) * 6000).astype("<i2").tobytes()
    await bot.socket.send_bytes(speech(wave))
    await ana.hears(700)


def test_speech_waits_for_a_cushion_and_is_bounded() -> None:
    speech = bot_seat._Speech()
    assert speech.take() is None
    speech.push(bytes(range(1, 256)) * 16)  # 2 blocks and a bit
    blocks = [speech.take() for _ in range(7)]
    assert [block is not None for block in blocks] == [False, False, True, True, True, False, False]
    assert blocks[4][-1] == 0
    speech.push(bytes(bot_seat._MOST_SPEECH))
    speech.push(b"\1\1")
    assert len(speech._samples) == bot_seat._MOST_SPEECH


async def test_a_slow_bot_loses_sound_but_no_events(monkeypatch: pytest.MonkeyPatch) -> None:
    seat = BotSeat()
    seat.mix = True
    for number in range(200):
        seat.hear(np.full(BLOCK, number, np.int16), {})
        seat.send({"event": "app-message", "message": number, "sender": "x"})
    assert len(seat.texts) == 200
    heard = [seat.next_frame() for _ in range(51)]
    assert heard.pop() is None
    assert [np.frombuffer(frame[18:], np.int16)[0] for frame in heard] == list(range(150, 200))
    waiting = sum(map(len, seat.texts))
    monkeypatch.setattr(bot_seat, "_MOST_WAITING", waiting + 2000)
    seat.send({"event": "app-message", "message": "x" * 1900, "sender": "x"})
    assert not seat.closed
    assert len(seat.next_text()) < 100
    seat.send({"event": "app-message", "message": "x" * 200, "sender": "x"})
    assert seat.closed
    assert json.loads(seat.texts[-1]) == {"event": "closed", "reason": "failed"}


def test_the_names_and_the_number_of_tracks_are_checked() -> None:
    seat = BotSeat()
    for number in range(bot_seat._MOST_TRACKS + 5):
        seat.push(speech(np.full(BLOCK * 3, 1000 + number, "<i2").tobytes(), f"track {number}"))
    seat.push(speech(bytes(BLOCK * 2)))  # the buffer is full
    blocks = [seat.speak_others() for _ in range(3)]
    assert blocks[:2] == [{}, {}]
    assert len(blocks[2]) == bot_seat._MOST_TRACKS
    assert (blocks[2]["track 7"] == 1007).all()
    assert seat.speak() is None


async def test_pictures_come_after_events_and_sound_and_only_the_latest(daily: LocalDaily) -> None:
    ana, bo = daily.join("demo"), daily.join("demo")
    seat = BotSeat()
    seat.mix = True
    seat.look([(ana.participant, "camera"), (bo.participant, "screenVideo")])
    for value in range(5):
        ana.shows((value, 0, 0))
        bo.shows((0, value, 0), source="screenVideo")
        seat.hear(np.full(BLOCK, value + 1, np.int16), {})
    frames = [seat.next_frame() for _ in range(8)]
    assert [frame[16] for frame in frames[:7]] == [SOUND] * 5 + [PICTURE] * 2
    assert frames[7] is None
    assert [frame[:16] for frame in frames[5:7]] == [uuid.UUID(p.id).bytes for p in (ana, bo)]
    head = b"\1\6camera" + (640).to_bytes(2, "little") + (360).to_bytes(2, "little")
    assert frames[5][16:] == head + bytes((4, 0, 0)) * 640 * 360
    assert frames[6][-3:] == bytes((0, 4, 0))
    # A picture that waits is dropped when the bot no longer watches.
    ana.shows((9, 9, 9))
    seat.look([(bo.participant, "screenVideo")])
    assert seat.next_frame() == uuid.UUID(ana.id).bytes + b"\2\6camera"
    assert seat.next_frame() is None
    assert not ana.participant.feeds["camera"]._looks


async def test_a_bots_pictures_are_checked(daily: LocalDaily, connect: Any) -> None:
    ana = daily.join("demo")
    bot = await connect()
    welcome = await bot.ask("join", media={"camera": "playable"})
    pixels = bytes((7, 200, 7)) * 4 * 2
    for bad in (
        b"\1\6camera",
        b"\1\6camera\4\0\2",
        b"\1\6camera\4\0\2\0" + pixels[:-1],
        b"\1\6camera\0\0\0\0",
        b"\1\6camera\xff\xff\xff\xff" + pixels,
        b"\1\4nose\4\0\2\0" + pixels,
    ):
        await bot.socket.send_bytes(bad)
    await bot.socket.send_bytes(b"\1\6camera\4\0\2\0" + pixels)
    seen = await ana.sees((7, 200, 7), of=welcome["local"]["id"])
    assert seen.shape == (2, 4, 3)
    await bot.event("wanted")
