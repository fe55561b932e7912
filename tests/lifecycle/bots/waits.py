import asyncio


async def bot(runner_args):
    print("in", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        print("out", flush=True)
