# SPDX-License-Identifier: BSD-2-Clause
"""A plain program: Pipecat's configure() makes the room, and the bot greets whoever comes."""

import asyncio
import os

import aiohttp
from pipecat.frames.frames import EndFrame, TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.daily import configure
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.transports.daily.transport import DailyParams, DailyTransport
from pipecat.workers.runner import WorkerRunner


async def main():
    async with aiohttp.ClientSession() as session:
        room_url, token = await configure(session)
    transport = DailyTransport(room_url, token, "Greeter", DailyParams(audio_out_enabled=True))
    tts = OpenAITTSService(api_key=os.environ["OPENAI_API_KEY"])
    worker = PipelineWorker(Pipeline([tts, transport.output()]))

    @transport.event_handler("on_first_participant_joined")
    async def on_first_participant_joined(transport, participant):
        name = participant["info"]["userName"]
        await worker.queue_frames([TTSSpeakFrame(f"Hello there, {name}!"), EndFrame()])

    runner = WorkerRunner()
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    asyncio.run(main())
