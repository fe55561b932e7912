# SPDX-License-Identifier: BSD-2-Clause
"""Who presses a key waits while the bot calls the operator and explains; then both are connected.

OPERATOR_NUMBER=+14155550101 pipecat-daily-rest serve examples/phone/warm_transfer.py \\
    --dialout-prefixes +1415

The operator presses a key to take over. The bot stays in the room and says nothing more: the room
of a session lives as long as its bot.
"""

import os

from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.utils import create_transport
from pipecat.transports.daily.transport import DailyParams
from pipecat.workers.runner import WorkerRunner
from tones import BRIEFING, CONNECTED, GREETING, PLEASE_WAIT, SORRY, says


async def bot(runner_args):
    transport = await create_transport(
        runner_args, {"daily": lambda: DailyParams(audio_out_enabled=True)}
    )
    worker = PipelineWorker(Pipeline([transport.output()]), idle_timeout_secs=None)
    customer = operator = None  # their session ids

    async def customer_hears(hears):
        rights = {"permissions": {"canReceive": {"base": hears}}}
        await transport.update_remote_participants({customer: rights})

    @transport.event_handler("on_dialin_connected")
    async def on_dialin_connected(_transport, data):
        nonlocal customer
        customer = data["sessionId"]
        await worker.queue_frame(says(GREETING))

    @transport.event_handler("on_dtmf_event")
    async def on_dtmf_event(transport, data):
        nonlocal operator
        if data["sessionId"] == operator:  # takes over
            await customer_hears(True)
            await worker.queue_frame(says(CONNECTED))
        elif operator is None:
            await worker.queue_frame(says(PLEASE_WAIT))
            number = os.environ["OPERATOR_NUMBER"]
            operator, error = await transport.start_dialout({"phoneNumber": number})
            if error:
                operator = None
                await worker.queue_frame(says(SORRY))

    @transport.event_handler("on_dialout_answered")
    async def on_dialout_answered(_transport, _data):
        await customer_hears(False)
        await worker.queue_frame(says(BRIEFING))

    @transport.event_handler("on_dialout_error")
    async def on_dialout_error(_transport, _data):
        nonlocal operator
        operator = None  # the next key calls again
        await worker.queue_frame(says(SORRY))

    @transport.event_handler("on_participant_left")
    async def on_participant_left(_transport, participant, _reason):
        if participant["id"] in (customer, operator):
            await worker.cancel()

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()
