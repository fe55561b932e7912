# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of this folder look at after a session: is anything left, was anything noisy?"""

import asyncio
import gc
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace

from loguru import logger

from pipecat_daily_rest import DailyRESTHelper, RetryPolicy, owned_rooms
from pipecat_daily_rest.local import LocalDaily

# Three attempts outlast "a few times, then well". No request is given up when a machine stands still.
POLICY = RetryPolicy(attempts=3, backoff=0.005, max_backoff=0.05, timeout=60, deadline=180)
HASTY = replace(POLICY, timeout=1.0)  # for what hangs


REQUESTS = {
    "create": ("POST", "/rooms"),
    "look": ("GET", "/rooms/*"),  # after a create whose answer was lost
    "domain": ("GET", "/"),
    "token": ("POST", "/meeting-tokens"),
    "delete": ("DELETE", "/rooms/*"),
}
TIMES = {"once": 1, "a few times": 2, "always": None}
HARMLESS = {"delay", "delay-after", "nulls", "unknown"}


def helper_of(daily: LocalDaily, policy: RetryPolicy = POLICY) -> DailyRESTHelper:
    return DailyRESTHelper(daily_api_key=daily.api_key, daily_api_url=daily.api_url, retry=policy)


def sent(daily: LocalDaily, method: str, path: str) -> list[int | None]:
    """The statuses of the answers to the requests whose path begins like this."""
    return [
        each.status
        for each in daily.requests
        if each.method == method and each.path.startswith(path)
    ]


async def all_of(cells: Iterable[Coroutine[None, None, None]]) -> None:
    """Run them side by side, but few enough that a slow machine keeps to their timeouts."""
    places = asyncio.Semaphore(8)

    async def run(cell: Coroutine[None, None, None]) -> None:
        async with places:
            await cell

    ends = await asyncio.gather(*map(run, cells), return_exceptions=True)
    for end in ends:
        if end is not None:
            raise end


@asynccontextmanager
async def watched() -> AsyncIterator[list[str]]:
    """Gives the errors that are logged; at the end nothing may be left, nor have been noisy."""
    loop = asyncio.get_running_loop()
    noise: list[str] = []
    errors: list[str] = []
    loop.set_exception_handler(lambda _, context: noise.append(str(context)))
    sink = logger.add(lambda message: errors.append(message.record["message"]), level="ERROR")
    before = asyncio.all_tasks()
    try:
        yield errors
        if rest := asyncio.all_tasks() - before:
            await asyncio.wait(rest, timeout=5)
        gc.collect()
        await asyncio.sleep(0)
        assert noise == []
        assert owned_rooms() == ()
        assert asyncio.all_tasks() <= before
    finally:
        logger.remove(sink)
        loop.set_exception_handler(None)
