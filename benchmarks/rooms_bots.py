# SPDX-License-Identifier: BSD-2-Clause
"""The benchmark's bots, on Pipecat's own DailyTransport: they repeat words and answer messages."""

import asyncio
from typing import Any

import numpy as np
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    OutputAudioRawFrame,
    OutputTransportMessageUrgentFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.transports.daily.transport import DailyParams, DailyTransport
from pipecat.workers.runner import WorkerRunner

from benchmarks.child import serve

_LOUD = 500  # of 32767


class _Echo(FrameProcessor):
    """Repeats what it hears, without the silence."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, InputAudioRawFrame):
            await self.push_frame(frame, direction)
        elif np.abs(np.frombuffer(frame.audio, np.int16)).max() > _LOUD:
            echo = OutputAudioRawFrame(frame.audio, frame.sample_rate, frame.num_channels)
            await self.push_frame(echo, FrameDirection.DOWNSTREAM)


class _Bots:
    """The bots of this process."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self._workers: list[PipelineWorker] = []

    async def join(self, *, urls: list[str], media: bool) -> None:
        """Let a bot into each room."""
        joined = [asyncio.Event() for _ in urls]
        for url, event in zip(urls, joined, strict=True):
            self._tasks.append(asyncio.create_task(self._run(url, media, event)))
        waits = [asyncio.create_task(event.wait()) for event in joined]
        done, _ = await asyncio.wait(
            [*self._tasks, asyncio.gather(*waits)], return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            task.result()

    async def _run(self, url: str, media: bool, joined: asyncio.Event) -> None:
        params = DailyParams(audio_in_enabled=media, audio_out_enabled=media)
        transport = DailyTransport(url, None, "Robot", params)
        worker = PipelineWorker(
            Pipeline([transport.input(), _Echo(), transport.output()]), idle_timeout_secs=None
        )

        @transport.event_handler("on_joined")
        async def on_joined(_: DailyTransport, data: Any) -> None:
            joined.set()

        @transport.event_handler("on_app_message")
        async def on_app_message(_: DailyTransport, message: Any, sender: str) -> None:
            if message == "ping":
                await worker.queue_frame(OutputTransportMessageUrgentFrame(message="pong"))

        self._workers.append(worker)
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        await runner.run()

    async def aclose(self) -> None:
        """End the bots."""
        await asyncio.gather(*(worker.cancel() for worker in self._workers))
        await asyncio.gather(*self._tasks)


async def _main() -> None:
    bots = _Bots()
    await serve(bots)
    await bots.aclose()


if __name__ == "__main__":
    asyncio.run(_main())
