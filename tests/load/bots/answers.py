"""A bot that answers after 0.3 s, and burns CPU if its body says so, or has a program that does.

`room_for` in its body is for how many bots a folder has room: one more of them raises.
"""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from delayed_bot import delayed

BURN = """
import time
while True:
    until = time.thread_time() + 0.02
    while time.thread_time() < until:
        pass
    time.sleep(0.02)
"""


async def burn(part: float) -> None:
    while True:
        until = time.thread_time() + part * 0.05
        while time.thread_time() < until:
            pass
        await asyncio.sleep((1 - part) * 0.05)


async def bot(runner_args):
    given = runner_args.body
    if "room_for" in given:
        place = Path(given["folder"])
        mine = place / str(os.getpid())
        mine.touch()
        alive = [path for path in place.iterdir() if Path(f"/proc/{path.name}").exists()]
        if len(alive) > given["room_for"]:
            mine.unlink()
            raise MemoryError("no room")
    if given.get("starts"):
        subprocess.Popen([sys.executable, "-c", BURN])  # noqa: ASYNC220 - it goes with the bot
    burning = asyncio.create_task(burn(given.get("burns", 0.0)))
    try:
        await delayed(0.3, seconds=0.1)(runner_args)
    finally:
        burning.cancel()
