# SPDX-License-Identifier: BSD-2-Clause
"""The bot calls somebody who is busy again, three times in all, and then gives up.

pipecat-daily-rest serve examples/phone/busy_retry.py --dialout-prefixes +1
curl -X POST http://127.0.0.1:7860/dial-out -d '{"phoneNumber": "+14155550100", "body": {"pause": 30}}'
"""

import asyncio

from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.utils import create_transport
from pipecat.transports.daily.transport import DailyParams
from pipecat.workers.runner import WorkerRunner
from tones import GREETING, says

ATTEMPTS = 3


async def bot(runner_args):
    transport = await create_transport(
        runner_args, {"daily": lambda: DailyParams(audio_out_enabled=True)}
    )
    worker = PipelineWorker(Pipeline([transport.output()]), idle_timeout_secs=None)
    (call,) = runner_args.body["dialout_settings"]
    attempts, pausing = 0, None

    async def dial():
        nonlocal attempts
        attempts += 1
        _, error = await transport.start_dialout(call)
        if error:
            again()

    def again():
        nonlocal pausing
        # A task of its own: the worker's end waits for event handlers.
        pausing = asyncio.create_task(pause())

    async def pause():
        print(f"Attempt {attempts} of {ATTEMPTS} failed")
        if attempts == ATTEMPTS:
            await worker.cancel()
        else:
            await asyncio.sleep(runner_args.body.get("pause", 30))
            await dial()

    @transport.event_handler("on_joined")
    async def on_joined(_transport, _data):
        await dial()

    @transport.event_handler("on_dialout_error")
    async def on_dialout_error(_transport, _data):
        again()

    @transport.event_handler("on_dialout_answered")
    async def on_dialout_answered(_transport, _data):
        await worker.queue_frame(says(GREETING))

    @transport.event_handler("on_dialout_stopped")
    async def on_dialout_stopped(_transport, _data):
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()
    if pausing is not None:
        pausing.cancel()
