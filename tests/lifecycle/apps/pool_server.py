# SPDX-License-Identifier: BSD-2-Clause
"""A server around a pool: POST /start starts a bot in a room that exists already."""

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from pipecat_daily_rest import DailyError, ProvisionedRoom, RoomPool, drain_on_exit

sys.path.insert(0, str(Path(__file__).parents[3] / "examples"))
from quickstart import bot

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


async def rooms(app: web.Application):
    app[CALLS] = set()
    async with drain_on_exit(), RoomPool(size=5, max_size=20, lifetime=LONGEST) as app[POOL]:
        yield
        for task in app[CALLS]:
            task.cancel()
        await asyncio.gather(*app[CALLS], return_exceptions=True)


if __name__ == "__main__":
    app = web.Application()
    app.cleanup_ctx.append(rooms)
    app.add_routes([web.post("/start", start)])
    web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]))
