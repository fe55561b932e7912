# SPDX-License-Identifier: BSD-2-Clause
"""A turn as other people's suites use it: bots that answer after a known time, in a local room.

Each of their tests has a suite of its own, so that several processes share them.
"""

import re
from pathlib import Path

import pytest

from suites import CONFTEST, Run

SUPPORT = Path(__file__).parents[1] / "support"
INI = f"[pytest]\npythonpath = {SUPPORT} {SUPPORT.parents[1]}\nlocal_daily_factor = 10\n"

TURNS = """
import asyncio
import wave
import numpy as np
import pytest
from delayed_bot import delayed, tone
from proof.parts import turns
from pipecat_daily_rest import DailyConfigError

RATE = 48_000

def noise(seconds, level):
    dice = np.random.default_rng(1)
    return (dice.normal(0, level, round(seconds * RATE)) * 32767).clip(-32768, 32767).astype(np.int16)

@pytest.fixture
def question(tmp_path):
    path = tmp_path / "question.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1), file.setsampwidth(2), file.setframerate(24_000)
        file.writeframes(bytes(24_000) + tone(500, 0.3) + bytes(24_000))  # silence around it
    return path

async def test_the_slower_bot_is_the_slower_one_and_no_turn_is_missed():
    found = await turns.run(turns.DELAYS, rooms=3, turns=2, late=1)
    fast, middle, slow = (sorted(found.heard[delay]) for delay in turns.DELAYS)
    assert len(fast) == len(middle) == len(slow) == 2
    assert fast[0] < middle[0] < slow[0]
    assert slow[0] > 1.5 - 0.1
    assert found.late == 1

async def test_a_recording_is_asked_and_its_silence_does_not_count(local_room, question):
    async with local_room(delayed(0.8)) as room:
        ana = await room.person("Ana")
        reply = await ana.asks(question, pause=0.4)
        assert 0 < reply.duration < 10 and len(reply.audio) >= 0.1 * RATE
        assert not reply.text
    assert reply.latency > 0.6 and room.latency.all == [reply.latency]
    assert "1 turn: p50" in repr(room.latency)

async def test_other_people_and_their_music_are_no_answer(local_room):
    async with local_room(delayed(0.8, hz=880)) as room:
        ana, bo, cy = [await room.person(name) for name in ("Ana", "Bo", "Cy")]
        cy.says(noise(1.5, 0.05))  # music: the bot, which hears it, waits for its end
        bo.tone(700, 0.2)
        reply = await ana.asks(440, pause=0.3)
        assert reply.latency > 0.5
        assert reply.duration < 5
        heard = np.abs(np.fft.rfft(reply.audio / 32768)).argmax() / len(reply.audio) * RATE
        assert 870 < heard < 890

async def test_a_bots_own_music_is_no_answer(local_room):
    async with local_room(delayed(0.6, hz=880, music=0.01)) as room:
        ana = await room.person("Ana")
        await ana.hears(lambda audio: len(audio) > 5.5 * RATE)
        reply = await ana.asks(440, pause=0.4)
        assert 0.3 < reply.latency
        assert reply.duration < 5

async def test_a_bot_that_begins_too_early_has_a_negative_latency(local_room):
    async with local_room(delayed(0.02, hz=880, seconds=2, at_once=True)) as room:
        ana = await room.person("Ana")
        ana.says(tone(300, 0.001))
        reply = await ana.asks(np.concatenate([noise(1.0, 0.1), noise(0.2, 0.1)]), pause=0.3)
        assert reply.latency < 0

async def test_a_greeting_and_what_the_bot_says_that_it_said(local_room):
    async with local_room(delayed(0.8, greeting="Hello Ana.", answer="It rains.")) as room:
        ana = await room.person("Ana")
        greeting = await ana.listens(pause=0.4)
        assert greeting.text == "Hello Ana."
        assert greeting.latency > -0.1  # it began after the join
        reply = await ana.asks(440, pause=0.4)
        assert reply.text == "It rains."
        assert len(room.latency) == 2

async def test_an_interruption(local_room):
    # It answers long after it has stopped: a hole in what it hears is not the end of a question.
    async with local_room(delayed(1.5, seconds=(8, 2), stops=True)) as room:
        ana = await room.person("Ana")
        ana.tone(440, 0.3)
        stopped = await ana.interrupts(500, after=0.4)
        assert 0 <= stopped.went_on < 6
        again = await ana.listens(pause=0.4)  # what it answers to the interruption
        assert again.latency > -1
    async with local_room(delayed(0.1, seconds=2.5)) as room:
        ana = await room.person("Ana")
        ana.tone(440, 0.3)
        ignored = await ana.interrupts(500, after=0.4)
    assert stopped.went_on < ignored.went_on
    assert len(ignored.audio) > len(stopped.audio)

def test_without_asyncio(local_daily, local_room):
    async def conversation():
        async with local_room(delayed(0.8)) as room:
            ana = await room.person("Ana")
            return await ana.asks(440, pause=0.3)
    assert asyncio.run(conversation()).duration > 0

async def test_what_cannot_be_asked(local_room):
    async with local_room(delayed(0.1)) as room:
        with pytest.raises(DailyConfigError, match="There was no turn yet"):
            room.latency.p95
        ana = await room.person("Ana")
        with pytest.raises(DailyConfigError, match="this is silence"):
            await ana.asks(bytes(48_000))
        with pytest.raises(DailyConfigError, match="within must be a number"):
            await ana.asks(440, within="1")
        with pytest.raises(DailyConfigError, match="after must be a number"):
            await ana.interrupts(440, after="1")
        ana.mute()
        with pytest.raises(DailyConfigError, match="Nobody would hear Ana: its microphone is off"):
            await ana.asks(440)
        ana.leave()
        with pytest.raises(RuntimeError, match="Ana is no longer in the room: leftCall"):
            await ana.listens()
"""

LATE = """
from delayed_bot import delayed

async def test_late(local_room):
    async with local_room(delayed(0.6)) as room:
        ana = await room.person("Ana")
        await ana.asks(440, within=0.001, pause=0.3)

async def test_mute(local_room):
    async with local_room(delayed(600)) as room:
        ana, bo = await room.person("Ana"), await room.person("Bo")
        bo.tone(600, 0.3)
        bo.send({"hi": "Ana"})
        await ana.asks(440, timeout=0.2)

async def test_never_stops(local_room):
    async with local_room(delayed(0.1, seconds=30)) as room:
        ana = await room.person("Ana")
        ana.tone(440, 0.3)
        await ana.hears(880)
        await ana.asks(440, timeout=0.05)

async def test_nobody_to_interrupt(local_room):
    async with local_room(delayed(600)) as room:
        ana = await room.person("Ana")
        await ana.interrupts(440, timeout=0.05)
"""

SAID = {
    "late": r"AssertionError: Bot answered Ana after \d\.\d\d s, where 0.01 s are allowed\.",
    "mute": r"TimeoutError: Ana got no answer from Bot within 2 s\. Ana heard 600 Hz at -1\d dB from "
    r'Bo \d+ s ago; messages: \{"hi": "Ana"\}',
    "never_stops": r"TimeoutError: Ana could not ask, since Bot did not stop speaking within 0.5 s\. "
    r"Ana heard 880 Hz at -1\d dB from Bot just now; messages: none",
    "nobody_to_interrupt": r"TimeoutError: Ana could not interrupt, since Bot did not speak for 0.5 s "
    r"within 0.5 s\. Ana heard nothing; messages: none",
}


@pytest.mark.parametrize("name", re.findall(r"def test_(\w+)", TURNS))
def test_turns_are_measured_at_the_persons_ear(suite: Run, name: str) -> None:
    files = {"pytest__ini": INI, "conftest__py": CONFTEST, "test_turns__py": TURNS}
    ended = suite("--timeout=200", f"test_turns.py::test_{name}", **files)
    assert "1 passed" in ended.stdout, ended.stdout + ended.stderr


def test_a_turn_that_fails_says_what_came_instead(suite: Run) -> None:
    ended = suite("--timeout=60", pytest__ini=INI, conftest__py=CONFTEST, test_late__py=LATE)
    assert " 4 failed" in ended.stdout, ended.stdout + ended.stderr
    for name, why in SAID.items():
        found = re.search(rf"^____+ test_{name} .*?^E +(\w+Error: .*?)$", ended.stdout, re.M | re.S)
        assert found, ended.stdout
        assert re.match(why, found[1]), found[1]
