# SPDX-License-Identifier: BSD-2-Clause
"""Tells where Pipecat finds Daily's API, here and in a child process."""

import asyncio
import os
import sys

from pipecat.transports.daily.transport import DailyParams


async def bot(runner_args):
    tell("bot")
    child = await asyncio.create_subprocess_exec(sys.executable, __file__)
    assert await child.wait() == 0


def tell(who):
    print(who, DailyParams().api_url == os.environ["DAILY_API_URL"], flush=True)


if __name__ == "__main__":
    tell("program")
