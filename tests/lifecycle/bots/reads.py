"""Tells what its language model would be given: Pipecat's own RTVI takes what people type."""

from pipecat.frames.frames import LLMMessagesAppendFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.runner.utils import create_transport
from pipecat.transports.daily.transport import DailyParams
from pipecat.workers.runner import WorkerRunner


class Reads(FrameProcessor):
    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMMessagesAppendFrame):
            for message in frame.messages:
                print(f"{message['role']} typed {message['content']}", flush=True)
        await self.push_frame(frame, direction)


async def bot(runner_args):
    transport = await create_transport(runner_args, {"daily": lambda: DailyParams()})
    worker = PipelineWorker(
        Pipeline([transport.input(), Reads(), transport.output()]), idle_timeout_secs=None
    )
    runner = WorkerRunner()
    await runner.add_workers(worker)
    await runner.run()
