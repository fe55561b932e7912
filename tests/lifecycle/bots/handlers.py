"""Installs handlers of its own, in both ways, and relies on them to end."""

import asyncio
import signal


async def bot(runner_args):
    stop = asyncio.Event()
    before = signal.signal(signal.SIGINT, lambda *_: print("own signal.signal", flush=True))
    assert callable(before)

    def handler():
        print("own add_signal_handler", flush=True)
        stop.set()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, handler)
    print("in", flush=True)
    await asyncio.shield(asyncio.ensure_future(stop.wait()))
