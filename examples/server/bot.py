# SPDX-License-Identifier: BSD-2-Clause
"""A bot that greets its visitor by name: ``body`` is what the page has sent."""

import numpy as np
from pipecat.frames.frames import OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.utils import create_transport
from pipecat.transports.daily.transport import DailyOutputTransportMessageFrame, DailyParams
from pipecat.workers.runner import WorkerRunner

SAMPLE_RATE = 24_000


def chime() -> bytes:
    time = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    note = np.sin(2 * np.pi * 660 * time) * np.hanning(time.size)
    return (note * 8000).astype(np.int16).tobytes()


async def bot(runner_args):
    transport = await create_transport(
        runner_args, {"daily": lambda: DailyParams(audio_out_enabled=True)}
    )
    worker = PipelineWorker(Pipeline([transport.output()]), idle_timeout_secs=None)
    who = runner_args.body.get("who", "stranger")

    @transport.event_handler("on_client_connected")
    async def on_client_connected(_transport, _client):
        print(f"{who} has joined")
        hello = {"hello": who}
        await worker.queue_frame(DailyOutputTransportMessageFrame(message=hello))
        await worker.queue_frame(OutputAudioRawFrame(chime(), SAMPLE_RATE, num_channels=1))

    @transport.event_handler("on_client_disconnected")
    async def on_client_disconnected(_transport, _client):
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()
