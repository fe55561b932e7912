# SPDX-License-Identifier: BSD-2-Clause
"""A warm transfer: the bot tells the operator about the customer, brings both together, and goes.

The customer hears nothing of what the operator is told.
"""

import asyncio
import os
import sys

from pipecat.frames.frames import EndFrame, TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.transports.daily.transport import DailyParams, DailyTransport
from pipecat.workers.runner import WorkerRunner


async def main(room_url, token):
    transport = DailyTransport(room_url, token, "Switchboard", DailyParams(audio_out_enabled=True))
    tts = OpenAITTSService(api_key=os.environ["OPENAI_API_KEY"])
    worker = PipelineWorker(Pipeline([tts, transport.output()]))
    people = {}

    async def listens(name, listens):
        rights = {"canReceive": {"base": listens}}
        error = await transport.update_remote_participants({people[name]: {"permissions": rights}})
        assert error is None, error

    @transport.event_handler("on_participant_joined")
    async def on_participant_joined(transport, participant):
        name = participant["info"]["userName"]
        people[name] = participant["id"]
        if name == "Customer":
            await worker.queue_frame(TTSSpeakFrame("I am getting somebody for you."))
        elif name == "Operator":
            await listens("Customer", False)
            await worker.queue_frame(TTSSpeakFrame("The customer has lost a parcel."))

    @transport.event_handler("on_app_message")
    async def on_app_message(transport, message, sender):
        if message == "take over" and sender == people["Operator"]:
            await listens("Customer", True)
            await worker.queue_frames([TTSSpeakFrame("You are connected."), EndFrame()])

    runner = WorkerRunner()
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
