"""Leaves a thread behind that never ends."""

import asyncio
import threading


async def bot(runner_args):
    threading.Thread(target=threading.Event().wait).start()
    print("in", flush=True)
    await asyncio.Event().wait()
