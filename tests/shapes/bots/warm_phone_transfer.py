# SPDX-License-Identifier: BSD-2-Clause
"""A warm transfer by telephone: who presses 0 waits while the bot calls the operator and explains.

The operator presses 1 to take over; then the bot brings both together, and goes.
"""

import os

from pipecat.frames.frames import EndFrame, TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.transports.daily.transport import DailyDialinSettings, DailyParams, DailyTransport
from pipecat.workers.runner import WorkerRunner


async def bot(runner_args):
    call = runner_args.body
    transport = DailyTransport(
        runner_args.room_url,
        runner_args.token,
        "Switchboard",
        DailyParams(
            api_key=os.environ["DAILY_API_KEY"],
            dialin_settings=DailyDialinSettings(
                call_id=call["callId"], call_domain=call["callDomain"]
            ),
            audio_in_enabled=True,
            audio_out_enabled=True,
        ),
    )
    tts = OpenAITTSService(api_key=os.environ["OPENAI_API_KEY"])
    worker = PipelineWorker(
        Pipeline([transport.input(), tts, transport.output()]),
        params=PipelineParams(audio_in_sample_rate=8000),
    )
    phones = {}

    async def customer_hears(hears):
        rights = {"canReceive": {"base": hears}}
        changes = {phones["customer"]: {"permissions": rights}}
        error = await transport.update_remote_participants(changes)
        assert error is None, error

    @transport.event_handler("on_dialin_connected")
    async def on_dialin_connected(transport, data):
        phones["customer"] = data["sessionId"]
        await worker.queue_frame(TTSSpeakFrame("Press 0 for the operator."))

    @transport.event_handler("on_dtmf_event")
    async def on_dtmf_event(transport, data):
        if data["sessionId"] == phones["customer"]:
            _, error = await transport.start_dialout({"phoneNumber": os.environ["OPERATOR_NUMBER"]})
            assert error is None, error
        elif data["sessionId"] == phones["operator"]:
            await customer_hears(True)
            await worker.queue_frames([TTSSpeakFrame("You are connected."), EndFrame()])

    @transport.event_handler("on_dialout_answered")
    async def on_dialout_answered(transport, data):
        phones["operator"] = data["sessionId"]
        await customer_hears(False)
        await worker.queue_frame(TTSSpeakFrame("The customer has lost a parcel."))

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()
