"""A pipeline that never ends by itself, under the WorkerRunner that BOT_RUNNER names."""

import os

from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.transports.daily.transport import DailyParams
from pipecat.workers.runner import WorkerRunner

transport_params = {
    "daily": lambda: DailyParams(audio_in_enabled=True, audio_out_enabled=True),
}


async def bot(runner_args: RunnerArguments):
    transport = await create_transport(runner_args, transport_params)
    worker = PipelineWorker(
        Pipeline([transport.input(), transport.output()]), idle_timeout_secs=None
    )

    @transport.event_handler("on_joined")
    async def on_joined(_transport, data):
        print("in", flush=True)

    options = {"handle_sigterm": True} if os.environ.get("BOT_RUNNER") == "sigterm" else {}
    runner = WorkerRunner(**options)
    await runner.add_workers(worker)
    await runner.run()
