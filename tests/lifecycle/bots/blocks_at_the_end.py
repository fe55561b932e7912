"""Never gives the event loop back once it was told to stop."""

import asyncio
import time


async def bot(runner_args):
    print("in", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        while True:
            time.sleep(0.05)  # noqa: ASYNC251 - the fault under test
