# SPDX-License-Identifier: BSD-2-Clause
"""The voice agent as it is, with its providers answered by a server in the test."""

import sys
from pathlib import Path

import numpy as np
import pytest

from pipecat_daily_rest.local.call.mixer import SAMPLE_RATE
from providers import TONE, Provider
from sounds import speech

EXAMPLE = Path(__file__).parents[2] / "examples" / "voice_agent.py"
QUESTION = "What time is it?"
LINK = r"(http://localhost:\d+/([a-z0-9-]+)\?t=([\w.-]+))\s"


@pytest.fixture
async def provider():
    async with Provider(lambda messages: "It is noon.", transcript=QUESTION) as provider:
        yield provider


async def test_it_greets_hears_and_answers(start, local_daily, provider):
    program = await start(
        *(sys.executable, "-m", "pipecat_daily_rest", "run", EXAMPLE),
        env={**local_daily.env(), **provider.env()},
    )
    await local_daily.state.log.wait_for("bot joined")
    _, room, token = await program.says(LINK, groups=True)
    person = local_daily.join(room, token)
    await person.hears(TONE)  # the greeting
    person.forget()
    person.says(np.zeros(SAMPLE_RATE * 2, np.int16))
    person.says(speech(SAMPLE_RATE, 2.0))
    # What the page shows as the transcript.
    said = await person.message(lambda message: message.get("type") == "user-transcription")
    assert said["data"]["text"] == QUESTION
    await provider.is_asked(QUESTION)
    person.forget()
    await person.hears(TONE, timeout=60)
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
