# SPDX-License-Identifier: BSD-2-Clause
"""A server that starts a bot with each POST /start, in a room that exists already.

    pipecat-daily-rest local -- python examples/pool.py    # on this machine
    python examples/pool.py                                # on Daily, with DAILY_API_KEY
    curl -X POST http://localhost:7860/start               # starts a call; GET /stats shows the pool

The answer is the one that Pipecat's client libraries expect from ``/start``. Ctrl-C or SIGTERM ends
the calls and deletes every room.
"""

import asyncio
import os
from contextlib import suppress
from dataclasses import asdict

from aiohttp import web
from dotenv import find_dotenv, load_dotenv
from quickstart import bot

from pipecat_daily_rest import DailyError, ProvisionedRoom, RoomPool, drain_on_exit

LONGEST = 600  # seconds of one call

POOL = web.AppKey("pool", RoomPool)
CALLS = web.AppKey("calls", set[asyncio.Task[None]])


async def call(pool: RoomPool, handed_out: asyncio.Future[ProvisionedRoom]) -> None:
    try:
        async with pool.room() as room:
            handed_out.set_result(room)
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST):
                    await bot(room.runner_args())
    except DailyError as error:
        handed_out.set_exception(error)


async def start(request: web.Request) -> web.Response:
    handed_out = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(call(request.app[POOL], handed_out))
    request.app[CALLS].add(task)
    task.add_done_callback(request.app[CALLS].discard)
    try:
        room = await handed_out
    except DailyError as error:
        raise web.HTTPServiceUnavailable(text=str(error)) from error
    return web.json_response({"dailyRoom": room.url, "dailyToken": room.user_token})


async def stats(request: web.Request) -> web.Response:
    return web.json_response(asdict(request.app[POOL].stats))


async def rooms(app: web.Application):
    app[CALLS] = set()
    async with drain_on_exit(), RoomPool(size=5, max_size=20, lifetime=LONGEST) as app[POOL]:
        yield
        for task in app[CALLS]:
            task.cancel()
        await asyncio.gather(*app[CALLS], return_exceptions=True)


if __name__ == "__main__":
    load_dotenv(find_dotenv(usecwd=True))
    app = web.Application()
    app.cleanup_ctx.append(rooms)
    app.add_routes([web.post("/start", start), web.get("/stats", stats)])
    web.run_app(app, host="127.0.0.1", port=int(os.environ.get("PORT", "7860")))
