# SPDX-License-Identifier: BSD-2-Clause
"""Somebody calls: the bot greets, answers each key with a tone, and ends when the caller hangs up.

pipecat-daily-rest serve examples/phone/inbound.py
"""

from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.utils import create_transport
from pipecat.transports.daily.transport import DailyParams
from pipecat.workers.runner import WorkerRunner
from tones import CONNECTED, GREETING, says


async def bot(runner_args):
    # It reads the call in the body, and connects it once the bot is in the room.
    transport = await create_transport(
        runner_args, {"daily": lambda: DailyParams(audio_out_enabled=True)}
    )
    worker = PipelineWorker(Pipeline([transport.output()]), idle_timeout_secs=None)
    caller = runner_args.body["dialin_settings"]["From"]

    @transport.event_handler("on_dialin_connected")
    async def on_dialin_connected(_transport, _data):
        print(f"{caller} calls")
        await worker.queue_frame(says(GREETING))

    @transport.event_handler("on_dtmf_event")
    async def on_dtmf_event(_transport, _data):
        await worker.queue_frame(says(CONNECTED, 0.3))

    @transport.event_handler("on_participant_left")
    async def on_participant_left(_transport, _participant, _reason):
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()
