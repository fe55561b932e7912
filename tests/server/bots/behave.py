"""A bot that does what its body says."""

import asyncio
import os
import signal
import time
from pathlib import Path

from loguru import logger


async def bot(runner_args):
    what = runner_args.body.get("do")
    print(f"in {runner_args.session_id}")
    if what == "raise":
        raise ValueError("no such word eyJhbGciOiJIUzI1NiJ9.eyJyIjoieCJ9.c2lnbmF0dXJl")
    if what == "exit":
        raise SystemExit(3)
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "block":
        logger.info("blocks")
        time.sleep(600)  # noqa: ASYNC251 - on purpose
    if what == "stay":
        await asyncio.Event().wait()
    if what == "wait":
        while not Path(runner_args.body["file"]).exists():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    if what == "grow":
        held = []
        while True:
            held.append(bytearray(os.urandom(1 << 20)))
            await asyncio.sleep(0.001)
    if what == "ignore":
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                logger.info("ignored")
    if what == "clean up":
        place = Path(runner_args.body["file"])
        try:
            await asyncio.Event().wait()
        finally:
            place.write_text("begun")
            while not place.with_suffix(".go").exists():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            place.write_text("done")
    if what == "where":
        Path(runner_args.body["file"]).write_text(f"{os.getpid()} {runner_args.room_url}")


def readyz():
    return {"ready": os.environ.get("NOT_READY") != "yes"}
