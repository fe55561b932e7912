# SPDX-License-Identifier: BSD-2-Clause
"""A room in a block, for a program with its own event loop and Pipecat runner.

    pipecat-daily-rest local -- python examples/room_block.py   # on this machine
    python examples/room_block.py                               # on Daily, with DAILY_API_KEY

The bot plays a chime for everyone who joins, for ten minutes or until Ctrl-C.
"""

import asyncio
import sys

import numpy as np
from dotenv import find_dotenv, load_dotenv
from pipecat.frames.frames import OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.workers.runner import WorkerRunner

from pipecat_daily_rest import DailyError, provisioned_room

SAMPLE_RATE = 24_000


def chime() -> bytes:
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    note = np.sin(2 * np.pi * 660 * time) * np.hanning(time.size)
    return (note * 8000).astype(np.int16).tobytes()


async def main() -> None:
    load_dotenv(find_dotenv(usecwd=True))
    async with provisioned_room(lifetime=600) as room:
        from pipecat.transports.daily.transport import DailyParams, DailyTransport

        transport = DailyTransport(
            room.url, room.bot_token, "Chime", DailyParams(audio_out_enabled=True)
        )
        worker = PipelineWorker(Pipeline([transport.output()]), idle_timeout_secs=None)

        @transport.event_handler("on_client_connected")
        async def on_client_connected(_transport, _client):
            await worker.queue_frame(OutputAudioRawFrame(chime(), SAMPLE_RATE, num_channels=1))

        print(f"Talk to it: {room.join_url}", flush=True)
        # SIGTERM would end the process before the room is deleted: let Pipecat handle it.
        runner = WorkerRunner(handle_sigterm=True)
        await runner.add_workers(worker)
        await runner.run()
    print(f"Room {room.name} deleted", flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except DailyError as exc:
        sys.exit(f"Error: {exc}")
