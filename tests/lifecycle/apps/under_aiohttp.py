"""An aiohttp app that starts a bot with each request and drains its rooms at the end."""

import asyncio

from aiohttp import web

from pipecat_daily_rest import drain_on_exit, provisioned_room

bots = set()


async def draining(app):
    async with drain_on_exit():
        yield


async def bot(ready):
    async with provisioned_room() as room:
        ready.set_result(room.name)
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if not app["stubborn"]:
                    raise


async def start(request):
    app["stubborn"] = request.match_info["kind"] == "stubborn"
    ready = asyncio.get_running_loop().create_future()
    bots.add(asyncio.create_task(bot(ready)))
    return web.json_response({"room": await ready})


app = web.Application()
app["stubborn"] = False
app.cleanup_ctx.append(draining)
app.router.add_post("/start/{kind}", start)
web.run_app(app, host="127.0.0.1", port=0)
