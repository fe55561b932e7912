# SPDX-License-Identifier: BSD-2-Clause
"""What an autoscaler is told: KEDA's metrics-api reads one number of a JSON object."""

import asyncio
from contextlib import AsyncExitStack

import aiohttp
import pytest

from pipecat_daily_rest.server import StartRequest
from pipecat_daily_rest.server.app import create_app
from pipecat_daily_rest.server.keys import Keys
from serving import STAY, served
from timings import set_timings

PUBLIC, PRIVATE = "public-key-of-a-page", "private-key-of-the-owner"
PATH = "/health/autoscale"


@pytest.fixture
async def ask():
    """Serves sessions and gives what asks them."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(aiohttp.ClientSession())
        ports = {}

        async def ask(sessions, path, key=PRIVATE):
            if sessions not in ports:
                app = create_app(sessions, keys=Keys((PUBLIC,), (PRIVATE,)))
                ports[sessions] = (await stack.enter_async_context(served(app)))[1]
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            url = f"http://127.0.0.1:{ports[sessions]}{path}"
            async with client.get(url, headers=headers) as answer:
                return answer.status, await answer.json()

        yield ask


async def test_the_sessions_and_the_buffer(serve, ask):
    sessions = await serve(max_sessions=4)
    assert await ask(sessions, PATH) == (200, {"value": 0})
    assert await ask(sessions, f"{PATH}?buffer=10") == (200, {"value": 10})
    for _ in range(3):
        session = await sessions.start(StartRequest(body=STAY))
    assert await ask(sessions, f"{PATH}?buffer=2") == (200, {"value": 5})
    await sessions.stop(session.id)
    assert await ask(sessions, PATH) == (200, {"value": 2})  # not those that have ended


@pytest.mark.parametrize("buffer", ["-1", "many", "1.5", "10000000"])
async def test_a_buffer_that_is_none(serve, ask, buffer):
    status, answer = await ask(await serve(), f"{PATH}?buffer={buffer}")
    assert (status, answer["field"]) == (422, "buffer")


async def test_it_needs_a_private_key(serve, ask):
    sessions = await serve()
    assert [(await ask(sessions, PATH, key))[0] for key in (None, PUBLIC)] == [401, 403]


async def test_in_a_fleet_it_is_the_sessions_of_all_servers(
    serve, ask, local_daily, redis, monkeypatch
):
    set_timings(monkeypatch, fleet_tick=0.05, fleet_look=0.1, redis_retry=60.0)
    one, other = await serve(), await serve()
    for sessions in (one, one, other):
        session = await sessions.start(StartRequest(body=STAY))
        local_daily.join(session.room_url, session.user_token)
    for sessions in (one, other):
        while (await ask(sessions, f"{PATH}?buffer=1")) != (200, {"value": 4}):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    redis.stop()
    status, answer = await ask(one, PATH)
    assert (status, answer["code"]) == (503, "fleet-unknown")  # KEDA leaves the pods as they are
