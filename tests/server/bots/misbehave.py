"""A bot that does to its process what bots do."""

import asyncio
import contextlib
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from loguru import logger


async def bot(runner_args):
    place = Path(runner_args.body["file"])
    place.write_text(str(os.getpid()))
    await globals()[runner_args.body["do"]](place)


async def fork_and_die(place):
    worker = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
    worker.start()
    place.write_text(f"{os.getpid()} {worker.pid}")
    os.kill(os.getpid(), signal.SIGKILL)


async def close_everything(place):
    os.closerange(3, 200)
    time.sleep(600)  # noqa: ASYNC251 - on purpose


async def reuse_everything(place):
    os.closerange(3, 200)
    held = [place.open() for _ in range(20)]  # under the numbers of the descriptors of before
    time.sleep(600)  # noqa: ASYNC251 - on purpose
    del held


async def leave_a_thread(place):
    sys.stdout = None
    threading.Thread(target=time.sleep, args=(600,)).start()


async def leave_a_call(place):
    leave_a_call.running = asyncio.create_task(asyncio.to_thread(time.sleep, 600))
    await asyncio.sleep(0)


async def leave_a_program(place):
    program = subprocess.Popen(["sleep", "600"])  # noqa: ASYNC220
    place.write_text(f"{os.getpid()} {program.pid}")


async def stay_with_a_program(place):
    await leave_a_program(place)
    await asyncio.Event().wait()


async def write_to_the_wire(place):
    for descriptor in range(3, 40):
        with contextlib.suppress(OSError):
            os.write(descriptor, b"5\n")
    await asyncio.Event().wait()


async def exit_in_a_task(place):
    async def leave():
        raise SystemExit(4)

    exit_in_a_task.running = asyncio.create_task(leave())
    await asyncio.Event().wait()


async def write(place):
    print("x" * 3_000_000)
    thread = threading.Thread(target=print, args=("from a thread",))
    thread.start()
    thread.join()
    print("to stderr", file=sys.stderr)
    logging.getLogger("bot").warning("by logging")
    logger.add(sys.stdout, format="mine {message}")
    logger.add(lambda record: print(f"printed {record}", end=""), format="{message}")
    logger.add(
        lambda record: sys.stderr.write(f"queued {record}"), format="{message}", enqueue=True
    )
    logger.info("to the bot's own handler")
    logger.complete()
    sys.stdout.buffer.write(b"past the text\n")
    sys.stdout.flush()
    subprocess.run(["echo", "from a program"], check=True)  # noqa: ASYNC221
    print("no end", end="")


async def read_stdin(place):
    read = subprocess.run(["cat"], stdout=subprocess.PIPE, check=True)  # noqa: ASYNC221
    place.write_text(repr(read.stdout))


async def draw(place):
    import numpy

    place.write_text(str(numpy.random.rand()))
