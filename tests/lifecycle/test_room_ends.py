# SPDX-License-Identifier: BSD-2-Clause
"""The room's process ends or hangs while several bots are in: each of them is told."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from pipecat_daily_rest._core import daily_module

LINK = r"^(http://localhost:\d+/pipecat-r[a-z0-9]{20}\?t=[\w.-]+)\n"
BOT = Path(__file__).parents[1] / "stand_in" / "pipecat_bot.py"
WITH_HEARTBEAT = """
import runpy, sys
import daily._link
daily._link._HEARTBEAT = float(sys.argv[1])
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def run(start):
    async def run():
        """Starts a bot under the runner; gives it and the link to its room."""
        bot = Path(__file__).parent / "bots" / "pipeline_over.py"
        command = (sys.executable, "-m", "pipecat_daily_rest", "run", bot, "--local")
        program = await start(*command, env={"PYTHONPATH": str(bot.parent)})
        link = await program.says(LINK)
        await program.says("^in$")
        return program, link

    return run


@pytest.fixture
def join(start):
    async def join(link, heartbeat):
        """Starts a bot in a process of its own that ends with its call."""
        env = {"PYTHONPATH": daily_module.python_path()}
        command = (sys.executable, "-c", WITH_HEARTBEAT, heartbeat, BOT, link, "")
        program = await start(*command, env=env)
        await program.says(r'^\["on_joined"')
        return program

    return join


async def told(program, why):
    """It gets on_error, then the state "left", and ends as it was written to."""
    await program.says(r'^\["on_error", "Disconnected from http://')
    await program.says(r'^\["on_call_state_updated", "left"\]$')
    await program.says(r'^\["end"\]$')
    assert await program.ended() == 0, program.err
    assert f"has ended: {why}" in program.err
    assert "Traceback" not in program.err


async def test_the_room_is_killed(run, join):
    program, link = await run()
    others = [await join(link, heartbeat=10_000) for _ in range(2)]
    for child in program.children():
        os.kill(child, signal.SIGKILL)
    # By the closed sockets: a heartbeat would be too late.
    await asyncio.gather(*(told(other, "the link to the room was lost") for other in others))
    assert await program.ended() == 1
    await program.says("^over$")
    assert program.err.count("Error: The local Daily ended before the bot did") == 1
    assert "Traceback" not in program.err


async def test_the_room_hangs_with_its_sockets_open(run, join):
    program, link = await run()
    others = [await join(link, heartbeat=2) for _ in range(2)]
    children = program.children()
    try:
        for child in children:
            os.kill(child, signal.SIGSTOP)
        await asyncio.gather(*(told(other, "the link to the room was lost") for other in others))
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
    assert await program.ended() == 1


async def test_the_room_ends_in_order(start, join):
    program = await start(sys.executable, "-m", "pipecat_daily_rest", "local", "--port", "0")
    url = await program.says(r"^export DAILY_API_URL=(http://\S+)/v1$")
    key = await program.says("^export DAILY_API_KEY=(.+)$")
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{url}/v1/rooms", json={"name": "demo"}) as answer,
    ):
        assert answer.status == 200
    others = [await join(f"{url}/demo", heartbeat=10_000) for _ in range(2)]
    program.signal(signal.SIGTERM)
    await asyncio.gather(*(told(other, "the local Daily has ended") for other in others))
    assert await program.ended() == 0
