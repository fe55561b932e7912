# SPDX-License-Identifier: BSD-2-Clause
"""The events that a bot on Pipecat's own DailyTransport gets, made by a test."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from pipecat_daily_rest.local import LocalDaily

CONNECTIONS = ["signalling", "sendTransport", "recvTransport"]


@pytest.fixture
def room(local_daily: LocalDaily) -> Any:
    sip = {"endpoint": "demo@sip.example", "extra_endpoints": []}
    local_daily.state.rooms.create("demo", "private", {"enable_dialout": True, "sip_uri": sip})
    return local_daily.room("demo")


@pytest.fixture
def owner(token: Callable[..., str]) -> str:
    return token(room_name="demo", is_owner=True)


@pytest.fixture
def person(local_daily: LocalDaily, room: Any, token: Callable[..., str]) -> Callable[..., Any]:
    def person(name: str = "Ana", **rights: Any) -> Any:
        return local_daily.join("demo", token(room_name="demo", **rights), user_name=name)

    return person


@pytest.fixture
def bring(local_daily: LocalDaily, room: Any, owner: str, start: Any) -> Callable[..., Any]:
    """Start the bot, and wait until it has joined."""

    async def bring(*options: str, token: str = owner) -> Any:
        bot = await start(f"{local_daily.url}/demo", token, *options)
        await bot.tells("on_joined")
        return bot

    return bring


async def asked(bot: Any, by: Any, method: str, *arguments: Any) -> Any:
    """Have the bot call a method of its transport; give the error."""
    before = len(bot.lines)
    by.send({"do": "call", "method": method, "with": list(arguments)})
    while True:
        done = [line for line in bot.lines[before:] if line[:2] == ["called", method]]
        if done:
            return done[0][2]
        await asyncio.sleep(0.02)


@pytest.mark.proves(
    "on_active_speaker_changed",
    "on_participant_joined",
    "on_participant_left",
    "on_participant_updated",
)
async def test_active_speaker_mute_new_name_and_leave(
    local_daily: LocalDaily, room: Any, person: Any, bring: Any
) -> None:
    ana, bo = person("Ana"), person("Bo")
    bot = await bring()
    for who in (ana, bo):
        await bot.tells("on_participant_joined", lambda p, id=who.id: p["id"] == id)
    ana.tone(500, 3)
    await bot.tells("on_active_speaker_changed", lambda p: p["id"] == ana.id)
    bo.tone(700, 5, amplitude=0.9)
    await bot.tells("on_active_speaker_changed", lambda p: p["id"] == bo.id)
    ana.mute()
    await bot.tells(
        "on_participant_updated",
        lambda p: p["id"] == ana.id and p["media"]["microphone"]["state"] == "off",
    )
    local_daily.state.calls.update(ana.participant, user_name="Anna")
    await bot.tells("on_participant_updated", lambda p: p["info"]["userName"] == "Anna")
    ana.leave()
    await bot.tells("on_participant_left", lambda p, why: (p["id"], why) == (ana.id, "leftCall"))
    assert (await room.event("participant-left"))["participant"]["id"] == ana.id


@pytest.mark.proves(
    "CallClient.start_dialout",
    "CallClient.stop_dialout",
    "CallClient.send_dtmf",
    "on_dialout_connected",
    "on_dialout_answered",
    "on_dialout_stopped",
    "on_dialout_error",
)
async def test_the_bot_calls_somebody(local_daily: LocalDaily, person: Any, bring: Any) -> None:
    ana = person()
    bot = await bring()
    to = {"phoneNumber": "+12125550123", "displayName": "Operator"}
    session, error = await asked(bot, ana, "start_dialout", to)
    assert error is None
    [phone] = local_daily.dialouts
    assert (phone.session_id, phone.to, phone.person.participant.user_name) == (
        session,
        "+12125550123",
        "Operator",
    )
    (connected,) = await bot.tells("on_dialout_connected")
    assert connected["sessionId"] == session
    phone.answer()
    assert (await bot.tells("on_dialout_answered"))[0]["sessionId"] == session
    # Pipecat adds the session id.
    assert await asked(bot, ana, "send_dtmf", {"tones": "12#", "method": "auto"}) is None
    assert phone.tones == ["12#"]
    assert "tones" in await asked(bot, ana, "send_dtmf", {"tones": "x"})
    phone.person.tone(500, 4)
    await bot.tells("heard", lambda hz, who: abs(hz - 500) < 10 and who == session)
    assert await asked(bot, ana, "stop_dialout", session) is None
    assert (await bot.tells("on_dialout_stopped"))[0]["sessionId"] == session
    assert phone.state == "ended"
    assert "no call" in await asked(bot, ana, "stop_dialout", session)
    # A call that fails.
    other, _ = await asked(bot, ana, "start_dialout", {"sipUri": "sip:bo@example.com"})
    local_daily.dialouts[1].fail("the number is busy")
    (failed,) = await bot.tells("on_dialout_error")
    assert (failed["sessionId"], failed["errorMsg"]) == (other, "the number is busy")


async def test_a_bot_calls_by_the_rules_of_the_rest_api(
    local_daily: LocalDaily, room: Any, person: Any, bring: Any, token: Callable[..., str]
) -> None:
    ana = person()
    bot = await bring(token=token(room_name="demo"))
    to = {"phoneNumber": "+12125550123"}
    nothing, error = await asked(bot, ana, "start_dialout", to)
    assert (nothing, error) == (None, local_daily.state.choices.may_not_dial_out_info)
    boss = await bring()
    for body, why in (
        ({"phoneNumber": "12"}, "E.164"),
        ({}, "sipUri or phoneNumber is missing"),
        ({**to, "colour": "red", "callerId": "nobody's"}, "purchased"),
        ({**to, "callerId": 5}, "callerId: 5 should be a string"),
        ({**to, "permissions": {"canReceive": {"base": {"microphone": True}}}}, "microphone"),
    ):
        nothing, error = await asked(boss, ana, "start_dialout", body)
        assert nothing is None
        assert why in error
    del room.room.config["enable_dialout"]
    assert "add enable_dialout" in (await asked(boss, ana, "start_dialout", to))[1]
    assert local_daily.dialouts == []


@pytest.mark.proves("CallClient.sip_call_transfer", "CallClient.sip_refer")
async def test_the_bot_transfers_calls(local_daily: LocalDaily, person: Any, bring: Any) -> None:
    ana = person()
    bot = await bring()
    for method, refer in (("sip_call_transfer", False), ("sip_refer", True)):
        session, _ = await asked(bot, ana, "start_dialout", {"sipUri": "sip:bo@example.com"})
        phone = local_daily.dialouts[-1]
        phone.answer()
        to = {"sessionId": session, "toEndPoint": "sip:cy@example.com"}
        assert await asked(bot, ana, method, to) is None
        assert (phone.state, phone.transferred_to, phone.by_refer) == (
            "transferred",
            "sip:cy@example.com",
            refer,
        )
        await bot.tells("on_participant_left", lambda p, _, id=session: p["id"] == id)
        assert "no call" in await asked(bot, ana, method, to)


@pytest.mark.proves("on_dialin_ready", "on_dialin_connected", "on_dialin_stopped", "on_dtmf_event")
async def test_a_telephone_calls_in_and_presses_keys(room: Any, bring: Any) -> None:
    bot = await bring()
    assert await bot.tells("on_dialin_ready") == ["sip:demo@sip.example"]
    call = room.dial_in(from_="+12125550199")
    caller = await call.connected()
    (connected,) = await bot.tells("on_dialin_connected")
    assert (connected["sessionId"], connected["sipFrom"]) == (caller.id, "+12125550199")
    room.dtmf("4#")
    for key in "4#":
        await bot.tells(
            "on_dtmf_event", lambda d, key=key: (d["tone"], d["sessionId"]) == (key, caller.id)
        )
    call.hang_up()
    assert (await bot.tells("on_dialin_stopped"))[0]["sessionId"] == caller.id


@pytest.mark.proves(
    "CallClient.start_transcription",
    "CallClient.update_transcription",
    "CallClient.stop_transcription",
    "on_transcription_started",
    "on_transcription_message",
    "on_transcription_stopped",
)
async def test_what_was_said_reaches_the_pipeline(room: Any, person: Any, bring: Any) -> None:
    ana = person()
    bot = await bring("transcription")
    started = await room.event("transcription-started")
    assert started["status"]["language"] == "en"
    # Pipecat transcribes only those whom the bot asked for.
    update = await room.event("transcription-updated")
    assert update["update"]["participants"] == []
    room.transcribe(ana, "nobody gets this")
    assert await asked(bot, ana, "capture_participant_transcription", ana.id) is None
    room.transcribe(ana, "what is", final=False)
    room.transcribe("Ana", "What is the weather like?")
    (message,) = await bot.tells("on_transcription_message", lambda m: m["text"].endswith("?"))
    assert message["participantId"] == ana.id
    assert message["rawResponse"] == {"is_final": True}
    await bot.tells("transcribed", lambda *f: f == ("InterimTranscriptionFrame", "what is", ana.id))
    await bot.tells(
        "transcribed", lambda *f: f == ("TranscriptionFrame", "What is the weather like?", ana.id)
    )
    assert not [line for line in bot.lines if "nobody gets this" in str(line)]
    assert await asked(bot, ana, "stop_transcription") is None
    stopped_by, by_error = await bot.tells("on_transcription_stopped")
    assert (stopped_by, by_error) == (started["status"]["startedBy"], False)


@pytest.mark.proves("on_transcription_error")
async def test_a_transcription_fails(room: Any, person: Any, bring: Any) -> None:
    person()
    bot = await bring("transcription")
    await room.event("transcription-started")
    room.fail_transcription("the service is down")
    assert await bot.tells("on_transcription_error") == ["the service is down"]
    assert await bot.tells("on_transcription_stopped") == [None, True]


@pytest.mark.proves("on_network_connection_status_updated")
async def test_the_bot_loses_its_network_and_has_it_back(
    local_daily: LocalDaily, room: Any, person: Any, bring: Any
) -> None:
    ana, bo = person("Ana"), person("Bo")
    bot = await bring()
    room.lose_network("Robot", seconds=20)
    for name in CONNECTIONS:
        await bot.tells(
            "on_network_connection_status_updated",
            lambda s, name=name: s == {"connection": name, "event": "interrupted"},
        )
    state = await ana.event(
        "participant-updated",
        lambda e: e["participant"]["media"]["microphone"]["state"] == "interrupted",
    )
    assert state["participant"]["info"]["userName"] == "Robot"
    ana.send("while it was away")
    bo.leave()
    local_daily.advance(21)
    for name in CONNECTIONS:
        await bot.tells(
            "on_network_connection_status_updated",
            lambda s, name=name: s == {"connection": name, "event": "connected"},
        )
    await bot.tells("on_app_message", lambda message, _: message == "while it was away")
    await bot.tells("on_participant_left", lambda p, _: p["id"] == bo.id)
    ana.send({"do": "tone", "hz": 700, "seconds": 3})
    await ana.hears(700)


@pytest.mark.proves("on_call_state_updated", "on_error")
async def test_a_bot_without_a_network_for_too_long_has_left(
    local_daily: LocalDaily, room: Any, person: Any, bring: Any
) -> None:
    ana = person()
    bot = await bring()
    room.lose_network("Robot", seconds=60)
    local_daily.advance(31)
    left = await ana.event("participant-left")
    assert left["participant"]["info"]["userName"] == "Robot"
    assert ["on_call_state_updated", "left"] not in bot.lines  # it cannot know yet
    local_daily.advance(30)
    await bot.tells("on_call_state_updated", lambda state: state == "left")
    await bot.tells("on_error", lambda message: "Disconnected from" in message)
    log = await bot.ends()
    assert "has ended: the bot was without a network for too long" in log


@pytest.mark.proves("CallClient.send_prebuilt_chat_message", "on_app_message")
async def test_chat_goes_both_ways(person: Any, bring: Any) -> None:
    ana = person()
    bot = await bring()
    assert await asked(bot, ana, "send_prebuilt_chat_message", "hello", "Helper") is None
    chat = await ana.message(lambda m: isinstance(m, dict) and m.get("event") == "chat-msg")
    # As the page sends it.
    assert chat | {"event": "chat-msg", "room": "main-room-main", "name": "Helper"} == chat
    assert chat["message"] == "hello"
    ana.send({**chat, "name": "Ana", "message": "good morning"})
    await bot.tells(
        "on_app_message",
        lambda m, sender: (
            (m.get("event"), m.get("message"), sender) == ("chat-msg", "good morning", ana.id)
        ),
    )
