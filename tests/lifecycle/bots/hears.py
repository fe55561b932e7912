"""Plays 3000 Hz and tells which tone it hears from whom."""

import asyncio

import numpy as np
from pipecat.frames.frames import OutputAudioRawFrame, UserAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.runner.utils import create_transport
from pipecat.transports.daily.transport import DailyParams
from pipecat.workers.runner import WorkerRunner

RATE = 16_000


class Ears(FrameProcessor):
    def __init__(self):
        super().__init__()
        self.heard = {}

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if not isinstance(frame, UserAudioRawFrame):
            await self.push_frame(frame, direction)
            return
        heard = self.heard.setdefault(frame.user_id, bytearray())
        heard += frame.audio
        if len(heard) >= RATE:
            samples = np.frombuffer(bytes(heard), np.int16).astype(float)
            heard.clear()
            if np.abs(samples).mean() > 100:
                spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
                hz = np.fft.rfftfreq(samples.size, 1 / RATE)[spectrum.argmax()]
                print(f"heard {frame.user_id} {round(hz / 100) * 100}", flush=True)


async def bot(runner_args):
    transport = await create_transport(
        runner_args,
        {"daily": lambda: DailyParams(audio_in_enabled=True, audio_out_enabled=True)},
    )
    worker = PipelineWorker(
        Pipeline([transport.input(), Ears(), transport.output()]),
        params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE),
        idle_timeout_secs=None,
    )

    @transport.event_handler("on_joined")
    async def on_joined(_transport, _data):
        print("in", flush=True)
        time = np.arange(RATE * 30) / RATE
        tone = (np.sin(2 * np.pi * 3000 * time) * 8000).astype(np.int16).tobytes()

        async def play():
            while True:
                await worker.queue_frame(OutputAudioRawFrame(tone, RATE, num_channels=1))
                await asyncio.sleep(30)

        worker.playing = asyncio.create_task(play())

    runner = WorkerRunner()
    await runner.add_workers(worker)
    await runner.run()
    worker.playing.cancel()
