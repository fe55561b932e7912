# SPDX-License-Identifier: BSD-2-Clause
"""The bot of the servers that are drilled: it leaves when its caller does."""

import asyncio
import sys

from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.types import DailyRunnerArguments
from pipecat.transports.daily.transport import DailyParams, DailyTransport
from pipecat.workers.runner import WorkerRunner


async def bot(runner_args: DailyRunnerArguments) -> None:
    """Be in a room as long as its caller is."""
    params = DailyParams(audio_in_enabled=True, audio_out_enabled=True)
    transport = DailyTransport(runner_args.room_url, runner_args.token, "Bot", params)
    worker = PipelineWorker(
        Pipeline([transport.input(), transport.output()]), idle_timeout_secs=None
    )

    @transport.event_handler("on_participant_left")
    async def on_participant_left(_transport: DailyTransport, _who: object, _why: str) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    asyncio.run(bot(DailyRunnerArguments(room_url=sys.argv[1], token=sys.argv[2])))
