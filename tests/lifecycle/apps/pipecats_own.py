# SPDX-License-Identifier: BSD-2-Clause
"""A bot that knows nothing of this package, under Pipecat's own development runner."""

import asyncio
import json

from pipecat.runner.types import DailyRunnerArguments


async def bot(runner_args: DailyRunnerArguments):
    body = json.dumps(runner_args.body or {})
    print(f"in {runner_args.room_url} {runner_args.token} {body}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
