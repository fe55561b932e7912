# SPDX-License-Identifier: BSD-2-Clause
"""A program that receives webhooks, on a real socket of this machine."""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web
from pydantic import BaseModel

from pipecat_daily_rest.webhooks import WebhookEvent, WebhookProbe, read_webhook


@dataclass(frozen=True)
class Post:
    """A request that came in."""

    path: str
    body: bytes
    headers: Mapping[str, str]


def read(post: Post, *, secret: str) -> WebhookEvent | WebhookProbe:
    """Verify and parse a webhook of the local Daily; each member must have a field of its own."""
    event = read_webhook(post.body, post.headers, secret=secret)
    if isinstance(event.payload if isinstance(event, WebhookEvent) else None, BaseModel):
        assert event.payload.model_extra == {}, event.type
    return event


class Receiver:
    """Answers with the next of ``answers``, or 200; ``hang`` is no answer before `release`."""

    def __init__(self) -> None:
        self.answers: deque[int | str] = deque()
        self.posts: list[Post] = []
        self._queue: asyncio.Queue[Post] = asyncio.Queue()
        self._released = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/{path:.*}", self._receive)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.release()
        await self._runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        post = Post(request.path, await request.read(), request.headers.copy())
        self.posts.append(post)
        self._queue.put_nowait(post)
        answer: Any = self.answers.popleft() if self.answers else 200
        if answer == "hang":
            await self._released.wait()
            answer = 200
        if answer == 307:
            return web.Response(status=307, headers={"Location": "/elsewhere"})
        return web.json_response({"status": "OK"}, status=answer)

    async def next(self) -> Post:
        return await self._queue.get()

    def release(self) -> None:
        self._released.set()
