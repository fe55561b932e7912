# SPDX-License-Identifier: BSD-2-Clause
"""A short soak, as `make proof ONLY=soak` runs it for an hour: counts, not memory and not seconds."""

import sys
from pathlib import Path

import pytest
from proof.parts import soak

from programs import processes

_ROUNDS = 10


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
async def test_who_comes_and_goes_leaves_nothing_behind(tmp_path):
    async with processes(tmp_path) as start:
        found = await soak.run(
            start,
            goes_on=lambda done: done < _ROUNDS,
            is_warm=lambda done: done == 4,
            every=_ROUNDS,
        )
    assert found.rounds == _ROUNDS
    assert soak.growth(found.warm, found.last) == {}
    # What is counted is there: the bot's link, and its room.
    assert found.last.room["pipecat_daily_rest.local.bot.link._Link"] == 1
    assert found.last.room["pipecat_daily_rest.local.call.room.Participant"] == 1
    assert found.last.room["tasks"] > 2
    assert found.last.bot["threads"] > 2


def test_a_slope_and_a_growth_are_seen():
    looks = [
        soak.Look(number, {"tasks": 3}, {"threads": 2}, 100 * number, 7) for number in (0, 1, 2)
    ]
    found = soak.Soak(3, looks[0], looks)
    assert found.slope("room_kb") == 100
    assert found.slope("bot_kb") == 0
    more = soak.Look(3, {"tasks": 4, "new": 1}, {"threads": 2 + soak._POOL}, 0, 0)
    assert soak.growth(looks[0], more) == {"room: tasks": (3, 4), "room: new": (0, 1)}
    more.bot["threads"] += 1
    assert soak.growth(looks[0], more)["bot: threads"] == (2, 3 + soak._POOL)


LEAVING = """
import asyncio, importlib.util, sys

spec = importlib.util.spec_from_file_location("quickstart", sys.argv[1])
quickstart = importlib.util.module_from_spec(spec)
spec.loader.exec_module(quickstart)
silence = bytes(640)

async def main():
    echo = quickstart.Echo()
    echo.welcome("ana")
    await echo._listen("ana", silence)
    [kept] = echo._listeners.values()
    look = kept.analyze_audio

    async def leaves_meanwhile(audio):
        echo.forget("ana")
        return quickstart.VADState.SPEAKING

    kept.analyze_audio = leaves_meanwhile
    await echo._listen("ana", silence)
    kept.analyze_audio = look
    await echo._listen("ana", silence)  # was on its way
    assert (echo._listeners, echo._speaker, echo._said) == ({}, None, b""), vars(echo)
    echo.welcome("bo")
    assert echo._listeners == {"bo": kept}

    # Many come at once: what it has to say stays short.
    said = []

    async def push_frame(frame, direction=None):
        said.append(frame)

    echo.push_frame = push_frame
    for _ in range(1000):
        await echo.say(quickstart.chime())
    seconds = sum(len(frame.audio) for frame in said) / (2 * quickstart.SAMPLE_RATE)
    assert 25 < seconds < 35, seconds
    print("well")

asyncio.run(main())
"""


async def test_the_quickstart_has_no_listener_for_whoever_has_left(tmp_path):
    async with processes(tmp_path) as start:
        path = Path(__file__).parents[1] / "examples" / "quickstart.py"
        program = await start(sys.executable, "-c", LEAVING, path)
        assert await program.ended() == 0, program.err
        assert program.out == "well\n"
