# SPDX-License-Identifier: BSD-2-Clause
"""Replicas as real processes behind a balancer, and one of them is killed under load."""

import asyncio
import signal

import aiohttp
import pytest
from test_serve import SERVE

from balancer import balanced
from pipecat_daily_rest.models import DailyMeetingTokenParams, DailyMeetingTokenProperties
from pipecat_daily_rest.server.bot_user import bot_user_id
from serving import BEHAVE, until
from timings import timings_env

START = {"createDailyRoom": True, "body": {"do": "stay"}}
TIMES = {"tick": 0.1, "renew": 0.3, "lease": 1.5, "look": 0.3, "calm": 1.0, "young": 1.0}


@pytest.fixture
async def client():
    async with aiohttp.ClientSession() as client:
        yield client


async def test_a_replica_that_is_killed_leaves_no_room(
    start, local_daily, helper, redis, tmp_path, client
):
    env = {**local_daily.env(), "DAILY_REDIS_URL": redis.url}
    env |= timings_env(**{f"fleet_{name}": value for name, value in TIMES.items()})
    options = ("--port", "0", "--launcher", "task", "--pool", "1")
    states = [tmp_path / name for name in "12"]  # as on two machines
    servers = [
        await start(*SERVE, BEHAVE, *options, env={**env, "PIPECAT_DAILY_STATE": str(each)})
        for each in states
    ]
    urls = [await each.says(r"^(http://\S+)$") for each in servers]

    async def ask(method, url, data=None):
        async with client.request(method, url, json=data) as answer:
            return answer.status, await answer.json()

    async with balanced(urls) as url:
        started = [(await ask("POST", f"{url}/start", START))[1] for _ in range(6)]
        theirs, kept = started[::2], started[1::2]
        with_bot, lonely = theirs[:2]
        local_daily.join(lonely["dailyRoom"], lonely["dailyToken"], user_name="Ana")
        properties = DailyMeetingTokenProperties(user_id=bot_user_id(with_bot["sessionId"]))
        token = await helper.get_token(
            with_bot["dailyRoom"], params=DailyMeetingTokenParams(properties=properties)
        )
        bot = local_daily.join(with_bot["dailyRoom"], token, user_name="Bot")
        # Under load: somebody starts and stops all the time, and the last start is cut off.
        held = local_daily.fail("POST", "/rooms", times=2, delay=0.3)
        starts = [asyncio.create_task(ask("POST", f"{url}/start", START)) for _ in "1234"]
        await held.wait()
        servers[0].signal(signal.SIGKILL)
        await servers[0].ended()
        await asyncio.gather(*starts, return_exceptions=True)
        tag = lonely["sessionId"].split("-")[0]

        def left():
            return [name for name in local_daily.rooms if f"-{tag}-" in name]

        assert len(left()) >= 3  # and what waits in its pool, or was being made
        await until(lambda: len(left()) == 1)
        assert left() == [f"pipecat-{with_bot['sessionId']}"]
        for each in kept:
            assert f"pipecat-{each['sessionId']}" in local_daily.rooms
            # The balancer finds the one that is alive.
            assert (await ask("GET", f"{url}/sessions/{each['sessionId']}"))[0] == 200
        bot.leave()
        await until(lambda: left() == [])
    servers[1].signal(signal.SIGTERM)
    assert await servers[1].ended() == 0
    assert local_daily.rooms == {}
    assert "Traceback" not in servers[1].err
