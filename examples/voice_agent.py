# SPDX-License-Identifier: BSD-2-Clause
"""A voice agent: speech to text, a language model, text to speech, all with one OPENAI_API_KEY.

    export OPENAI_API_KEY=…
    pipecat-daily-rest run examples/voice_agent.py --local      # the room is on this machine
    pipecat-daily-rest run examples/voice_agent.py              # on Daily, with DAILY_API_KEY

The page shows the transcript. OPENAI_BASE_URL points it at any server that speaks the same API.
"""

import os
import sys

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import LLMRunFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.stt import OpenAISTTService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.workers.runner import WorkerRunner

PROMPT = "You are a friendly voice assistant. Answer in one or two short spoken sentences."


async def bot(runner_args: RunnerArguments) -> None:
    key = os.environ.get("OPENAI_API_KEY")
    if not key:
        sys.exit(
            "Error: OPENAI_API_KEY is not set: export it or put it into .env. "
            "examples/quickstart.py needs no key."
        )
    from pipecat.transports.daily.transport import DailyParams

    transport = await create_transport(
        runner_args,
        {"daily": lambda: DailyParams(audio_in_enabled=True, audio_out_enabled=True)},
    )
    context = LLMContext([{"role": "system", "content": PROMPT}])
    aggregators = LLMContextAggregatorPair(
        context, user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
    )
    worker = PipelineWorker(
        Pipeline(
            [
                transport.input(),
                OpenAISTTService(api_key=key),
                aggregators.user(),
                OpenAILLMService(api_key=key),
                OpenAITTSService(api_key=key),
                transport.output(),
                aggregators.assistant(),
            ]
        ),
        idle_timeout_secs=None,
    )

    @transport.event_handler("on_client_connected")
    async def on_client_connected(_transport, _client):
        context.add_message({"role": "system", "content": "Greet the user."})
        await worker.queue_frame(LLMRunFrame())

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    from pipecat_daily_rest.runner import main

    main()
