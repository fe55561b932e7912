# SPDX-License-Identifier: BSD-2-Clause
from pathlib import Path

from assistant import bot

from pipecat_daily_rest import DailyRoomParams, DailyRoomProperties, DailyRoomSipParams

QUESTION = Path(__file__).with_name("question.wav")
ANSWER = 880  # Hz
A_PHONE = DailyRoomParams(properties=DailyRoomProperties(sip=DailyRoomSipParams()))


async def test_it_answers_in_time(local_room, llm, stt, tts):
    tts.answers(tone=ANSWER, seconds=0.2)
    stt.answers("What time is it?")
    llm.answers("It is noon.", to="What time is it?", after=0.2)
    async with local_room(bot) as room:
        ana = await room.person("Ana")
        await ana.listens(pause=0.3)
        reply = await ana.asks(QUESTION, within=1.5, pause=0.3)
        assert reply.text == "It is noon."
        assert room.latency.p95 < room.budget(1.5)


async def test_it_stops_when_somebody_interrupts(local_room, llm, stt, tts):
    tts.answers(tone=ANSWER, seconds=0.5, to="Hello!")
    stt.answers("Tell me a story.")
    llm.answers("Once upon a time.")
    tts.answers(tone=ANSWER, seconds=20, to="Once upon a time.")
    async with local_room(bot) as room:
        ana = await room.person("Ana")
        await ana.listens(pause=0.3)
        ana.says(QUESTION)
        interruption = await ana.interrupts(QUESTION)
        assert interruption.went_on < room.budget(1)


async def test_it_tells_a_caller_the_number(local_room, tts):
    tts.answers(tone=ANSWER, to="You are calling from +12125550199.")
    async with local_room(bot, params=A_PHONE) as room:
        await room.event("dialin-ready")
        call = room.hands.dial_in(from_="+12125550199")
        caller = await call.connected()
        await caller.hears(ANSWER)
        call.hang_up()
        await room.ended()


async def test_it_records_the_call(local_room, llm, stt, tts):
    tts.answers(tone=ANSWER, seconds=0.5)
    stt.answers("What time is it?")
    llm.answers("It is noon.")
    async with local_room(bot) as room:
        ana = await room.person("Ana")
        await ana.listens(pause=0.3)
        await ana.asks(QUESTION, pause=0.3)
        ana.leave()
        recording = await room.recording()
        assert recording.has(ANSWER)
        assert recording.has(QUESTION)
