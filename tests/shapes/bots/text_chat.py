# SPDX-License-Identifier: BSD-2-Clause
"""A bot that is written to: RTVI's messages for a client, and a poll by messages of its own."""

import os
from collections import Counter

from pipecat.frames.frames import OutputTransportMessageUrgentFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.transports.daily.transport import DailyParams
from pipecat.workers.runner import WorkerRunner

transport_params = {"daily": lambda: DailyParams(audio_in_enabled=True)}


async def bot(runner_args: RunnerArguments):
    transport = await create_transport(runner_args, transport_params)
    aggregators = LLMContextAggregatorPair(LLMContext())
    worker = PipelineWorker(
        Pipeline(
            [
                transport.input(),
                aggregators.user(),
                OpenAILLMService(api_key=os.environ["OPENAI_API_KEY"]),
                transport.output(),
                aggregators.assistant(),
            ]
        )
    )
    votes = {}

    @transport.event_handler("on_app_message")
    async def on_app_message(transport, message, sender):
        if "vote" in message:
            votes[sender] = message["vote"]
            standing = {"standing": Counter(votes.values())}
            await worker.queue_frame(OutputTransportMessageUrgentFrame(message=standing))

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
