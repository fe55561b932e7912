"""Ignores every cancellation."""

import asyncio


async def bot(runner_args):
    print("in", flush=True)
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            print("no", flush=True)
