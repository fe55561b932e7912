# SPDX-License-Identifier: BSD-2-Clause
"""A bot with the camera in: it says what it sees when it is asked to look."""

import os

from pipecat.frames.frames import (
    LLMContextFrame,
    UserImageRawFrame,
    UserImageRequestFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.transports.daily.transport import DailyParams
from pipecat.workers.runner import WorkerRunner

transport_params = {
    "daily": lambda: DailyParams(audio_out_enabled=True, video_in_enabled=True),
}


class Describer(FrameProcessor):
    """Asks the language model about each picture."""

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, UserImageRawFrame):
            context = LLMContext()
            await context.add_image_frame_message(
                format=frame.format, size=frame.size, image=frame.image, text="What is this?"
            )
            await self.push_frame(LLMContextFrame(context))
        else:
            await self.push_frame(frame, direction)

    async def look(self, user_id):
        await self.push_frame(UserImageRequestFrame(user_id=user_id), FrameDirection.UPSTREAM)


async def bot(runner_args: RunnerArguments):
    key = os.environ["OPENAI_API_KEY"]
    transport = await create_transport(runner_args, transport_params)
    describer = Describer()
    worker = PipelineWorker(
        Pipeline(
            [
                transport.input(),
                describer,
                OpenAILLMService(api_key=key),
                OpenAITTSService(api_key=key),
                transport.output(),
            ]
        )
    )

    @transport.event_handler("on_client_connected")
    async def on_client_connected(transport, participant):
        await transport.capture_participant_video(participant["id"], framerate=0)

    @transport.event_handler("on_app_message")
    async def on_app_message(transport, message, sender):
        if message == "look":
            await describer.look(sender)

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
