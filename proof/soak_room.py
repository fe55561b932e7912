# SPDX-License-Identifier: BSD-2-Clause
"""A local Daily in a process of its own. It prints its URL and key, and answers a GET with what it holds."""

import asyncio
import gc
import json
import os
import threading
from collections import Counter

from aiohttp import web
from loguru import logger

from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.call import log, meetings, room
from pipecat_daily_rest.local.face import timelines
from pipecat_daily_rest.local.rest import journal
from proof.looks import resident

_MOST = 300  # past requests, log lines and meetings kept, so few that the bound is reached in the warm-up
_MOST_ENDED = 3  # rooms of the past, likewise
# Classes of what may be kept after people have left, each with a bound of its own.
KEPT = ("Attendance", "Entry", "LogEntry", "Meeting", "Request", "_Entry")
_OURS = ("pipecat_daily_rest", "aiortc", "aioice", "pyee", "aiohttp.web_ws")


def held() -> dict[str, int]:
    """Count what the process holds: descriptors, threads, tasks, and objects by class."""
    gc.collect()
    kinds: Counter[str] = Counter()
    for each in gc.get_objects():
        kind = type(each)
        if str(getattr(kind, "__module__", "")).startswith(_OURS) and kind.__name__ not in KEPT:
            kinds[f"{kind.__module__}.{kind.__name__}"] += 1
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
        "tasks": len(asyncio.all_tasks()),
        **kinds,
    }


async def main() -> None:
    """Run until it is killed."""

    async def look(_: web.Request) -> web.Response:
        return web.json_response({"held": held(), "resident": resident()})

    journal._MOST = log._MOST = meetings._MOST = room._MOST_TOLD = _MOST
    timelines._MOST_ENDED = _MOST_ENDED
    async with LocalDaily() as daily:
        app = web.Application()
        app.add_routes([web.get("/", look)])
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        where = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        print(json.dumps({"look": where, "port": daily.port, "env": daily.env()}), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    logger.remove()
    asyncio.run(main())
