# SPDX-License-Identifier: BSD-2-Clause
"""The quickstart and the other examples as real processes."""

import importlib.util
import re
import signal
import sys
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from peers import Peer
from pipecat_daily_rest.local.call.mixer import SAMPLE_RATE
from sounds import speech

EXAMPLES = Path(__file__).parents[2] / "examples"
LINK = r"(http://localhost:\d+/([a-z0-9-]+)\?t=([\w.-]+))\s"


def holds(audio, hz):
    """Tell whether a tone is in a voice: louder than its surroundings by 20 dB."""
    if audio.size < SAMPLE_RATE // 4:
        return False
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(audio.size)))
    frequencies = np.fft.rfftfreq(audio.size, 1 / SAMPLE_RATE)
    near = np.abs(frequencies - hz)
    return spectrum[near < 20].max() > 10 * (spectrum[(near > 40) & (near < 200)].mean() + 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_its_log_from_the_first_line_to_the_last(start, local_daily, number):
    program = await start(*(sys.executable, EXAMPLES / "quickstart.py"), env=local_daily.env())
    await local_daily.state.log.wait_for("bot joined")
    _, room, token = await program.says(LINK, groups=True)
    async with aiohttp.ClientSession() as session:
        person = Peer(local_daily, session, room)
        await person.join(hz=500, token=token)
        program.signal(number)
        assert await program.ended() == 0, program.err
        await local_daily.state.log.wait_for("person left")
        await person.close()
    log = [entry.what for entry in local_daily.state.log.entries]
    assert log[:5] == ["created", "bot joined", "person joined", "bot left", "deleted"]
    assert log[5:] == ["person left"]
    assert local_daily.state.log.entries[5].detail.endswith("room-deleted")
    assert "Traceback" not in program.err


async def test_it_answers_everybody_who_speaks(start, local_daily):
    program = await start(
        *(sys.executable, "-m", "pipecat_daily_rest", "run", EXAMPLES / "quickstart.py"),
        env=local_daily.env(),
    )
    await local_daily.state.log.wait_for("bot joined")
    _, room, token = await program.says(LINK, groups=True)
    silence = np.zeros(SAMPLE_RATE, np.int16)
    for hz in (3300, 3700):  # the first leaves, the next one comes
        person = local_daily.join(room, token)
        await person.hears(880)  # the chime
        for _ in range(4):  # after some silences Silero does not detect this voice
            person.says(silence)
            person.says(speech(SAMPLE_RATE, tone_hz=hz))
        await person.hears(lambda audio, hz=hz: holds(audio, hz))
        person.leave()
    program.signal()
    assert await program.ended() == 0


@pytest.mark.parametrize("example", ["room_block.py", "dialin_room.py"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_blocks(start, local_daily, example, number):
    program = await start(sys.executable, EXAMPLES / example, env=local_daily.env())
    _, room, token = await program.says(LINK, groups=True)
    if example == "room_block.py":
        await local_daily.state.log.wait_for("bot joined")
        person = local_daily.join(room, token)
        await person.hears(660)
    else:
        (address,) = await program.says("^Call it: (sip:.*)$", groups=True)
        person = local_daily.join(room, token)
        await person.event("dialin-ready", lambda event: event["sipEndpoint"] == address)
        caller = await local_daily.dial_in(address).connected()
        caller.tone(500)
        await person.hears(500)
    program.signal(number)
    assert await program.ended() == 0, program.err
    await program.says("^Room .* deleted$")
    assert local_daily.rooms == {}


async def test_bots_whose_rooms_were_made_ahead(start, local_daily):
    program = await start(sys.executable, EXAMPLES / "pool.py", env=local_daily.env())
    assert await program.ended() == 0, program.err
    waited = re.findall(r"^Bot (\d) waited [\d.]+ ms for (\S+)$", program.out, re.MULTILINE)
    assert [number for number, _ in waited] == list("12345")
    assert len({name for _, name in waited}) == 5
    await program.says("^PoolStats\\(.*hits=.*")
    log = [entry.what for entry in local_daily.state.log.entries]
    assert log.count("bot joined") == log.count("bot left") == 5
    assert local_daily.rooms == {}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_bots_whose_rooms_were_made_ahead_at_a_signal(start, local_daily, number):
    held = local_daily.fail("DELETE", "*", delay=0.5)
    program = await start(sys.executable, EXAMPLES / "pool.py", env=local_daily.env())
    await held.wait()
    program.signal(number)
    assert await program.ended() != 0
    assert "PoolStats" not in program.out
    assert "Traceback" not in program.err
    assert local_daily.rooms == {}


async def test_a_bot_hands_its_caller_to_a_person(start, local_daily):
    program = await start(sys.executable, EXAMPLES / "warm_transfer.py", env=local_daily.env())
    await local_daily.state.log.wait_for("bot joined")
    _, room, token = await program.says(f"^For the caller: {LINK}", groups=True)
    caller = local_daily.join(room, token)
    await caller.hears(660)
    _, room, token = await program.says(f"^For your colleague: {LINK}", groups=True)
    colleague = local_daily.join(room, token)
    await colleague.hears(660)
    assert await program.ended() == 0, program.err
    await program.says(f"^Room {room} lives until ")
    assert list(local_daily.rooms) == [room]
    colleague.tone(500)
    await caller.hears(500)
    local_daily.advance(600)
    assert local_daily.rooms == {}


async def test_a_caller_who_leaves_before_the_colleague_comes(start, local_daily):
    program = await start(sys.executable, EXAMPLES / "warm_transfer.py", env=local_daily.env())
    await local_daily.state.log.wait_for("bot joined")
    _, room, token = await program.says(f"^For the caller: {LINK}", groups=True)
    caller = local_daily.join(room, token)
    await program.says("^For your colleague: ")
    caller.leave()
    assert await program.ended() == 0, program.err
    await program.says(f"^Room {room} deleted$")
    assert local_daily.rooms == {}


@pytest.mark.parametrize(
    "example", ["room_block.py", "dialin_room.py", "pool.py", "warm_transfer.py"]
)
async def test_without_a_key_they_say_what_to_do(start, example):
    program = await start(sys.executable, EXAMPLES / example)
    assert await program.ended() == 1
    assert "DAILY_API_KEY" in program.err
    assert "Traceback" not in program.err


@pytest.mark.real_daily
@pytest.mark.parametrize("loaded", ["run", "python"])
async def test_quickstart_local_with_daily_python(start, loaded):
    """Pipecat has imported it before main() runs: the process is replaced by one that has not."""
    if importlib.util.find_spec("daily") is None:
        pytest.skip("daily-python is not installed")
    await quickstart_local(start, loaded)


@pytest.mark.parametrize("loaded", ["run", "python"])
async def test_quickstart_local(start, loaded):
    await quickstart_local(start, loaded)


async def quickstart_local(start, loaded):
    command = {
        "run": ("-m", "pipecat_daily_rest", "run", EXAMPLES / "quickstart.py"),
        "python": (EXAMPLES / "quickstart.py",),
    }[loaded]
    program = await start(sys.executable, *command, "--local", "--log-level", "DEBUG")
    await program.says(LINK)
    await program.says("Local room .*: bot joined", stream="err")
    program.signal()
    assert await program.ended() == 0, program.err
    await program.says("^Room .* deleted$")
