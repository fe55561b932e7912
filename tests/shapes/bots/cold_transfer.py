# SPDX-License-Identifier: BSD-2-Clause
"""A cold transfer by telephone: who presses 0 is put through to the operator, and the bot goes."""

import os

from pipecat.frames.frames import TTSSpeakFrame
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

    @transport.event_handler("on_dialin_connected")
    async def on_dialin_connected(transport, data):
        await worker.queue_frame(TTSSpeakFrame("Press 0 for the operator."))

    @transport.event_handler("on_dtmf_event")
    async def on_dtmf_event(transport, data):
        error = await transport.sip_call_transfer({"toEndPoint": os.environ["OPERATOR_NUMBER"]})
        if error:
            await worker.queue_frame(TTSSpeakFrame("Nobody is there."))

    @transport.event_handler("on_participant_left")
    async def on_participant_left(transport, participant, reason):
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()
