# SPDX-License-Identifier: BSD-2-Clause
"""A FastAPI app with bots wherever an app can have them."""

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager

from fastapi import BackgroundTasks, FastAPI, WebSocket
from fastapi.responses import StreamingResponse

from pipecat_daily_rest import drain_on_exit, provisioned_room

detached = set()


@asynccontextmanager
async def lifespan(app):
    async with drain_on_exit(grace=float(os.environ.get("GRACE", "0"))):
        yield


app = FastAPI(lifespan=lifespan)


async def call():
    async with provisioned_room() as room:
        print("in", room.name, os.getpid(), flush=True)
        yield room
        await asyncio.Event().wait()


async def bot():
    async for _ in call():
        pass


@app.post("/detached")
async def start_detached():
    detached.add(asyncio.create_task(bot()))


@app.post("/background")
async def start_in_background(tasks: BackgroundTasks):
    tasks.add_task(bot)


@app.post("/ends/{seconds}")
async def start_short(seconds: float):
    async def short():
        async with provisioned_room():
            await asyncio.sleep(seconds)

    detached.add(asyncio.create_task(short()))


@app.get("/stream")
async def stream():
    async def events():
        async for room in call():
            yield f"data: {room.url}\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


@app.websocket("/websocket")
async def websocket(websocket: WebSocket):
    await websocket.accept()
    async for room in call():
        await websocket.send_text(room.name)


@app.post("/blocked")
async def blocked():
    async def block():
        async for _ in call():
            print("blocks", flush=True)
            while True:
                signal.pause()

    detached.add(asyncio.create_task(block()))


@app.post("/runner")
async def with_handlers_of_its_own():
    def told():
        print("bot told", flush=True)

    detached.add(asyncio.create_task(bot()))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told)


@app.post("/after/{seconds}")
async def make_later(seconds: float):
    async def later():
        await asyncio.sleep(seconds)
        await bot()

    detached.add(asyncio.create_task(later()))


if __name__ == "__main__":
    import uvicorn

    config = uvicorn.Config(app, port=0, loop=os.environ.get("LOOP", "auto"))
    if sys.argv[1:] == ["serve"]:
        asyncio.run(uvicorn.Server(config).serve())
    else:
        uvicorn.run(app, port=0)
