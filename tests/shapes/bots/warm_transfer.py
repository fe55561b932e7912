# SPDX-License-Identifier: BSD-2-Clause
"""A warm transfer: a customer is put on hold, an agent is told why, and both are connected.

Who hears whom is a matter of permissions alone: by user id, in the tokens and in the call.
"""

import asyncio
import os
import sys

import aiohttp
from pipecat.frames.frames import EndFrame, TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.transports.daily.transport import DailyParams, DailyTransport
from pipecat.transports.daily.utils import (
    DailyMeetingTokenParams,
    DailyMeetingTokenProperties,
    DailyRESTHelper,
)
from pipecat.workers.runner import WorkerRunner


async def make_token(helper, room_url, who, *hears, owner=False):
    permissions = {}
    if hears:
        permissions["canReceive"] = {"base": False, "byUserId": dict.fromkeys(hears, True)}
    properties = DailyMeetingTokenProperties(user_id=who, user_name=who, permissions=permissions)
    params = DailyMeetingTokenParams(properties=properties)
    return await helper.get_token(room_url, owner=owner, params=params)


async def main(room_url):
    async with aiohttp.ClientSession() as session:
        helper = DailyRESTHelper(
            daily_api_key=os.environ["DAILY_API_KEY"],
            daily_api_url=os.environ["DAILY_API_URL"],
            aiohttp_session=session,
        )
        token = await make_token(helper, room_url, "bot", "customer", "agent", owner=True)
        tokens = {
            "customer": await make_token(helper, room_url, "customer", "bot"),
            "agent": await make_token(helper, room_url, "agent", "bot"),
            "hold-music": await make_token(helper, room_url, "hold-music"),
        }
    transport = DailyTransport(room_url, token, "Switchboard", DailyParams(audio_out_enabled=True))
    tts = OpenAITTSService(api_key=os.environ["OPENAI_API_KEY"])
    worker = PipelineWorker(Pipeline([tts, transport.output()]))

    def find(user_id):
        people = transport.participants().values()
        return next(p["id"] for p in people if p["info"].get("userId") == user_id)

    async def change(**updates):
        changes = {find(user_id): update for user_id, update in updates.items()}
        error = await transport.update_remote_participants(remote_participants=changes)
        assert error is None, error

    @transport.event_handler("on_participant_joined")
    async def on_participant_joined(transport, participant):
        who = participant["info"].get("userId")
        if who == "customer":
            await worker.queue_frame(TTSSpeakFrame("I am getting somebody for you."))
        elif who == "agent":
            await worker.queue_frame(TTSSpeakFrame("The customer has lost a parcel."))

    @transport.event_handler("on_app_message")
    async def on_app_message(transport, message, sender):
        if message == "hold":
            await change(customer={"permissions": {"canSend": []}})
            only_music = {"canReceive": {"byUserId": {"hold-music": True}}}
            await change(customer={"permissions": only_music})
        elif message == "take over" and sender == find("agent"):
            await change(
                customer={
                    "permissions": {
                        "canSend": ["microphone"],
                        "canReceive": {"byUserId": {"agent": True}},
                    },
                    "inputsEnabled": {"microphone": True},
                },
                agent={"permissions": {"canReceive": {"byUserId": {"customer": True}}}},
            )
            await worker.queue_frame(EndFrame())

    for who, theirs in tokens.items():
        print(f"{who}: {theirs}", flush=True)
    runner = WorkerRunner()
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
