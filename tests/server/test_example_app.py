# SPDX-License-Identifier: BSD-2-Clause
"""examples/server: an app with a login of its own, by raw requests."""

import asyncio
import base64
import json
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "server"
START = {"createDailyRoom": True, "body": {"who": "Ana"}}


def login(name: str, password: str) -> dict[str, str]:
    coded = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"Authorization": f"Basic {coded}"}


ANA = login("ana", "secret")


@pytest.fixture
async def app(start, local_daily):
    command = ("-m", "uvicorn", "app:app", "--app-dir", EXAMPLE, "--port", "0")
    program = await start(sys.executable, *command, env=local_daily.env())
    url = await program.says(r"running on (http://\S+)", stream="err")
    async with aiohttp.ClientSession(url) as session:
        yield program, session


async def test_who_has_logged_in_gets_a_bot_that_knows_the_name(app, local_daily):
    program, session = app
    for stranger in ({}, login("ana", "wrong"), login("bo", "")):
        async with session.get("/", headers=stranger) as answer:
            assert answer.status == 401
        async with session.post("/bots/start", json=START, headers=stranger) as answer:
            assert answer.status == 401
    # Another site's page: the browser sends the login along, and plain text without asking.
    another = {**ANA, "Origin": "https://another.example", "Content-Type": "text/plain"}
    async with session.post("/bots/start", data=json.dumps(START), headers=another) as answer:
        assert answer.status == 403
    assert local_daily.rooms == {}
    async with session.get("/", headers=ANA) as answer:
        assert "<form>" in await answer.text()
    async with session.post("/bots/start", json=START, headers=ANA) as answer:
        assert answer.status == 200
        started = await answer.json()
    ana = local_daily.join(started["dailyRoom"], started["dailyToken"])
    await asyncio.gather(ana.hears(660), ana.hears({"hello": "Ana"}))
    ana.leave()  # and the bot's run is over
    await program.says(f"Session {started['sessionId']} has ended: finished", stream="err")
    assert local_daily.rooms == {}


async def test_a_call_may_end_by_itself_after_the_signal(app, local_daily):
    program, session = app
    async with session.post("/bots/start", json=START, headers=ANA) as answer:
        started = await answer.json()
    ana = local_daily.join(started["dailyRoom"], started["dailyToken"])
    await ana.hears(660)
    program.signal(signal.SIGTERM)
    await program.says("Shutting down", stream="err")
    assert len(local_daily.rooms) == 1
    ana.leave()
    await program.ended()
    assert local_daily.rooms == {}
    assert f"Session {started['sessionId']} has ended: finished" in program.err
