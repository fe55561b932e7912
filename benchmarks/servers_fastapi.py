# SPDX-License-Identifier: BSD-2-Clause
"""A server as Pipecat's examples write it: a room by Pipecat's helper, a subprocess for each bot.

``servers_fastapi.py PORT [BOT]``: the bot's file gets the room's URL and a token as its arguments.
"""

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import uvicorn
from fastapi import FastAPI
from pipecat.transports.daily.utils import (
    DailyRESTHelper,
    DailyRoomParams,
    DailyRoomProperties,
)

_LIFETIME = 3600.0  # seconds
_BOT = sys.argv[2] if len(sys.argv) > 2 else str(Path(__file__).with_name("servers_bot.py"))


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
        for bot in app.state.bots:
            bot.terminate()
            bot.wait()


app = FastAPI(lifespan=_lifespan)


@app.post("/start")
async def start() -> dict[str, str]:
    daily: DailyRESTHelper = app.state.daily
    properties = DailyRoomProperties(exp=time.time() + _LIFETIME, eject_at_room_exp=True)
    room = await daily.create_room(DailyRoomParams(properties=properties))
    token = await daily.get_token(room.url, _LIFETIME)
    command = [sys.executable, _BOT, room.url, token]
    app.state.bots.append(subprocess.Popen(command))  # noqa: ASYNC220 - as the examples do
    return {"dailyRoom": room.url, "dailyToken": token}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
