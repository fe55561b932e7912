# SPDX-License-Identifier: BSD-2-Clause
"""A bot hands its caller to a person, and leaves the room to the two.

    pipecat-daily-rest local -- python examples/warm_transfer.py   # on this machine
    python examples/warm_transfer.py                               # on Daily, with DAILY_API_KEY

Open the first link: you are the caller. The second link is for your colleague, who becomes an owner
of the room. When the colleague is in, the bot plays its chime again and leaves, and the room lives
until its exp. If the caller leaves before that, the room is deleted as usual.

A local room ends with its local Daily, at the latest. To go on talking, keep one running in another
terminal (`pipecat-daily-rest local`), and paste its variables here.
"""

import asyncio
import sys

import numpy as np
from dotenv import find_dotenv, load_dotenv
from pipecat.frames.frames import EndFrame, OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.workers.runner import WorkerRunner

from pipecat_daily_rest import DailyError, provisioned_room

SAMPLE_RATE = 24_000


def chime() -> OutputAudioRawFrame:
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    note = np.sin(2 * np.pi * 660 * time) * np.hanning(time.size)
    return OutputAudioRawFrame((note * 8000).astype(np.int16).tobytes(), SAMPLE_RATE, 1)


async def main() -> None:
    load_dotenv(find_dotenv(usecwd=True))
    async with provisioned_room(lifetime=600, name_prefix="transfer") as room:
        from pipecat.transports.daily.transport import DailyParams, DailyTransport

        transport = DailyTransport(
            room.url, room.bot_token, "Bot", DailyParams(audio_out_enabled=True)
        )
        worker = PipelineWorker(Pipeline([transport.output()]), idle_timeout_secs=None)

        @transport.event_handler("on_client_connected")
        async def on_client_connected(_transport, participant):
            if participant["info"]["isOwner"]:  # the colleague: hand over
                room.keep()
                await worker.queue_frames([chime(), EndFrame()])
            else:  # the caller
                await worker.queue_frame(chime())
                token = await room.create_token(owner=True)
                print(f"For your colleague: {room.url}?t={token}", flush=True)

        @transport.event_handler("on_client_disconnected")
        async def on_client_disconnected(_transport, _participant):
            if room.owned:  # nobody has taken over
                await worker.cancel()

        print(f"For the caller: {room.join_url}", flush=True)
        runner = WorkerRunner(handle_sigterm=True)
        await runner.add_workers(worker)
        await runner.run()
    if room.gone:
        print(f"Room {room.name} deleted", flush=True)
    else:
        print(f"Room {room.name} lives until {room.expires_at:%H:%M:%S %Z}", flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except DailyError as exc:
        sys.exit(f"Error: {exc}")
