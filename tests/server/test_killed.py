# SPDX-License-Identifier: BSD-2-Clause
"""A server that is killed at each step of a start: no process is left, and no room after the next start."""

import asyncio
import os
import signal

import pytest
from test_serve import SERVE, ask

from pipecat_daily_rest._core import daily_module
from pipecat_daily_rest.server import StartRequest
from serving import BEHAVE, STAY, all_gone, family, until
from sizes import pairs

BOT = BEHAVE.with_name("slow.py")
THREADS = "import threading, time\nthreading.Thread(target=time.sleep, args=(9999,), daemon=True).start()\n"
HANGS = {"before the room exists": False, "before the room is known": True}
MARKS = {
    "while its child imports the bot": "imports",
    "while its child answers readyz()": "asked",
    "while the bot begins": "begins",
    "while the bot joins": "joins",
    "while the bot is in": "joined",
}


@pytest.mark.large
@pytest.mark.parametrize(("moment", "launcher"), pairs([*HANGS, *MARKS], ["fork", "spawn"]))
async def test_a_server_that_is_killed(start, serve, local_daily, tmp_path, moment, launcher):
    beside = await serve()
    kept = await beside.start(StartRequest(body=STAY))
    (tmp_path / "threads.py").write_text(THREADS)
    preload = ("--preload", "threads") if launcher == "spawn" else ()
    path = os.pathsep.join([daily_module.python_path(), str(tmp_path)])
    env = {**local_daily.env(), "PYTHONPATH": path, "SLOW": MARKS.get(moment, "")}
    server = await start(*SERVE, BOT, "--port", "0", "--warm", "0", *preload, env=env)
    url = await server.says(r"^(http://\S+)$")
    assert ("runs threads (" in server.err) is (launcher == "spawn")
    if moment in HANGS:
        fault = local_daily.fail("POST", "/rooms", times=2, hang=True, commit=HANGS[moment])
    (tmp_path / "go").touch()
    # One session gets the child that has shown that the bot loads, the other one a new child.
    asking = [asyncio.create_task(ask(f"{url}/start", {"createDailyRoom": True})) for _ in "12"]
    if moment in HANGS:
        await fault.wait(2)
        await until(lambda: len(local_daily.rooms) == 1 + 2 * HANGS[moment])
    else:
        if MARKS[moment] == "asked":
            asking.append(asyncio.create_task(ask(f"{url}/readyz")))
        await until((tmp_path / MARKS[moment]).exists)
    processes = family(server.process.pid)
    server.signal(signal.SIGKILL)
    await server.ended()
    await asyncio.gather(*asking, return_exceptions=True)
    await all_gone(processes)
    await serve()
    await until(lambda: len(local_daily.rooms) == 1)
    assert list(local_daily.rooms) == [kept.room_name]
    assert kept.end is None


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 0)]
)
async def test_an_import_that_never_ends_holds_up_no_end(
    start, local_daily, tmp_path, number, code
):
    (tmp_path / "endless.py").write_text(
        "import pathlib, time\npathlib.Path('here').touch()\ntime.sleep(600)\n"
    )
    env = {**local_daily.env(), "PYTHONPATH": str(tmp_path)}
    server = await start(*SERVE, BEHAVE, "--port", "0", "--preload", "endless", env=env)
    await until((tmp_path / "here").exists)
    processes = family(server.process.pid)
    assert processes
    server.signal(number)
    assert await server.ended() == code
    await all_gone(processes)
    assert "Traceback" not in server.err
