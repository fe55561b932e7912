# SPDX-License-Identifier: BSD-2-Clause
"""The event loop closes while rooms are open."""

import sys

PROGRAM = """
import asyncio
from pipecat_daily_rest import provisioned_room

async def session(inside):
    async with provisioned_room():
        inside.set()
        await asyncio.Event().wait()

async def main():
    tasks = []
    for _ in range(3):
        inside = asyncio.Event()
        tasks.append(asyncio.create_task(session(inside)))
        await inside.wait()
    {end}

try:
    asyncio.run(main())
except BaseException as exc:
    print(type(exc).__name__, flush=True)
"""


async def ends(start, local_daily, end):
    program = await start(sys.executable, "-c", PROGRAM.format(end=end), env=local_daily.env())
    assert await program.ended() == 0, program.err
    log = [entry.what for entry in local_daily.state.log.entries]
    assert log.count("created") == log.count("deleted") == 3
    assert local_daily.rooms == {}
    assert "Traceback" not in program.err
    return program.out.strip()


async def test_main_returns_and_leaves_its_tasks_behind(start, local_daily):
    assert await ends(start, local_daily, "return") == ""


async def test_main_raises(start, local_daily):
    assert await ends(start, local_daily, "raise ZeroDivisionError") == "ZeroDivisionError"


async def test_the_program_exits(start, local_daily):
    assert await ends(start, local_daily, "raise SystemExit(3)") == "SystemExit"


async def test_an_interrupt(start, local_daily):
    end = "import os, signal; os.kill(os.getpid(), signal.SIGINT); await asyncio.sleep(60)"
    assert await ends(start, local_daily, end) == "KeyboardInterrupt"
