# SPDX-License-Identifier: BSD-2-Clause
"""Runs sessions one after another; some are cancelled or fail. Prints a line for each."""

import asyncio
import random
import sys

from loguru import logger

from pipecat_daily_rest import (
    DailyError,
    DailyRESTHelper,
    RetryPolicy,
    owned_rooms,
    provisioned_room,
)
from pipecat_daily_rest._core.timings import Timings

POLICY = RetryPolicy(attempts=12, backoff=0.005, max_backoff=0.05, timeout=0.5, deadline=15)


async def session(helper: DailyRESTHelper, dice: random.Random) -> str:
    """Run a session that ends in one of several ways; give how it ended."""

    async def body() -> None:
        source = dice.choice(["local", "api"])
        async with provisioned_room(daily=helper, lifetime=600, token_source=source):
            await asyncio.sleep(dice.choice([0, 0, 0.005]))
            if dice.random() < 0.2:
                raise ZeroDivisionError

    task = asyncio.create_task(body())
    if dice.random() < 0.3:
        await asyncio.sleep(dice.random() * 0.03)
        task.cancel()
        if dice.random() < 0.5:
            await asyncio.sleep(dice.random() * 0.01)
            task.cancel()
    try:
        await task
    except (asyncio.CancelledError, ZeroDivisionError):
        return "ended"
    except DailyError as exc:
        return type(exc).__name__
    return "ok"


async def main(seed: str, count: int) -> None:
    """Run so many sessions."""
    dice = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    async with DailyRESTHelper.from_env() as environment:
        helper = DailyRESTHelper(
            daily_api_key=environment.daily_api_key,
            daily_api_url=environment.daily_api_url,
            retry=POLICY,
        )
        helper.api.timings = Timings(look_again=(0.05, 0.1))
        async with helper:
            for number in range(1, count + 1):
                end = await session(helper, dice)
                if owned_rooms():
                    sys.exit(f"Session {number} ({end}) left {owned_rooms()}.")
                print(number, end, flush=True)


logger.remove()
asyncio.run(main(sys.argv[1], int(sys.argv[2])))
