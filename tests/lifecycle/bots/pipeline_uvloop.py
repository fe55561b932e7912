"""The pipeline under uvloop."""

import asyncio

import pipeline
import uvloop

asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


async def bot(runner_args):
    print(type(asyncio.get_running_loop()).__module__, flush=True)
    await pipeline.bot(runner_args)
