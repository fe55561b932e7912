# SPDX-License-Identifier: BSD-2-Clause
"""A process forks after its first requests, as a preforking server does."""

import os
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

PROGRAM = """
import asyncio, os
from pipecat_daily_rest import (
    DailyRESTHelper, RateLimits, RoomPool, drain_on_exit, owned_rooms, provisioned_room
)

PACE = RateLimits(default=(60, 1000.0), wait=10)

def helper():
    return DailyRESTHelper(
        daily_api_key=os.environ["DAILY_API_KEY"],
        daily_api_url=os.environ["DAILY_API_URL"],
        pace=PACE,
    )

async def ask(times):
    async with helper() as one:
        await asyncio.gather(*(one.request("GET", "/rooms") for _ in range(times)))

async def child():
    assert owned_rooms() == ()
    async with drain_on_exit(), provisioned_room():
        await ask(20)

with asyncio.Runner() as runner:
    pool, block = RoomPool(size=2), provisioned_room()
    runner.run(pool.__aenter__())
    runner.run(block.__aenter__())
    runner.run(ask(10))
    async def fly():
        flying = [asyncio.create_task(ask(1)) for _ in range(15)]
        await asyncio.sleep(0.01)
        return flying
    flying = runner.run(fly())
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            asyncio.run(child())
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
    async def end():
        await asyncio.gather(*flying)
        async with helper() as one:
            names = [room.name async for room in one.list_rooms()]
        assert sorted(names) == sorted(room.name for room in owned_rooms()), names
        assert len(names) == 3
        await block.__aexit__(None, None, None)
        await pool.__aexit__(None, None, None)
    runner.run(end())
print("well", flush=True)
"""


@pytest.fixture(params=["alone", "with Redis"])
def account(request):
    if request.param != "alone":
        request.getfixturevalue("redis")


async def test_a_forked_child_starts_afresh_and_deletes_no_room_of_its_parent(
    account, start, local_daily
):
    local_daily.fail("GET", "/rooms", delay=0.2, times=None)
    program = await start(sys.executable, "-c", PROGRAM, env=local_daily.env())
    assert await program.ended() == 0, program.err
    assert program.out == "well\n"
    assert local_daily.rooms == {}
