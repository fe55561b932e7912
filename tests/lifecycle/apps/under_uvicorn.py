"""A FastAPI app that starts a bot with each request and drains its rooms at the end."""

import asyncio
from contextlib import asynccontextmanager

import aiohttp
from fastapi import FastAPI

from pipecat_daily_rest import configure, drain_on_exit, provisioned_room


@asynccontextmanager
async def lifespan(app):
    async with drain_on_exit():
        yield


app = FastAPI(lifespan=lifespan)
bots = set()


async def in_a_block(ready):
    async with provisioned_room() as room:
        ready.set_result(room.name)
        await asyncio.Event().wait()


async def stubborn(ready):
    async with provisioned_room() as room:
        ready.set_result(room.name)
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                print("no", flush=True)


async def configured(ready):
    async with aiohttp.ClientSession() as session:
        config = await configure(session)
        ready.set_result(config.room_url.rpartition("/")[2])
        await asyncio.Event().wait()


@app.post("/start/{kind}")
async def start(kind: str, wait: bool = True):
    ready = asyncio.get_running_loop().create_future()
    bot = {"block": in_a_block, "stubborn": stubborn, "configured": configured}[kind]
    bots.add(asyncio.create_task(bot(ready)))
    return {"room": await ready if wait else None}
