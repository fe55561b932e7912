# SPDX-License-Identifier: BSD-2-Clause
"""The bot calls somebody, greets when the telephone is answered, and ends with the call.

pipecat-daily-rest serve examples/phone/outbound.py --dialout-prefixes +1
curl -X POST http://127.0.0.1:7860/dial-out -d '{"phoneNumber": "+14155550100"}'
"""

from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.utils import create_transport
from pipecat.transports.daily.transport import DailyParams
from pipecat.workers.runner import WorkerRunner
from tones import GREETING, says


async def bot(runner_args):
    transport = await create_transport(
        runner_args, {"daily": lambda: DailyParams(audio_out_enabled=True)}
    )
    worker = PipelineWorker(Pipeline([transport.output()]), idle_timeout_secs=None)
    (call,) = runner_args.body["dialout_settings"]

    @transport.event_handler("on_joined")
    async def on_joined(transport, _data):
        _, error = await transport.start_dialout(call)
        if error:
            await worker.cancel()

    @transport.event_handler("on_dialout_answered")
    async def on_dialout_answered(_transport, _data):
        await worker.queue_frame(says(GREETING))

    @transport.event_handler("on_dialout_error")
    async def on_dialout_error(_transport, data):
        print(f"Nobody could be called: {data.get('errorMsg')}")
        await worker.cancel()

    @transport.event_handler("on_dialout_stopped")
    async def on_dialout_stopped(_transport, _data):
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()
