# SPDX-License-Identifier: BSD-2-Clause
"""The voice agent as it is, and a person who asks it: without a key, end to end."""

import sys
from pathlib import Path

import numpy as np

from pipecat_daily_rest.local.call.mixer import SAMPLE_RATE
from sounds import speech

EXAMPLE = Path(__file__).parents[2] / "examples" / "voice_agent.py"
QUESTION = "What time is it?"
LINK = r"(http://localhost:\d+/([a-z0-9-]+)\?t=([\w.-]+))\s"
GREETING, ANSWER = 700, 1200  # Hz


async def test_it_greets_hears_and_answers(start, local_daily, llm, stt, tts):
    llm.answers("Hello!", to="Greet the user.")
    stt.answers(QUESTION)
    llm.answers("It is noon.", to=QUESTION)
    tts.answers(tone=GREETING, to="Hello!")
    tts.answers(tone=ANSWER, to="It is noon.")
    program = await start(
        *(sys.executable, "-m", "pipecat_daily_rest", "run", EXAMPLE), env=local_daily.env()
    )
    await local_daily.state.log.wait_for("bot joined")
    _, room, token = await program.says(LINK, groups=True)
    person = local_daily.join(room, token)
    await person.hears(GREETING)
    person.says(np.zeros(SAMPLE_RATE * 2, np.int16))
    person.says(speech(SAMPLE_RATE, 2.0))
    # What the page shows as the transcript.
    said = await person.message(lambda message: message.get("type") == "user-transcription")
    assert said["data"]["text"] == QUESTION
    await llm.is_asked(QUESTION)
    await person.hears(ANSWER)
    assert [message["role"] for message in llm.messages[:2]] == ["system", "system"]
    assert "It is noon." in tts.spoken
    program.signal()
    assert await program.ended() == 0


async def test_without_a_key_it_says_so(start, local_daily):
    program = await start(
        *(sys.executable, EXAMPLE), env={**local_daily.env(), "OPENAI_API_KEY": ""}
    )
    assert await program.ended() == 1
    assert "OPENAI_API_KEY is not set" in program.err
    assert "Traceback" not in program.err
    assert local_daily.rooms == {}
