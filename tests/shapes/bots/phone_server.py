# SPDX-License-Identifier: BSD-2-Clause
"""The server beside a telephone bot: Daily asks it for a room, and it starts the bot there.

``python phone_server.py cold_transfer`` runs ``cold_transfer.py``.
"""

import asyncio
import importlib
import sys

import aiohttp
import uvicorn
from fastapi import FastAPI, Request
from pipecat.runner.daily import configure
from pipecat.runner.types import DailyRunnerArguments

bot = importlib.import_module(sys.argv[1]).bot
app = FastAPI()
calls = set()


@app.post("/start")
async def start(request: Request):
    call = await request.json()
    async with aiohttp.ClientSession() as session:
        room = await configure(session, sip_caller_phone=call["From"], enable_dialout=True)
    arguments = DailyRunnerArguments(room_url=room.room_url, token=room.token, body=call)
    arguments.handle_sigint = False
    calls.add(asyncio.create_task(bot(arguments)))
    return {"status": "started"}


if __name__ == "__main__":
    uvicorn.run(app, port=0)
