# SPDX-License-Identifier: BSD-2-Clause
"""Pipecat's own DailyTransport, in a process with the stand-in, in a room with people."""

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.scripted.hearing import tone_level

TONE = {"do": "tone", "hz": 700, "seconds": 3}


@pytest.fixture
def url(local_daily: LocalDaily) -> str:
    local_daily.state.rooms.create("demo", "private", {})
    return f"{local_daily.url}/demo"


@pytest.fixture
def owner(token: Callable[..., str]) -> str:
    return token(room_name="demo", is_owner=True)


@pytest.fixture
def person(local_daily: LocalDaily, url: str, token: Callable[..., str]) -> Callable[..., Any]:
    def person(name: str = "Ana", **rights: Any) -> Any:
        return local_daily.join(url, token(room_name="demo", **rights), user_name=name)

    return person


@pytest.mark.proves(
    "CallClient.send_app_message", "on_app_message", "on_participant_joined", "on_participant_left"
)
async def test_a_conversation(
    local_daily: LocalDaily, url: str, owner: str, person: Any, start: Any
) -> None:
    ana = person("Ana")
    bot = await start(url, owner)
    (joined,) = await bot.tells("on_joined")
    me = joined["participants"]["local"]
    assert me["info"] | {"isLocal": True, "isOwner": True, "userName": "Robot"} == me["info"]
    assert isinstance(me["info"]["joinedAt"], int)
    assert joined["participants"][ana.id]["info"]["userName"] == "Ana"
    # Who joined before the bot, and who joins later.
    await bot.tells("on_participant_joined", lambda p: p["id"] == ana.id)
    bo = person("Bo")
    await bot.tells("on_participant_joined", lambda p: p["id"] == bo.id)
    newcomer = await ana.event(
        "participant-joined", lambda e: e["participant"]["info"]["userName"] == "Robot"
    )
    assert newcomer["participant"]["media"]["microphone"]["state"] == "playable"
    # The bot hears each by its id, and silence too.
    ana.tone(500, 4)
    bo.tone(1500, 4)
    await asyncio.gather(
        bot.tells("heard", lambda hz, who: abs(hz - 500) < 10 and who == ana.id),
        bot.tells("heard", lambda hz, who: abs(hz - 1500) < 10 and who == bo.id),
    )
    assert not [line for line in bot.lines if line[0] == "heard" and line[1:] == [1500, ana.id]]
    await bot.tells("on_active_speaker_changed")
    cy = person("Cy")
    await bot.tells("heard", lambda hz, who: hz == 0 and who == cy.id)
    # All of them hear the bot.
    ana.send(TONE)
    await asyncio.gather(ana.hears(700, voice=me["id"]), bo.hears(700), cy.hears(700))
    # Messages, to one and to all; Pipecat sends RTVI messages, too.
    ana.send({"do": "answer", "to": bo.id})
    await ana.message(lambda m: m == {"public": True})
    await bo.message(lambda m: m == {"private": True})
    await bo.message(lambda m: m == {"public": True})
    assert {"private": True} not in ana.received
    # The participants, as the bot sees them.
    bo.send({"do": "look"})
    people, counts = await bot.tells("participants")
    assert people.keys() == {"local", ana.id, bo.id, cy.id}
    assert counts == {"present": 4, "hidden": 0}
    bo.leave()
    left = await bot.tells("on_participant_left")
    assert [left[0]["id"], left[1]] == [bo.id, "leftCall"]
    # The room refuses to stop what does not run, and the bot goes on. It records.
    ana.send({"do": "call", "method": "stop_recording", "with": []})
    method, error = await bot.tells("called")
    assert (method, error) == ("stop_recording", "no such recording runs in the room")
    ana.send({"do": "record"})
    ((stream, error),) = await bot.tells("recording")
    assert error is None
    (status,) = await bot.tells("on_recording_started")
    assert status["streamId"] == stream
    # It leaves before its room would be deleted.
    ana.send({"do": "end"})
    await bot.tells("on_left")
    entry = await local_daily.state.log.wait_for("bot left")
    assert entry.detail.endswith("leftCall")
    await bot.tells("end")
    log = await bot.ends()
    assert "Traceback" not in log


async def test_speech_has_no_holes(url: str, owner: str, person: Any, start: Any) -> None:
    ana = person()
    bot = await start(url, owner)
    await bot.tells("on_joined")
    ana.send(TONE)
    await ana.hears(lambda audio: np.count_nonzero(audio) > 2.9 * 48_000)
    spoken = np.flatnonzero(ana.heard)
    speech = ana.heard[spoken[0] : spoken[-1] + 1]
    assert tone_level(speech, 700) == pytest.approx(9000 / 32768, rel=0.1)
    # A busy machine makes a gap now and then; writes that complete late make one every 40 ms.
    quiet = (np.abs(speech[: len(speech) // 480 * 480].reshape(-1, 480)) == 0).all(axis=1)
    holes = np.count_nonzero(np.diff(quiet.astype(int)) == 1)
    assert holes < 30


@pytest.mark.proves(
    "Daily.create_speaker_device", "Daily.select_speaker_device", "VirtualSpeakerDevice.read_frames"
)
async def test_everybody_through_the_speaker(url: str, owner: str, person: Any, start: Any) -> None:
    ana, bo = person("Ana"), person("Bo")
    bot = await start(url, owner, "speaker")
    await bot.tells("on_joined")
    await bot.tells("heard", lambda hz, who: hz == 0 and who == "")
    ana.tone(500, 4)
    await bot.tells("heard", lambda hz, who: abs(hz - 500) < 10 and who == "")
    bo.tone(1500, 4, amplitude=0.9)
    await bot.tells("heard", lambda hz, who: abs(hz - 1500) < 10 and who == "")


@pytest.mark.proves("CallClient.update_remote_participants", "on_participant_updated")
async def test_an_owner_mutes_and_ejects(url: str, owner: str, person: Any, start: Any) -> None:
    ana, bo = person("Ana"), person("Bo")
    bot = await start(url, owner)
    await bot.tells("on_joined")
    ana.send({"do": "update", "participants": {bo.id: {"inputsEnabled": {"microphone": False}}}})
    await bo.event("mute", lambda e: e["microphone"] is False)
    assert await bot.tells("updated") == [None]
    muted = await ana.event("participant-updated", lambda e: e["participant"]["id"] == bo.id)
    assert muted["participant"]["media"]["microphone"]["state"] == "off"
    await bot.tells(
        "on_participant_updated",
        lambda p: p["id"] == bo.id and p["media"]["microphone"]["state"] == "off",
    )
    ana.send({"do": "update", "participants": {bo.id: {"eject": True}}})
    assert await bo.left() == "ejected"
    await bot.tells("on_participant_left", lambda p, reason: p["id"] == bo.id)


async def test_a_bot_without_owner_rights_may_not_mute_or_eject(
    url: str, token: Callable[..., str], person: Any, start: Any
) -> None:
    ana = person()
    bot = await start(url, token(room_name="demo"))
    await bot.tells("on_joined")
    for change in ({"inputsEnabled": {"microphone": False}}, {"eject": True}):
        ana.send({"do": "update", "participants": {ana.id: change}})
        await bot.tells("updated", lambda error: error is not None and "owner" in error)
        bot.lines.clear()
    assert ana.left_reason is None
    assert ana.participant.media["microphone"] == "playable"


async def test_an_owner_mutes_the_bot(
    local_daily: LocalDaily, url: str, owner: str, person: Any, start: Any
) -> None:
    ana = person("Ana", is_owner=True)
    bot = await start(url, owner)
    (joined,) = await bot.tells("on_joined")
    id = joined["participants"]["local"]["id"]
    participant = ana.participant.room.participants[id]
    local_daily.state.calls.mute(participant, by=ana.participant, microphone=False)
    await bot.tells(
        "on_participant_updated",
        lambda p: p["info"]["isLocal"] and p["media"]["microphone"]["state"] == "off",
    )
    assert participant.media["microphone"] == "off"


@pytest.mark.proves("on_call_state_updated", "on_error")
@pytest.mark.parametrize("end", ["deleted", "ejected", "expired", "shutdown"])
async def test_a_call_that_ends_reaches_the_bot(
    local_daily: LocalDaily, url: str, owner: str, start: Any, end: str
) -> None:
    state = local_daily.state
    room = state.domain.rooms["demo"]
    if end == "expired":
        exp = state.clock.now() + 1000
        state.rooms.update(room, None, {"exp": exp, "eject_at_room_exp": True})
    bot = await start(url, owner)
    await bot.tells("on_joined")
    if end == "deleted":
        state.rooms.delete(room)
    elif end == "ejected":
        for participant in list(room.participants.values()):
            state.calls.eject(participant)
    elif end == "expired":
        local_daily.advance(1001)
    else:
        await local_daily.aclose()
    await bot.tells("on_error", lambda message: "Disconnected from" in message)
    await bot.tells("on_call_state_updated", lambda state: state == "left")
    await bot.tells("end")
    log = await bot.ends()
    why = {
        "deleted": "the room was deleted",
        "ejected": "an owner ejected the bot",
        "expired": "the room has expired",
        "shutdown": "the local Daily has ended",
    }
    assert f"has ended: {why[end]}" in log
    assert "Traceback" not in log


async def test_a_bot_that_dies_leaves_at_once(
    local_daily: LocalDaily, url: str, owner: str, person: Any, start: Any
) -> None:
    ana = person()
    bot = await start(url, owner)
    await bot.tells("on_joined")
    bot.process.kill()
    await ana.event("participant-left", timeout=5)
    await local_daily.state.log.wait_for("bot left")


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ("no token", "not-allowed: This room is private"),
        ("wrong room", "not-allowed: This link does not open the room"),
        ("expired", "exp-token: This link does not open the room"),
        ("too early", "nbf-token: This link does not open the room"),
        ("full", "meeting-full: The room is full"),
        ("no room", "no-room: There is no room"),
        ("on Daily", "is a room on Daily. This process uses the stand-in"),
        ("nobody", "Nothing answers at http://127.0.0.1:9"),
        ("no URL", "'demo' is not the URL of a room"),
    ],
)
async def test_a_refused_join_says_what_to_do(
    local_daily: LocalDaily,
    url: str,
    owner: str,
    token: Callable[..., str],
    person: Any,
    start: Any,
    case: str,
    sentence: str,
) -> None:
    now = local_daily.state.clock.now()
    room, key = url, owner
    if case == "no token":
        key = ""
    elif case == "wrong room":
        key = token(room_name="other")
    elif case == "expired":
        key = token(room_name="demo", exp=int(now) - 10)
    elif case == "too early":
        key = token(room_name="demo", nbf=int(now) + 1000)
    elif case == "full":
        person()
        config = {"max_participants": 1}
        local_daily.state.rooms.update(local_daily.rooms["demo"], None, config)
    else:
        room = {
            "no room": f"{local_daily.url}/nowhere",
            "on Daily": "https://example.daily.co/demo",
            "nobody": "http://127.0.0.1:9/demo",
            "no URL": "demo",
        }[case]
    bot = await start(room, key)
    (error,) = await bot.tells("on_error")
    assert sentence in error
    log = await bot.ends()
    assert sentence in log
    assert owner not in log
    assert "Traceback" not in log
    assert not [entry for entry in local_daily.state.log.entries if entry.what == "bot joined"]
