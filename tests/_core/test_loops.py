# SPDX-License-Identifier: BSD-2-Clause
"""One helper in a process that starts an event loop for each call, as an AWS Lambda handler does."""

import asyncio
import json
import os
import subprocess
import sys

import pytest
from aiohttp import web

from certificates import self_signed
from pipecat_daily_rest import DailyRoomParams

ROOM = DailyRoomParams(name="demo")

PROGRAM = """
import asyncio, gc, json, os, sys, threading
from pipecat_daily_rest import DailyRESTHelper, DailyRoomParams, provisioned_room

helper = DailyRESTHelper.from_env()  # nobody closes it

async def look():
    return await asyncio.gather(*(helper.get_room("demo") for _ in range(3)))

async def provide():
    async def one():
        async with provisioned_room(daily=helper) as room:
            await room.create_token()
    await asyncio.gather(one(), one(), one())

def run(work):
    asyncio.run(work())

def close(work):
    loop = asyncio.new_event_loop()  # and no shutdown_asyncgens()
    loop.run_until_complete(work())
    loop.close()

def thread(work):
    each = threading.Thread(target=run, args=(work,))
    each.start()
    each.join()

def held():
    gc.collect()
    loops = sum(isinstance(each, asyncio.BaseEventLoop) for each in gc.get_objects())
    return [len(os.listdir("/proc/self/fd")), loops]

begin, work = globals()[sys.argv[1]], globals()[sys.argv[2]]
begin(work)
first = held()
for _ in range(10):
    begin(work)
print(json.dumps([first, held()]))
"""


async def ends(environment, *arguments):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", "-c", PROGRAM, *arguments),
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await process.communicate()
    # A busy machine makes asyncio's debug mode warn of slow callbacks.
    harmless = ("DEBUG", "Executing <")
    warned = [line for line in err.decode().splitlines() if not any(h in line for h in harmless)]
    assert (process.returncode, warned) == (0, [])
    (files, loops), (files_later, loops_later) = json.loads(out)
    assert loops_later == loops
    assert files_later <= files + 2  # a loop has two connections, or three


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts open files in /proc")
@pytest.mark.parametrize("work", ["look", "provide"])
@pytest.mark.parametrize("begin", ["run", "close", "thread"])
async def test_a_closed_loop_leaves_nothing_behind(local_daily, helper, begin, work):
    await helper.create_room(ROOM)
    await ends(local_daily.env(), begin, work)
    assert list(local_daily.rooms) == ["demo"]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts open files in /proc")
async def test_a_closed_loop_with_tls_leaves_nothing_behind(tmp_path):
    certificate, context = self_signed(tmp_path)

    async def room(request):
        return web.json_response({"name": "demo", "url": "https://x.daily.co/demo"})

    app = web.Application()
    app.router.add_get("/v1/rooms/demo", room)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "localhost", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    environment = {
        "DAILY_API_KEY": "k" * 32,
        "DAILY_API_URL": f"https://localhost:{port}/v1",
        "SSL_CERT_FILE": str(certificate),
    }
    try:
        await ends(environment, "close", "look")
    finally:
        await runner.cleanup()
