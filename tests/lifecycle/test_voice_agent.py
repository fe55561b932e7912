# SPDX-License-Identifier: BSD-2-Clause
"""The voice agent as it is, with its providers answered by a server in the test."""

import asyncio
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from aiohttp import web

from pipecat_daily_rest.local.mixer import SAMPLE_RATE
from sounds import speech

EXAMPLE = Path(__file__).parents[2] / "examples" / "voice_agent.py"
QUESTION = "What time is it?"
LINK = r"(http://localhost:\d+/([a-z0-9-]+)\?t=([\w.-]+))\s"


class Provider:
    """Speech to text, chat and text to speech by OpenAI's HTTP API: says a tone to everything."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.app = web.Application(client_max_size=2**24)
        self.app.router.add_post("/v1/audio/transcriptions", self.transcribe)
        self.app.router.add_post("/v1/chat/completions", self.chat)
        self.app.router.add_post("/v1/audio/speech", self.speak)

    async def transcribe(self, request: web.Request) -> web.Response:
        assert (await request.post())["file"]
        return web.json_response({"text": QUESTION})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        if QUESTION in [message["content"] for message in (await request.json())["messages"]]:
            self.asked.set()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        base = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        for delta, reason in (
            ({"role": "assistant", "content": "It is noon."}, None),
            ({}, "stop"),
        ):
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            chunk = json.dumps({**base, "choices": [choice]})
            await response.write(f"data: {chunk}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        return response

    async def speak(self, request: web.Request) -> web.Response:
        time = np.arange(24_000) / 24_000
        tone = (np.sin(2 * np.pi * 1200 * time) * 9000).astype(np.int16)
        return web.Response(body=tone.tobytes())


@pytest.fixture
async def provider():
    provider = Provider()
    runner = web.AppRunner(provider.app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    provider.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield provider
    await runner.cleanup()


async def test_it_greets_hears_and_answers(start, local_daily, provider):
    program = await start(
        *(sys.executable, "-m", "pipecat_daily_rest", "run", EXAMPLE),
        env={
            **local_daily.env(),
            "OPENAI_API_KEY": "sk-sample",
            "OPENAI_BASE_URL": provider.url,
        },
    )
    await local_daily.state.wait_for("bot joined")
    _, room, token = await program.says(LINK, groups=True)
    person = local_daily.join(room, token)
    await person.hears(1200)  # the greeting
    person.forget()
    person.says(np.zeros(SAMPLE_RATE * 2, np.int16))
    person.says(speech(SAMPLE_RATE, 2.0))
    # What the page shows as the transcript.
    said = await person.message(lambda message: message.get("type") == "user-transcription")
    assert said["data"]["text"] == QUESTION
    await asyncio.wait_for(provider.asked.wait(), 60)
    person.forget()
    await person.hears(1200, timeout=60)
    program.signal()
    assert await program.ended() == 0


async def test_without_a_key_it_says_so(start, local_daily):
    program = await start(
        *(sys.executable, EXAMPLE), env={**local_daily.env(), "OPENAI_API_KEY": ""}
    )
    assert await program.ended() == 1
    assert "OPENAI_API_KEY is not set" in program.err
    assert "Traceback" not in program.err
    assert local_daily.rooms == {}
