# SPDX-License-Identifier: BSD-2-Clause
"""The bot that both servers start. It tells the benchmark when it is imported, runs and has joined."""

import asyncio
import json
import os
import socket
import sys
import time
from typing import Any

from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.types import DailyRunnerArguments
from pipecat.transports.daily.transport import DailyParams, DailyTransport
from pipecat.workers.runner import WorkerRunner

_benchmark = socket.socket(socket.AF_UNIX)
_benchmark.connect(os.environ["BENCHMARK_BOTS"])


def _tell(**members: Any) -> None:
    _benchmark.sendall(json.dumps(members).encode() + b"\n")


async def bot(runner_args: DailyRunnerArguments) -> None:
    _tell(at=time.monotonic(), url=runner_args.room_url)
    _benchmark.setblocking(False)
    loop = asyncio.get_running_loop()
    if await loop.sock_recv(_benchmark, 16):  # it is to join
        call = asyncio.create_task(_call(runner_args))
        await loop.sock_recv(_benchmark, 1)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)


async def _call(runner_args: DailyRunnerArguments) -> None:
    params = DailyParams(audio_in_enabled=True, audio_out_enabled=True)
    transport = DailyTransport(runner_args.room_url, runner_args.token, "Bot", params)
    worker = PipelineWorker(
        Pipeline([transport.input(), transport.output()]), idle_timeout_secs=None
    )

    @transport.event_handler("on_joined")
    async def on_joined(_: DailyTransport, data: Any) -> None:
        _tell(joined=True)

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


_tell(pid=os.getpid())
if __name__ == "__main__":
    asyncio.run(bot(DailyRunnerArguments(room_url=sys.argv[1], token=sys.argv[2])))
