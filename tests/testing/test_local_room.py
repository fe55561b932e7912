# SPDX-License-Identifier: BSD-2-Clause
"""`local_room` as other people's suites use it: a bot and people in a room."""

import re

import pytest

from suites import CONFTEST, Run

BOTS = """
import asyncio
from pipecat.frames.frames import InputAudioRawFrame, OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.transports.daily.transport import DailyParams, DailyTransport
from pipecat.workers.runner import WorkerRunner

class Echo(FrameProcessor):
    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame) and any(frame.audio):
            frame = OutputAudioRawFrame(frame.audio, frame.sample_rate, frame.num_channels)
        await self.push_frame(frame, direction)

def transport_of(args):
    params = DailyParams(audio_in_enabled=True, audio_out_enabled=True)
    return DailyTransport(args.room_url, args.token, "Robot", params)

async def run(*processors):
    worker = PipelineWorker(Pipeline(list(processors)), idle_timeout_secs=None)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()

async def echo(args):
    transport = transport_of(args)
    await run(transport.input(), Echo(), transport.output())

async def fails_when_told(args):
    transport = transport_of(args)
    told = asyncio.Event()

    @transport.event_handler("on_app_message")
    async def on_app_message(*_):
        told.set()

    running = asyncio.create_task(run(transport.input(), transport.output()))
    await told.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    raise LookupError("the bot has lost its way")

async def exits(args):
    raise SystemExit("Error: no key")

async def returns(args):
    pass

def is_not_async(args):
    pass

async def fails_at_the_end(args):
    try:
        await echo(args)
    finally:
        raise LookupError("the bot ended badly")

async def stays(args):
    await echo(args)  # which swallows a cancellation
    await asyncio.Event().wait()
"""

RECORDINGS = ("8000-1", "16000-2", "44100-2", "48000-1", "96000-1")
PEOPLE = """
import asyncio
import wave
from pathlib import Path
import numpy as np
import pytest
from bots import echo
from pipecat_daily_rest import DailyMeetingTokenProperties
from pipecat_daily_rest.errors import DailyConfigError

def wav(path, hz, rate, channels, *, sweep=200, width=2):
    time = np.arange(rate * 2) / rate
    wave_ = np.sin(2 * np.pi * (hz * time + sweep * time**2)) * np.hanning(time.size) * 9000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels), file.setsampwidth(width), file.setframerate(rate)
        file.writeframes(np.repeat(wave_.astype(np.int16), channels).tobytes())
    return path

@pytest.mark.parametrize("rate, channels", [(8000, 1), (16000, 2), (44100, 2), (48000, 1), (96000, 1)])
async def test_a_recording_is_said_and_heard(local_room, tmp_path, rate, channels):
    said = wav(tmp_path / "said.wav", 500, rate, channels)
    async with local_room(echo) as room:
        ana, bo = await room.person("Ana"), await room.person("Bo")
        ana.says(str(said) if channels == 1 else said)
        for person, voice in ((bo, ana.id), (ana, None)):  # the person's, and the bot's
            await person.hears(said, voice=voice)
            other = wav(tmp_path / "other.wav", 900, rate, channels)
            with pytest.raises(TimeoutError, match="(Bo|Ana) did not hear .*other.wav"):
                await person.hears(other, voice=voice, timeout=0.05)
        ana.says(wav(tmp_path / "tone.wav", 1500, rate, channels, sweep=0))
        await bo.hears(1500, voice=ana.id)  # at the right speed

async def test_messages_and_events(local_room):
    async with local_room(echo) as room:
        boss = await room.person("Boss", DailyMeetingTokenProperties(user_id="b-1"), owner=True)
        assert boss.participant.user_id == "b-1" and boss.participant.is_owner
        ana = await room.person("Ana")
        assert not ana.participant.is_owner
        boss.send({"sum": 3})
        boss.send("three")
        await ana.hears("three")
        await ana.hears({"sum": 3})
        with pytest.raises(TimeoutError):
            await ana.hears({"sum": 3}, timeout=0.02)  # each once
        ana.leave()
        left = await room.event("participant-left")
        assert left["participant"]["id"] == ana.id

async def test_a_recording_that_was_deleted(local_room, local_daily, daily_helper):
    async with local_room(echo) as room:
        async def ask(what, instance):
            path = f"/rooms/{room.provisioned.name}/recordings/{what}"
            more = {"type": "cloud-audio-only"} if what == "start" else {}
            await daily_helper.request("POST", path, json={"instanceId": instance, **more})

        ana = await room.person("Ana")
        ana.tone(440, 60)
        one, two = ("1" * 8 + "-1111-4111-8111-" + number * 12 for number in "12")
        await ask("start", one)
        await ana.hears(440)  # from the bot
        await ask("stop", one)
        first = await room.recording()
        await daily_helper.delete_recording(first.id)
        with pytest.raises(RuntimeError, match="the recording of the call was deleted: wait for"):
            await room.recording()
        await ask("start", two)
        waiting = asyncio.create_task(room.recording())
        ana.forget()
        await ana.hears(440)
        await ask("stop", two)
        assert (await waiting).id != first.id  # not the one that was deleted

async def test_what_cannot_be_said(local_room, tmp_path):
    async with local_room(echo) as room:
        ana = await room.person("Ana")
        with pytest.raises(DailyConfigError, match="8 bit a sample: save it"):
            ana.says(wav(tmp_path / "8bit.wav", 500, 8000, 1, width=1))
        (tmp_path / "no.wav").write_text("nothing")
        with pytest.raises(DailyConfigError, match="name must be a string, not None"):
            await room.person(None)
        with pytest.raises(DailyConfigError, match="properties must be DailyMeetingTokenProperties"):
            await room.person("Bo", {"user_id": "b"})
        with pytest.raises(DailyConfigError, match="timeout must be a number"):
            await room.ended(timeout="1")
        for name in ("no.wav", "missing.wav"):
            with pytest.raises(DailyConfigError, match=f"{name}' cannot be read as a WAV"):
                ana.says(tmp_path / name)
            with pytest.raises(DailyConfigError, match=f"{name}' cannot be read as a WAV"):
                await ana.hears(tmp_path / name)
"""

FAILING = """
import pytest
from pipecat_daily_rest._core.timings import VARIABLE
from pipecat_daily_rest import DailyConfigError
from bots import *

async def test_the_bot_fails_while_a_person_waits(local_room):
    async with local_room(fails_when_told) as room:
        ana = await room.person("Ana")
        ana.send("go")
        await ana.hears(1000)

async def test_before_it_is_in(local_room):
    async with local_room(exits):
        pass

async def test_of_another_kind(local_room):
    with pytest.raises(DailyConfigError, match="bot must be a function, not int"):
        async with local_room(5):
            pass
    async with local_room(is_not_async):
        pass

async def test_without_coming_in(local_room):
    async with local_room(returns):
        pass

async def test_at_the_end(local_room):
    async with local_room(fails_at_the_end) as room:
        await room.person("Ana")

async def test_never(local_room, monkeypatch):
    monkeypatch.setenv(VARIABLE, '{"fixture_grace": 0.03}')
    async with local_room(stays) as room:
        running = room.bot
        await room.person("Ana")

async def test_waits_for_an_end(local_room):
    async with local_room(echo) as room:
        await room.ended(timeout=0.01)

async def test_fails_itself(local_room):
    async with local_room(echo) as room:
        assert len(room.people) == 1
"""


@pytest.mark.parametrize(
    "name",
    [
        f"{name}[{kind}]" if kind else name
        for name in re.findall(r"def test_(\w+)", PEOPLE)
        for kind in (RECORDINGS if name == "a_recording_is_said_and_heard" else ("",))
    ],
)
def test_people_and_a_bot(suite: Run, name: str) -> None:
    ended = suite(
        *("--asyncio-mode=auto", "--timeout=90", f"test_people.py::test_{name}"),
        conftest__py=CONFTEST,
        bots__py=BOTS,
        test_people__py=PEOPLE,
    )
    assert "1 passed" in ended.stdout, ended.stdout + ended.stderr


FAILED = {
    "the_bot_fails_while_a_person_waits": "LookupError: the bot has lost its way",
    "before_it_is_in": "RuntimeError: the bot called sys.exit('Error: no key')",
    "of_another_kind": "pipecat_daily_rest.errors.DailyConfigError: bot must be an async function",
    "without_coming_in": "RuntimeError: the bot ended before it was in the room",
    "at_the_end": "LookupError: the bot ended badly",
    "never": "RuntimeError: the bot was cancelled and did not end within 0 s",
    "waits_for_an_end": "TimeoutError: the bot did not end by itself within 0.1 s",
    "fails_itself": "assert 0 == 1",
}


def test_a_failure_is_the_bots_own_and_comes_at_once(suite: Run) -> None:
    ended = suite(
        *("--asyncio-mode=auto", "--timeout=55"),
        conftest__py=CONFTEST,
        bots__py=BOTS,
        test_failing__py=FAILING,
    )
    said = dict(re.findall(r"^FAILED .*::test_(\w+) - (.*)$", ended.stdout, re.MULTILINE))
    assert said.keys() == FAILED.keys(), ended.stdout + ended.stderr
    for name, why in FAILED.items():
        assert said[name].startswith(why), ended.stdout
    assert " 8 failed" in ended.stdout
    assert "outlived the test" not in ended.stdout  # the room is gone all the same
