"""A bot that joins, and marks each step; at one of them, SLOW, it blocks for ever."""

import os
import time
from pathlib import Path

from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.transports.daily.transport import DailyParams, DailyTransport
from pipecat.workers.runner import WorkerRunner


def step(name):
    """The first process only shows that the bot can be loaded: it blocks nowhere."""
    if os.environ["SLOW"] == name and Path("go").exists():
        Path(name).touch()
        if name not in ("joins", "joined"):
            time.sleep(600)


def readyz():
    step("asked")
    return True


async def bot(runner_args):
    step("begins")
    params = DailyParams(audio_in_enabled=True, audio_out_enabled=True)
    transport = DailyTransport(runner_args.room_url, runner_args.token, "Bot", params)
    worker = PipelineWorker(Pipeline([transport.input(), transport.output()]))

    @transport.event_handler("on_joined")
    async def on_joined(transport, data):
        step("joined")

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    step("joins")
    await runner.run()


step("imports")
