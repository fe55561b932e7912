# SPDX-License-Identifier: BSD-2-Clause
"""A provider of speech to text, chat and text to speech, by OpenAI's HTTP API."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from aiohttp import web

TONE = 1200  # Hz: how it says what has no tone of its own


class Provider:
    """Answers on a socket of this machine; what it says is a tone."""

    def __init__(
        self,
        answer: Callable[[list[Any]], str],
        *,
        transcript: str = "",
        tones: dict[str, float] | None = None,
    ) -> None:
        """Initialize the provider.

        Args:
            answer: What the language model says to the messages of a request.
            transcript: What the speech to text understands.
            tones: The tone, in Hz, as which a text is said; `TONE` for any other.
        """
        self.spoken: list[str] = []
        self._answer = answer
        self._transcript = transcript
        self._tones = tones or {}
        self._asked: list[Any] = []
        self._news = asyncio.Condition()
        self._app = web.Application(client_max_size=2**24)
        self._app.router.add_post("/v1/audio/transcriptions", self._transcribe)
        self._app.router.add_post("/v1/chat/completions", self._chat)
        self._app.router.add_post("/v1/audio/speech", self._speak)

    async def __aenter__(self) -> Self:
        self._runner = web.AppRunner(self._app, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._runner.cleanup()

    def env(self) -> dict[str, str]:
        """The environment of a program that asks it."""
        return {"OPENAI_API_KEY": "sk-sample", "OPENAI_BASE_URL": self.url}

    async def is_asked(self, question: str) -> None:
        """Wait until the language model has got this as a message."""
        async with asyncio.timeout(60), self._news:
            await self._news.wait_for(lambda: question in self._asked)

    async def _transcribe(self, request: web.Request) -> web.Response:
        assert (await request.post())["file"]
        return web.json_response({"text": self._transcript})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        messages = (await request.json())["messages"]
        async with self._news:
            self._asked += [message["content"] for message in messages]
            self._news.notify_all()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        base = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        said = {"role": "assistant", "content": self._answer(messages)}
        for delta, reason in ((said, None), ({}, "stop")):
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            chunk = json.dumps({**base, "choices": [choice]})
            await response.write(f"data: {chunk}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _speak(self, request: web.Request) -> web.Response:
        text = (await request.json())["input"]
        self.spoken.append(text)
        time = np.arange(24_000) / 24_000
        tone = np.sin(2 * np.pi * self._tones.get(text, TONE) * time) * 9000
        return web.Response(body=tone.astype(np.int16).tobytes())
