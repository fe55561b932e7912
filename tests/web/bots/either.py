# SPDX-License-Identifier: BSD-2-Clause
"""A bot for Daily and SmallWebRTC under Pipecat's own runner: it hums, and says when it is spoken to."""

import asyncio

import numpy as np
from pipecat.frames.frames import InputAudioRawFrame, OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.runner.utils import create_transport
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.daily.transport import DailyParams
from pipecat.workers.runner import WorkerRunner

RATE = 24_000
SOUND = {"audio_in_enabled": True, "audio_out_enabled": True}


class Ear(FrameProcessor):
    heard = False

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            loud = np.abs(np.frombuffer(frame.audio, np.int16)).max(initial=0) > 3000
            if loud and not self.heard:
                self.heard = True
                print("heard you", flush=True)
            return
        await self.push_frame(frame, direction)


async def bot(runner_args):
    kinds = {"daily": lambda: DailyParams(**SOUND), "webrtc": lambda: TransportParams(**SOUND)}
    transport = await create_transport(runner_args, kinds)
    print("started", type(transport).__name__, flush=True)
    worker = PipelineWorker(
        Pipeline([transport.input(), Ear(), transport.output()]), idle_timeout_secs=None
    )
    note = (np.sin(2 * np.pi * 660 * np.arange(RATE) / RATE) * 8000).astype(np.int16).tobytes()
    humming = []

    async def hum():
        while True:
            await worker.queue_frame(OutputAudioRawFrame(note, RATE, num_channels=1))
            await asyncio.sleep(0.9)

    @transport.event_handler("on_client_connected")
    async def on_client_connected(_transport, _client):
        humming.append(asyncio.create_task(hum()))

    @transport.event_handler("on_client_disconnected")
    async def on_client_disconnected(_transport, _client):
        print("left", flush=True)
        humming.pop().cancel()
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
