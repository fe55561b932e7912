# SPDX-License-Identifier: BSD-2-Clause
"""Servers that run bots get a signal: which rooms and tasks are left."""

import signal
import sys
from pathlib import Path

import aiohttp
import pytest

APPS = Path(__file__).parent / "apps"
SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@pytest.fixture
async def post():
    async with aiohttp.ClientSession() as session:

        async def post(url, json=None):
            async with session.post(url, json=json) as answer:
                assert answer.status == 200, await answer.text()
                return await answer.json()

        yield post


@pytest.fixture
def under_uvicorn(start, local_daily):
    async def under_uvicorn():
        program = await start(
            *(sys.executable, "-m", "uvicorn", "under_uvicorn:app", "--port", "0"),
            cwd=APPS,
            env=local_daily.env(),
        )
        return program, await program.says(r"running on (http://\S+)", stream="err")

    return under_uvicorn


@SIGNALS
@pytest.mark.parametrize("kind", ["block", "configured"])
async def test_uvicorn_with_live_bots(under_uvicorn, local_daily, post, number, kind):
    program, url = await under_uvicorn()
    names = {(await post(f"{url}/start/{kind}"))["room"] for _ in range(3)}
    assert set(local_daily.rooms) == names
    program.signal(number)
    assert await program.ended() in (0, -number)
    assert local_daily.rooms == {}
    deletes = [r for r in local_daily.requests if r.method == "DELETE"]
    singly = [r.path.removeprefix("/rooms/") for r in deletes if r.path != "/batch/rooms"]
    together = [name for r in deletes if r.path == "/batch/rooms" for name in r.body["room_names"]]
    assert sorted(singly + together) == sorted(names)
    assert local_daily.api_key not in program.out + program.err
    assert "eyJ" not in program.out + program.err


async def test_uvicorn_while_a_room_is_created(under_uvicorn, local_daily, post):
    program, url = await under_uvicorn()
    fault = local_daily.fail("POST", "/rooms", delay=1.5)
    await post(f"{url}/start/block?wait=false")
    await fault.wait()
    assert local_daily.rooms == {}
    program.signal(signal.SIGTERM)
    await program.ended()
    assert [entry.what for entry in local_daily.state.log.entries] == ["created", "deleted"]


async def test_uvicorn_with_a_deletion_that_fails_at_first(under_uvicorn, local_daily, post):
    program, url = await under_uvicorn()
    await post(f"{url}/start/block")
    local_daily.fail("DELETE", "/rooms/*", status=500, times=2)
    program.signal(signal.SIGTERM)
    await program.ended()
    assert local_daily.rooms == {}


@SIGNALS
async def test_aiohttp_with_live_bots(start, local_daily, post, number):
    program = await start(sys.executable, APPS / "under_aiohttp.py", env=local_daily.env())
    url = await program.says(r"Running on (http://\S+)")
    for _ in range(3):
        await post(f"{url}/start/block")
    assert len(local_daily.rooms) == 3
    program.signal(number)
    assert await program.ended() == 0
    assert local_daily.rooms == {}


@SIGNALS
@pytest.mark.parametrize("server", ["uvicorn", "aiohttp"])
async def test_bots_that_do_not_end(under_uvicorn, start, local_daily, post, server, number):
    """Some servers wait for them for ever: then the process is killed, but the rooms are gone."""
    if server == "uvicorn":
        program, url = await under_uvicorn()
    else:
        program = await start(sys.executable, APPS / "under_aiohttp.py", env=local_daily.env())
        url = await program.says(r"Running on (http://\S+)")
    for _ in range(3):
        await post(f"{url}/start/stubborn")
    program.signal(number)
    await local_daily.state.log.wait_for("deleted", count=3)
    assert local_daily.rooms == {}


@pytest.fixture
def under_pipecat(start, local_daily, post):
    async def under_pipecat(do):
        program = await start(
            *(sys.executable, APPS / "pipecats_runner.py", "-t", "daily", "--port", "0"),
            env=local_daily.env(),
        )
        url = await program.says(r"running on (http://\S+)", stream="err")
        answer = await post(f"{url}/start", {"createDailyRoom": True, "body": {"do": do}})
        await program.says(rf"^in {answer['dailyRoom']}$")
        return program

    return under_pipecat


def happened(daily):
    return [entry.what for entry in daily.state.log.entries]


@pytest.mark.parametrize("do", ["return", "raise"])
async def test_deletes_room_under_pipecats_own_runner(under_pipecat, local_daily, do):
    program = await under_pipecat(do)
    await program.says(r"Room pipecat-[0-9a-f]{8} deleted", stream="err")
    assert happened(local_daily) == ["created", "deleted"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_deletes_room_when_pipecats_own_runner_is_stopped(under_pipecat, local_daily, number):
    program = await under_pipecat("wait")
    assert happened(local_daily) == ["created"]
    program.signal(number)
    await program.ended()
    assert happened(local_daily) == ["created", "deleted"]
