# SPDX-License-Identifier: BSD-2-Clause
"""Bots that do not wait for their rooms: each takes one that was made ahead.

    pipecat-daily-rest local -- python examples/pool.py    # on this machine
    python examples/pool.py                                # on Daily, with DAILY_API_KEY

Five bots, one after the other, join a room and leave it. The pool has two rooms ready and makes
new ones meanwhile. A server that does this for each visitor is `pipecat-daily-rest serve --pool 2`.
"""

import asyncio
import sys
from time import perf_counter

from dotenv import find_dotenv, load_dotenv
from pipecat.frames.frames import EndFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.workers.runner import WorkerRunner

from pipecat_daily_rest import DailyError, ProvisionedRoom, RoomPool, drain_on_exit

BOTS = 5


async def bot(room: ProvisionedRoom) -> None:
    from pipecat.transports.daily.transport import DailyParams, DailyTransport

    transport = DailyTransport(room.url, room.bot_token, "Bot", DailyParams())
    worker = PipelineWorker(Pipeline([transport.input(), transport.output()]))

    @transport.event_handler("on_joined")
    async def on_joined(_transport, _data):
        await worker.queue_frame(EndFrame())

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


async def main() -> None:
    load_dotenv(find_dotenv(usecwd=True))
    async with drain_on_exit(), RoomPool(size=2, lifetime=600) as pool:
        for number in range(1, BOTS + 1):
            asked = perf_counter()
            async with pool.room() as room:
                waited = (perf_counter() - asked) * 1000
                print(f"Bot {number} waited {waited:.1f} ms for {room.name}", flush=True)
                await bot(room)
        print(pool.stats, flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except DailyError as exc:
        sys.exit(f"Error: {exc}")
    except KeyboardInterrupt:
        sys.exit("Stopped")
