# SPDX-License-Identifier: BSD-2-Clause
"""A bot that is called by telephone: it greets the caller by the number."""

import os

from pipecat.frames.frames import TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.transports.daily.transport import DailyParams
from pipecat.workers.runner import WorkerRunner

transport_params = {
    "daily": lambda: DailyParams(audio_in_enabled=True, audio_out_enabled=True),
}


async def bot(runner_args: RunnerArguments):
    transport = await create_transport(runner_args, transport_params)
    tts = OpenAITTSService(api_key=os.environ["OPENAI_API_KEY"])
    worker = PipelineWorker(Pipeline([transport.input(), tts, transport.output()]))

    @transport.event_handler("on_dialin_connected")
    async def on_dialin_connected(transport, data):
        await worker.queue_frame(TTSSpeakFrame(f"Hello, {data['sipFrom']}."))

    @transport.event_handler("on_dialin_stopped")
    async def on_dialin_stopped(transport, data):
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
