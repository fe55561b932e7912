# SPDX-License-Identifier: BSD-2-Clause
"""A server with a pool as a real process."""

import asyncio
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from pipecat_daily_rest import sweep_rooms
from pipecat_daily_rest._core import room_names
from sizes import pairs
from timings import timings_env

APP = Path(__file__).parent / "apps" / "pool_server.py"
# The server, with a package that does not wait long before it tries again.
HASTY = """
import runpy, sys
from functools import partial
from pipecat_daily_rest._http import api
api.RetryPolicy = partial(api.RetryPolicy, backoff=0.01)
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""
SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@pytest.fixture
def serve(start, local_daily):
    async def serve(*how):
        env = {**local_daily.env(), "PORT": "0", **timings_env(look_again=(0.05, 0.2))}
        program = await start(sys.executable, *how, APP, env=env)
        return program, await program.says(r"Running on (http://\S+)")

    return serve


@pytest.fixture
async def post():
    async with aiohttp.ClientSession() as session:

        async def post(url):
            async with session.post(url) as answer:
                assert answer.status == 200, await answer.text()
                return await answer.json()

        yield post


@SIGNALS
async def test_rooms_that_wait_and_rooms_with_calls_are_gone_after_a_signal(
    serve, local_daily, post, number
):
    program, url = await serve()
    assert len(local_daily.rooms) == 5
    answers = [await post(f"{url}/start") for _ in range(2)]
    ana, bob = (local_daily.join(each["dailyRoom"], each["dailyToken"]) for each in answers)
    await asyncio.gather(ana.hears(880), bob.hears(880))  # the chime of each bot
    taken = {each["dailyRoom"].rpartition("/")[2] for each in answers}
    assert all(room_names.is_pool(name, "pipecat") for name in taken)
    program.signal(number)
    assert await program.ended() == 0, program.err
    assert local_daily.rooms == {}
    assert "Traceback" not in program.err
    assert local_daily.api_key not in program.out + program.err
    assert "eyJ" not in program.out + program.err


@pytest.mark.large
@pytest.mark.parametrize(
    ("fault", "number"),
    pairs([{"delay": 1}, {"delay_after": 1}, {"drop": "after"}], [signal.SIGINT, signal.SIGTERM]),
)
async def test_a_signal_while_rooms_are_made_ahead(serve, local_daily, post, fault, number):
    program, url = await serve()
    held = local_daily.fail("POST", "/batch/rooms", **fault)
    for _ in range(3):
        await post(f"{url}/start")
    await held.wait()
    program.signal(number)
    assert await program.ended() == 0, program.err
    assert local_daily.rooms == {}


async def test_while_daily_is_away_it_starts_and_says_so(serve, local_daily):
    away = local_daily.fail("*", "*", status=503, times=None)
    program, url = await serve("-c", HASTY)
    async with aiohttp.ClientSession() as session, session.post(f"{url}/start") as answer:
        assert answer.status == 503
        assert "Unable to create room (status: 503)" in await answer.text()
    await program.says("The pool cannot be filled, and goes on trying", stream="err")
    away.cancel()
    await local_daily.state.log.wait_for("created", count=5)
    program.signal(signal.SIGTERM)
    assert await program.ended() == 0, program.err
    assert local_daily.rooms == {}


async def test_no_sweep_takes_a_room_that_waits_and_a_killed_pool_costs_its_time(
    serve, local_daily
):
    program, _ = await serve()
    daily = {"api_key": local_daily.api_key, "api_url": local_daily.api_url}
    report = await sweep_rooms(min_age=0, pause=0, **daily)
    assert (report.deleted, set(report.spared)) == ((), set(local_daily.rooms))
    program.signal(signal.SIGKILL)
    await program.ended()
    assert len(local_daily.rooms) == 5
    local_daily.advance(600 + 600)
    assert local_daily.rooms == {}
