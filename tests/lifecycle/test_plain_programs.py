# SPDX-License-Identifier: BSD-2-Clause
"""Ctrl-C, more than once, in a plain program: `asyncio.run()` cancels every task at the second."""

import signal
import sys

import pytest

BLOCK = """
import asyncio, os, sys
from pipecat_daily_rest import RoomPool, provisioned_room
{loop}

async def tell(task):
    try:
        while not task.cancelling():
            await asyncio.sleep(0.01)
        # Not in this task: the next Ctrl-C would interrupt it.
        # And written at once: the next Ctrl-C comes when the line was read.
        asyncio.get_running_loop().call_soon(os.write, 1, b"cancelled\\n")
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        print("all cancelled", flush=True)

async def main():
    telling = asyncio.create_task(tell(asyncio.current_task()))
    async with {what}:
        print("in", flush=True)
        await asyncio.Event().wait()

{run}
"""
WHAT = {"a room": "provisioned_room()", "a pool": "RoomPool(size=2)"}
LOOPS = {
    "asyncio": ("", "asyncio.run(main())"),
    "uvloop": ("import uvloop", "uvloop.run(main())"),
}
MADE = {
    "a room": ("POST", "/rooms"),
    "a pool": ("POST", "/batch/rooms"),
}
FAULTS = [{"delay_after": 1}, {"delay": 1}, {"drop": "after", "delay_after": 1}]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "-".join(fault))
@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("loop", LOOPS)
async def test_twice_while_the_create_is_in_flight(start, local_daily, loop, what, fault):
    held = local_daily.fail(*MADE[what], **fault)
    first, run = LOOPS[loop]
    code = BLOCK.format(what=WHAT[what], loop=first, run=run)
    program = await start(sys.executable, "-c", code, env=local_daily.env())
    await held.wait()
    program.signal(signal.SIGINT)
    await program.says("^cancelled$")
    program.signal(signal.SIGINT)
    assert await program.ended() != 0
    assert local_daily.rooms == {}
    for ours in ("name='undo", "name='create", "name='delete", "name='end a room pool"):
        assert (
            ours not in program.err
        )  # no "Task was destroyed", no "exception was never retrieved"


async def test_a_third_time_it_says_what_is_left(start, local_daily):
    held = local_daily.fail("POST", "/rooms", delay_after=60)
    local_daily.fail("DELETE", "*", hang=True, times=None)
    code = BLOCK.format(what=WHAT["a room"], loop="", run="asyncio.run(main())")
    program = await start(sys.executable, "-c", code, env=local_daily.env())
    await held.wait()
    for seen in ("cancelled", "all cancelled", None):
        program.signal(signal.SIGINT)
        if seen:
            await program.says(f"^{seen}$")
    assert await program.ended() != 0
    (room,) = local_daily.rooms
    assert f"Room {room} could not be deleted: the program ended first. It ends by" in program.err


DELETES = """
import asyncio, os
from types import SimpleNamespace
from pipecat_daily_rest import DailyRESTHelper, DailyRoomParams, deletes_room
from pipecat_daily_rest.models import DailyRoomProperties
import time

@deletes_room
async def bot(args):
    pass

async def main():
    async with DailyRESTHelper.from_env() as daily:
        exp = time.time() + 60
        params = DailyRoomParams(properties=DailyRoomProperties(exp=exp))
        room = await daily.create_room(params)
    await bot(SimpleNamespace(room_url=room.url))

asyncio.run(main())
"""


async def test_twice_while_a_bots_room_is_deleted(start, local_daily):
    held = local_daily.fail("GET", "/rooms/*", delay=1)
    program = await start(sys.executable, "-c", DELETES, env=local_daily.env())
    await held.wait()
    for _ in range(2):
        program.signal(signal.SIGINT)
    assert await program.ended() != 0
    assert local_daily.rooms == {}
