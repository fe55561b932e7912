# SPDX-License-Identifier: BSD-2-Clause
"""A bot with services: it greets and answers people and telephones, and records the call.

pipecat-daily-rest run examples/testing_a_bot/assistant.py --local   # needs OPENAI_API_KEY
pytest examples/testing_a_bot                                        # its tests need no key
"""

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.runner.types import RunnerArguments
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.stt import OpenAISTTService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.transports.daily.transport import DailyParams, DailyTransport
from pipecat.workers.runner import WorkerRunner

PROMPT = "You are a voice assistant. Answer in one sentence."


async def bot(runner_args: RunnerArguments) -> None:
    transport = DailyTransport(
        runner_args.room_url,
        runner_args.token,
        "Assistant",
        DailyParams(audio_in_enabled=True, audio_out_enabled=True),
    )
    aggregators = LLMContextAggregatorPair(
        LLMContext(), user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
    )
    worker = PipelineWorker(
        Pipeline(
            [
                transport.input(),
                OpenAISTTService(),
                aggregators.user(),
                OpenAILLMService(
                    settings=OpenAILLMService.Settings(system_instruction=PROMPT),
                ),
                OpenAITTSService(),
                transport.output(),
                aggregators.assistant(),
            ]
        ),
        idle_timeout_secs=None,
    )

    @transport.event_handler("on_joined")
    async def on_joined(_transport, _data):
        await transport.start_recording({"layout": {"preset": "audio-only"}})

    @transport.event_handler("on_participant_joined")
    async def on_participant_joined(_transport, _participant):
        await worker.queue_frame(TTSSpeakFrame("Hello!"))

    @transport.event_handler("on_dialin_connected")
    async def on_dialin_connected(_transport, call):
        await worker.queue_frame(TTSSpeakFrame(f"You are calling from {call['sipFrom']}."))

    @transport.event_handler("on_participant_left")
    async def on_participant_left(_transport, _participant, _reason):
        if not set(transport.participants()) - {"local"}:
            await worker.cancel()

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    from pipecat_daily_rest.runner import main

    main()
