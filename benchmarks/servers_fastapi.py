# SPDX-License-Identifier: BSD-2-Clause
"""A server as Pipecat's examples write it: a room by Pipecat's helper, a subprocess for each bot."""

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import uvicorn
from fastapi import FastAPI
from pipecat.transports.daily.utils import (
    DailyRESTHelper,
    DailyRoomParams,
    DailyRoomProperties,
)

_LIFETIME = 3600.0  # seconds


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with aiohttp.ClientSession() as session:
        app.state.bots = []
        app.state.daily = DailyRESTHelper(
            daily_api_key=os.environ["DAILY_API_KEY"],
            daily_api_url=os.environ["DAILY_API_URL"],
            aiohttp_session=session,
        )
        yield


app = FastAPI(lifespan=_lifespan)


@app.post("/start")
async def start() -> dict[str, str]:
    daily: DailyRESTHelper = app.state.daily
    properties = DailyRoomProperties(exp=time.time() + _LIFETIME, eject_at_room_exp=True)
    room = await daily.create_room(DailyRoomParams(properties=properties))
    token = await daily.get_token(room.url, _LIFETIME)
    command = [sys.executable, "-m", "benchmarks.servers_bot", room.url, token]
    app.state.bots.append(subprocess.Popen(command))  # noqa: ASYNC220 - as the examples do
    return {"dailyRoom": room.url, "dailyToken": token}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
