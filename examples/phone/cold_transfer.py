# SPDX-License-Identifier: BSD-2-Clause
"""Who presses a key is put through to the operator, and the bot goes.

OPERATOR_NUMBER=+14155550101 pipecat-daily-rest serve examples/phone/cold_transfer.py
"""

import os

from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.utils import create_transport
from pipecat.transports.daily.transport import DailyParams
from pipecat.workers.runner import WorkerRunner
from tones import GREETING, SORRY, says


async def bot(runner_args):
    transport = await create_transport(
        runner_args, {"daily": lambda: DailyParams(audio_out_enabled=True)}
    )
    worker = PipelineWorker(Pipeline([transport.output()]), idle_timeout_secs=None)

    @transport.event_handler("on_dialin_connected")
    async def on_dialin_connected(_transport, _data):
        await worker.queue_frame(says(GREETING))

    @transport.event_handler("on_dtmf_event")
    async def on_dtmf_event(transport, data):
        transfer = {"sessionId": data["sessionId"], "toEndPoint": os.environ["OPERATOR_NUMBER"]}
        if await transport.sip_call_transfer(transfer):  # an error
            await worker.queue_frame(says(SORRY))

    @transport.event_handler("on_participant_left")
    async def on_participant_left(_transport, _participant, _reason):
        await worker.cancel()  # the caller has left the room for the operator, or hung up

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()
