"""A bot in a room that speaks to whoever joins; its code has nothing of metrics or traces.

``hears`` in its body has it detect the end of a person's speech, half a second before it answers.
"""

import time

from pipecat.frames.frames import (
    MetricsFrame,
    TTSAudioRawFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.metrics.metrics import (
    LLMTokenUsage,
    LLMUsageMetricsData,
    STTUsage,
    STTUsageMetricsData,
    TTSUsageMetricsData,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.transports.daily.transport import DailyParams, DailyTransport
from pipecat.workers.runner import WorkerRunner

TOKENS = LLMTokenUsage(prompt_tokens=7, completion_tokens=3, total_tokens=10)
USAGE = [
    LLMUsageMetricsData(processor="LLM#0", model="m1", value=TOKENS),
    TTSUsageMetricsData(processor="TTS#0", value=12),
    STTUsageMetricsData(processor="STT#0", model="m2", value=STTUsage(audio_seconds=1.5)),
]


async def bot(runner_args):
    transport = DailyTransport(
        runner_args.room_url, runner_args.token, "Bot", DailyParams(audio_out_enabled=True)
    )
    worker = PipelineWorker(
        Pipeline([transport.output()]),
        params=PipelineParams(enable_metrics=True, enable_usage_metrics=True),
        enable_tracing=True,
        idle_timeout_secs=None,
    )

    @transport.event_handler("on_participant_joined")
    async def on_participant_joined(_transport, _participant):
        if runner_args.body.get("hears"):
            began = VADUserStartedSpeakingFrame()
            ended = VADUserStoppedSpeakingFrame(stop_secs=0.5, timestamp=time.time())
            await worker.queue_frames([began, ended])
        await worker.queue_frames([MetricsFrame(data=USAGE), MetricsFrame(data=USAGE)])
        await worker.queue_frame(TTSAudioRawFrame(b"\0\x20" * 24_000, 24_000, num_channels=1))

    @transport.event_handler("on_participant_left")
    async def on_participant_left(_transport, _participant, _reason):
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()
