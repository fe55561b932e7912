# SPDX-License-Identifier: BSD-2-Clause
"""An aiohttp app with bots wherever an app can have them."""

import asyncio
import os
import signal

from aiohttp import web

from pipecat_daily_rest import drain_on_exit, provisioned_room

detached = set()


async def draining(app):
    async with drain_on_exit():
        yield


async def call():
    async with provisioned_room() as room:
        print("in", room.name, os.getpid(), flush=True)
        yield room
        await asyncio.Event().wait()


async def bot():
    async for _ in call():
        pass


async def start(request):
    detached.add(asyncio.create_task(bot()))
    return web.Response()


async def stream(request):
    response = web.StreamResponse()
    await response.prepare(request)
    async for room in call():
        await response.write(f"data: {room.url}\n\n".encode())
    return response


async def websocket(request):
    websocket = web.WebSocketResponse()
    await websocket.prepare(request)
    async for room in call():
        await websocket.send_str(room.name)
    return websocket


async def with_handlers_of_its_own(request):
    detached.add(asyncio.create_task(bot()))
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, print, "bot told")
    return web.Response()


async def told(app):
    print("app told", flush=True)


app = web.Application()
app.cleanup_ctx.append(draining)
app.on_shutdown.append(told)
app.add_routes(
    [
        web.post("/detached", start),
        web.post("/background", start),
        web.get("/stream", stream),
        web.get("/websocket", websocket),
        web.post("/runner", with_handlers_of_its_own),
    ]
)

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=0)
