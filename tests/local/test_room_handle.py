# SPDX-License-Identifier: BSD-2-Clause
"""A room for a test: what it makes happen in it, and what it waits for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.bot.seat import BotSeat
from pipecat_daily_rest.local.call.mixer import BLOCK, TICK
from pipecat_daily_rest.local.call.room import Newcomer
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.rules.schema import Refusal

ASKED = {"includeRawResponse": True, "extra": {"interim_results": True}}


@asynccontextmanager
async def demo(**choices: Any) -> AsyncIterator[Any]:
    async with LocalDaily(choices=Choices(**choices)) as daily:
        sip = {"endpoint": "demo@sip.example"}
        daily.state.rooms.create("demo", "public", {"enable_dialout": True, "sip_uri": sip})
        yield daily


def texts(person: Any) -> list[str]:
    return [e["message"]["text"] for e in person.events if e["event"] == "transcription-message"]


def owner(daily: LocalDaily, name: str = "Boss") -> Any:
    boss = daily.join("demo", user_name=name)
    boss.participant.is_owner = True
    return boss


async def test_an_event_is_given_once_by_any_handle_of_the_room() -> None:
    async with demo() as daily:
        ana, bo = (daily.join("demo", user_name=name) for name in ("Ana", "Bo"))
        room = daily.room(f"{daily.url}/demo?t=x")
        joined = [await room.event("participant-joined") for _ in range(2)]
        assert [e["participant"]["id"] for e in joined] == [ana.id, bo.id]
        with pytest.raises(TimeoutError, match="the room 'demo' did not get 'participant-joined'"):
            await daily.room("demo").event("participant-joined", timeout=0.005)
        ana.send("to one", bo.id)
        ana.send("to all")
        await room.event("app-message", lambda e: e["message"] == "to all")
        assert (await room.event("app-message"))["message"] == "to one"
        owner(daily)
        bo.leave()
        assert (await room.event("participant-left"))["participant"]["id"] == bo.id
        with pytest.raises(DailyConfigError, match="There is no room 'nowhere'"):
            daily.room("nowhere")
        daily.state.rooms.delete(room.room)
        await room.event("participant-left", lambda e: e["participant"]["id"] == ana.id)


async def test_a_participant_is_found_by_id_name_or_object() -> None:
    async with demo() as daily:
        boss, ana = owner(daily), daily.join("demo", user_name="Ana")
        room = daily.room("demo")
        daily.transcriber.start(boss.participant, {})
        for who in (ana, ana.id, "Ana", ana.participant):
            room.transcribe(who, "hello")
        assert texts(boss) == ["hello"] * 4
        with pytest.raises(DailyConfigError, match="nobody is called 'Bo': there is 'Boss', 'Ana'"):
            room.transcribe("Bo", "hello")
        daily.join("demo", user_name="Ana")
        with pytest.raises(DailyConfigError, match="2 are called 'Ana'"):
            room.transcribe("Ana", "hello")


async def test_a_transcription_and_who_gets_what() -> None:
    async with demo() as daily:
        boss, ana = owner(daily), daily.join("demo", user_name="Ana")
        room = daily.room("demo")
        transcriber, me = daily.transcriber, boss.participant
        with pytest.raises(DailyConfigError, match="start_transcription first"):
            room.transcribe(ana, "nobody listens")
        with pytest.raises(DailyConfigError, match="so none can fail"):
            room.fail_transcription()
        with pytest.raises(Refusal, match="only an owner"):
            transcriber.start(ana.participant, {})
        ana.participant.permissions["canAdmin"] = ["transcription"]
        transcriber.start(ana.participant, {"language": "de"})
        started = await boss.event("transcription-started")
        assert started["status"] | {"language": "de", "startedBy": ana.id} == started["status"]
        # Somebody who joins later is told.
        late = daily.join("demo", user_name="Late")
        assert await late.event("transcription-started") == started
        # Not asked for: what is not final, and the raw answer.
        room.transcribe(ana, "good", final=False)
        room.transcribe(ana, "good morning")
        message = (await boss.event("transcription-message"))["message"]
        assert message["text"] == "good morning"
        assert "rawResponse" not in message
        assert message["timestamp"].endswith("Z")
        with pytest.raises(Refusal, match="transcribed already"):
            transcriber.start(me, {})
        # A second one, with a name of its own.
        transcriber.start(me, {"instanceId": "second", **ASKED})
        transcriber.update(me, [boss.id], "second")
        room.transcribe(boss, "well", final=False)
        message = await ana.event("transcription-message", lambda e: "rawResponse" in e["message"])
        assert message["message"]["rawResponse"] == {"is_final": False}
        with pytest.raises(Refusal, match="list of session ids"):
            transcriber.update(me, "all", None)
        with pytest.raises(Refusal, match="not transcribed"):
            transcriber.stop(me, "third")
        transcriber.stop(me, "second")
        transcriber.stop(me)
        with pytest.raises(Refusal, match="not transcribed"):
            transcriber.stop(me)
        # It ends with the meeting.
        transcriber.start(me, {})
        for person in (boss, ana, late):
            person.leave()
        assert transcriber.running(room.room) == []


async def test_the_texts_and_names_of_what_is_transcribed_are_choices() -> None:
    async with demo(
        may_not_transcribe_info="no!",
        transcription_runs_info="runs!",
        no_transcription_info="none!",
        transcription_track_type="microphone",
    ) as daily:
        boss, ana = owner(daily), daily.join("demo", user_name="Ana")
        with pytest.raises(Refusal, match="no!"):
            daily.transcriber.start(ana.participant, {})
        with pytest.raises(Refusal, match="none!"):
            daily.transcriber.stop(boss.participant)
        daily.transcriber.start(boss.participant, {})
        with pytest.raises(Refusal, match="runs!"):
            daily.transcriber.start(boss.participant, {})
        daily.room("demo").transcribe(ana, "hello")
        assert (await ana.event("transcription-message"))["message"]["trackType"] == "microphone"


async def test_what_a_bot_is_told_of_a_call_is_a_choice() -> None:
    async with demo(
        dialout_gives="session", may_not_dial_out_info="not you", dtmf_tone_member="digit"
    ) as daily:
        boss, ana = owner(daily), daily.join("demo", user_name="Ana")
        start = daily.services.ops["start-dialout"]
        op = {"settings": {"sipUri": "sip:bo@example.com", "permissions": {"canSend": ["audio"]}}}
        with pytest.raises(Refusal, match="not you"):
            start(ana.participant, op)
        answer = start(boss.participant, op)
        [phone] = daily.dialouts
        assert answer == {"result": {"session": {"sessionId": phone.session_id}}}
        assert phone.person.participant.permissions["canSend"] == ["audio"]
        daily.room("demo").dtmf("7")
        assert (await ana.event("dtmf-event"))["data"]["digit"] == "7"


async def test_which_telephone_presses_the_keys() -> None:
    async with demo() as daily:
        ana, room = daily.join("demo"), daily.room("demo")
        with pytest.raises(DailyConfigError, match="There are 0 telephones"):
            room.dtmf("1")
        await room.event("dialin-ready")
        first, second = room.dial_in(from_="+12125550111"), room.dial_in(from_="+12125550112")
        with pytest.raises(DailyConfigError, match="There are 2 telephones"):
            room.dtmf("1")
        room.dtmf("1*", phone=second)
        keys = [(await ana.event("dtmf-event"))["data"] for _ in range(2)]
        assert [key["tone"] for key in keys] == ["1", "*"]
        assert {key["sessionId"] for key in keys} == {second.session_id}
        with pytest.raises(DailyConfigError, match="tones must be keys of a phone"):
            first.press("x")
        first.hang_up()
        with pytest.raises(
            DailyConfigError, match="its keys reach a room only while it is connected to one"
        ):
            first.press("1")
        daily.state.rooms.create("plain", "public", {})
        with pytest.raises(DailyConfigError, match="takes no calls"):
            daily.room("plain").dial_in()


def ticks(daily: LocalDaily, seconds: float) -> None:
    for _ in range(round(seconds / TICK)):
        daily.mixer.tick()


async def test_without_a_network_nothing_passes() -> None:
    async with demo() as daily:
        await daily.mixer.stop()  # its clock is the test's
        ana, bo = (daily.join("demo", user_name=name) for name in ("Ana", "Bo"))
        room = daily.room("demo")
        room.lose_network("Ana", seconds=10)
        for connection in ("signalling", "sendTransport", "recvTransport"):
            event = await ana.event("network-connection-status-updated")
            assert event["status"] == {"connection": connection, "event": "interrupted"}
        stats = (await ana.event("network-stats-updated"))["stats"]
        assert (stats["quality"], stats["threshold"]) == (0, "veryLow")
        ana.tone(500, 1)
        bo.tone(700, 1)
        ticks(daily, 1.2)
        assert not ana.heard.any()
        assert len(ana.heard) == round(1.2 / TICK) * BLOCK  # silence, not a hole
        assert not bo.heard.any()
        before = len(ana.events)
        ana.send("from away")
        bo.send("to away")
        daily.state.calls.update(ana.participant, user_name="Anna")
        assert bo.received == []
        assert len(ana.events) == before
        assert ana.participant.user_name == "Ana"
        with pytest.raises(DailyConfigError, match="has no network already"):
            room.lose_network("Ana", seconds=1)
        daily.advance(9)
        assert bo.received == []
        daily.advance(2)
        assert (bo.received, ana.received) == (["from away"], ["to away"])
        assert ana.participant.user_name == "Anna"
        names = [event["event"] for event in ana.events[before:]]
        assert names.index("app-message") > names.index("network-connection-status-updated")
        states = [
            event["participant"]["media"]["microphone"]["state"]
            for event in bo.events
            if event["event"] == "participant-updated"
        ]
        assert states == ["interrupted", "playable", "playable"]
        ticks(daily, 0.5)
        assert not bo.heard.any()  # what was said meanwhile is lost, not late
        ana.tone(500, 1)
        ticks(daily, 1.2)
        assert bo.heard.any()
        for wrong in (0, -1, float("nan")):
            with pytest.raises(DailyConfigError, match="seconds must be more than 0"):
                room.lose_network("Anna", seconds=wrong)


async def test_a_participant_muted_without_a_network_stays_muted() -> None:
    async with demo() as daily:
        boss, ana = owner(daily), daily.join("demo", user_name="Ana")
        daily.room("demo").lose_network(ana, seconds=10)
        daily.state.calls.mute(ana.participant, by=boss.participant, microphone=False)
        daily.advance(11)
        assert ana.participant.media["microphone"] == "off"
        assert (await ana.event("mute"))["microphone"] is False


@pytest.mark.parametrize(
    ("choices", "after", "there"),
    [({}, 29, True), ({}, 31, False), ({"network_timeout": None}, 1000, True)],
)
async def test_when_a_participant_without_a_network_has_left(
    choices: dict[str, Any], after: float, there: bool
) -> None:
    async with demo(**choices) as daily:
        ana, bo = (daily.join("demo", user_name=name) for name in ("Ana", "Bo"))
        daily.room("demo").lose_network(ana, seconds=2000)
        daily.advance(after)
        assert (ana.id in ana.participant.room.participants) is there
        assert bool([e for e in bo.events if e["event"] == "participant-left"]) is not there
        assert ana.left_reason is None
        daily.advance(2000)
        assert ana.left_reason == (None if choices else "network-lost")


@pytest.mark.parametrize("end", ["leaves", "is ejected"])
async def test_leaving_and_ejection_without_a_network(end: str) -> None:
    async with demo() as daily:
        ana = daily.join("demo", user_name="Ana")
        daily.room("demo").lose_network(ana, seconds=10)
        if end == "leaves":
            ana.leave()
        else:
            daily.state.calls.eject(ana.participant, "ejected")
        daily.advance(60)
        assert ana.left_reason == ("leftCall" if end == "leaves" else "ejected")


async def test_what_others_see_of_a_lost_network_is_a_choice() -> None:
    async with demo(interrupted_is_shown=False, messages_without_network="lost") as daily:
        ana, bo = (daily.join("demo", user_name=name) for name in ("Ana", "Bo"))
        daily.room("demo").lose_network(ana, seconds=10)
        ana.send("lost")
        ana.mute()
        daily.advance(11)
        ana.send("after")
        assert bo.received == ["after"]
        states = [e for e in bo.events if e["event"] == "participant-updated"]
        assert [e["participant"]["media"]["microphone"]["state"] for e in states] == ["off"]


@pytest.mark.parametrize("shown", [True, False])
async def test_without_a_network_a_participant_sees_nothing(shown: bool) -> None:
    red, blue = (250, 10, 10), (10, 10, 250)
    async with demo(interrupted_is_shown=shown) as daily:
        ana, bo = (daily.join("demo", user_name=name) for name in ("Ana", "Bo"))
        ana.shows(red)
        bo.shows(blue)
        await bo.sees(red, of=ana.id)
        daily.room("demo").lose_network("Ana", seconds=10)
        for viewer, colour, other in ((ana, blue, bo), (bo, red, ana)):
            with pytest.raises(TimeoutError, match="did not see"):
                await viewer.sees(colour, of=other.id, timeout=0.02)
        daily.advance(11)
        await ana.sees(blue, of=bo.id)
        await bo.sees(red, of=ana.id)


async def test_a_bot_without_a_network_gets_the_last_picture_when_it_is_back() -> None:
    async with demo() as daily:
        await daily.mixer.stop()
        ana, seat = daily.join("demo", user_name="Ana"), BotSeat()
        bot = daily.state.lobby.join("demo", None, Newcomer(seat, "bot", "Robot"))
        seat.take_place(bot, daily.state.calls.may_receive)
        seat.look([(ana.participant, "camera")])
        daily.room("demo").lose_network("Robot", seconds=10)
        told = len(seat.texts)
        for colour in ((250, 10, 10), (10, 10, 250)):
            ana.shows(np.full((2, 2, 3), colour, np.uint8))
        assert seat.next_frame() is None
        assert len(seat.texts) == told
        daily.advance(11)
        assert seat.next_frame().endswith(bytes((10, 10, 250)) * 4)
        assert seat.next_frame() is None
