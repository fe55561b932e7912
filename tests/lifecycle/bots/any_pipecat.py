"""A bot as it is written for the Pipecat that is installed: plays 3000 Hz until its person leaves."""

import numpy as np
from pipecat.frames.frames import OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.transports.daily.transport import DailyParams

try:
    from pipecat.pipeline.worker import PipelineParams, PipelineWorker
    from pipecat.workers.runner import WorkerRunner
except ImportError:  # before 1.3
    from pipecat.pipeline.runner import PipelineRunner
    from pipecat.pipeline.task import PipelineParams
    from pipecat.pipeline.task import PipelineTask as PipelineWorker

    async def run(task):
        await PipelineRunner(handle_sigint=False).run(task)
else:

    async def run(worker):
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        await runner.run()


RATE = 16_000


async def bot(runner_args: RunnerArguments):
    transport = await create_transport(
        runner_args,
        {"daily": lambda: DailyParams(audio_in_enabled=True, audio_out_enabled=True)},
    )
    worker = PipelineWorker(
        Pipeline([transport.input(), transport.output()]),
        params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE),
        idle_timeout_secs=None,
    )

    @transport.event_handler("on_client_connected")
    async def on_client_connected(_transport, _client):
        tone = (np.sin(2 * np.pi * 3000 * np.arange(RATE * 60) / RATE) * 8000).astype(np.int16)
        await worker.queue_frame(OutputAudioRawFrame(tone.tobytes(), RATE, num_channels=1))

    @transport.event_handler("on_client_disconnected")
    async def on_client_disconnected(_transport, _client):
        await worker.cancel()

    print("session", runner_args.session_id, flush=True)
    await run(worker)


if __name__ == "__main__":
    from pipecat_daily_rest.runner import main

    main()
