# SPDX-License-Identifier: BSD-2-Clause
"""A server that is told to end, by every signal and by a closed terminal: nothing is left."""

import asyncio
import os
import signal
import subprocess

import pytest
from test_serve import SERVE, SERVERS, STAY, ask

from programs import IN_TERMINAL
from serving import BEHAVE, all_gone, family, until
from sizes import pairs

TIMES = {1: 0.0, 2: 0.6, 20: 0.1}  # seconds between two; what comes within half a second is an echo


async def send(pid, name, times):
    for _ in range(times):
        if not os.path.exists(f"/proc/{pid}"):
            break
        os.kill(pid, getattr(signal, name))
        await asyncio.sleep(TIMES[times])


async def two_sessions(program, url):
    """Start them; give the processes of the server."""
    started = await asyncio.gather(*(ask(f"{url}/start", STAY) for _ in range(2)))
    for status, answer in started:
        assert status == 200
        await program.says(f" in {answer['sessionId']}", stream="err")
    return family(program.process.pid)


@pytest.mark.parametrize(
    ("name", "times"), [("SIGHUP", 1), ("SIGQUIT", 1), ("SIGINT", 2), ("SIGINT", 20)]
)
async def test_serve(start, local_daily, name, times):
    drain = ("--drain", "600" if times > 1 else "0")
    server = await start(*SERVE, BEHAVE, "--port", "0", *drain, env=local_daily.env())
    children = await two_sessions(server, await server.says(r"^(http://\S+)$"))
    await send(server.process.pid, name, 1)
    if times > 1:
        # Several that come while a busy machine does not let it run are one to it.
        await server.says("No more sessions are started", stream="err")
    while times > 1 and server.process.returncode is None:
        await asyncio.sleep(TIMES[times])
        await send(server.process.pid, name, 1)
    assert await server.ended() == 0
    assert local_daily.rooms == {}
    assert "Traceback" not in server.err
    await all_gone(children)


async def test_a_closed_terminal(local_daily, tmp_path):
    """What the server and its bots print from then on fails."""
    ours, theirs = os.openpty()
    env = {**os.environ, **local_daily.env()}
    env.pop("PYTHONUNBUFFERED", None)  # what is left in a buffer would fail at the exit
    process = subprocess.Popen(  # noqa: ASYNC220
        [*IN_TERMINAL, *SERVE, BEHAVE, "--port", "0"],
        **{"stdin": theirs, "stdout": theirs, "stderr": theirs},
        cwd=tmp_path,
        env=env,
        start_new_session=True,
    )
    os.close(theirs)
    said = ""
    while "\n" not in (rest := said.partition("http://")[2]):
        said += (await asyncio.to_thread(os.read, ours, 4096)).decode()
    status, _ = await ask(f"http://{rest.split()[0]}/start", STAY)
    assert (status, len(local_daily.rooms)) == (200, 1)
    children = family(process.pid)
    os.close(ours)
    assert await asyncio.to_thread(process.wait) == 0
    assert local_daily.rooms == {}
    await all_gone(children)


# Each signal is told to one of the servers, in turns; SIGQUIT ends each in a way of its own.
@pytest.mark.large
@pytest.mark.parametrize(
    ("given", "server"),
    [
        *pairs([("SIGINT", 2), ("SIGINT", 20), ("SIGHUP", 1)], sorted(SERVERS)),
        *((("SIGQUIT", 1), server) for server in SERVERS),
    ],
)
async def test_an_app_that_somebody_else_serves(start, local_daily, given, server):
    name, times = given
    command, says = SERVERS[server]
    place = ("--app-dir" if server == "uvicorn" else "--chdir", BEHAVE.parents[1])
    env = {**local_daily.env(), "LAUNCHER": "process"}
    program = await start(SERVE[0], *command, *place, "mounted_app:app", env=env)
    url = await program.says(says, stream="err") + "/bots"
    children = await two_sessions(program, url)
    await send(program.process.pid, name, times)
    # gunicorn starts another worker at SIGHUP; at the others uvicorn's worker goes on for as long
    # as gunicorn lets it. uvicorn alone dies of SIGQUIT, and its rooms are the next server's.
    if server == "uvicorn":
        await program.ended()
    left = 2 if (server, name) == ("uvicorn", "SIGQUIT") else 0
    await until(lambda: len(local_daily.rooms) == left)
    if server == "uvicorn":
        await all_gone(children)
