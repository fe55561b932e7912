# SPDX-License-Identifier: BSD-2-Clause
"""A bot's end of its link, by a bare websocket."""

import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from pipecat_daily_rest.local.bot.seat import SOUND


class Socket:
    """A bot without a stand-in."""

    def __init__(self, socket: "aiohttp.ClientWebSocketResponse[bool]") -> None:
        self.socket = socket
        self.events: list[dict[str, Any]] = []
        self.sounds: list[bytes] = []
        self._count = 0

    async def read(self) -> dict[str, Any] | None:
        """Give the next text; None at the end."""
        message = await self.socket.receive(timeout=20)
        if message.type is aiohttp.WSMsgType.BINARY:
            self.sounds.append(message.data)
            return {}
        return json.loads(message.data) if message.type is aiohttp.WSMsgType.TEXT else None

    async def reply(self, number: int | None) -> dict[str, Any]:
        while (text := await self.read()) is not None:
            if "reply" in text and text["reply"] == number:
                return text
            self.events.append(text)
        pytest.fail("the link was closed")

    async def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        self._count += 1
        await self.socket.send_json({"op": op, "request": self._count, **fields})
        return await self.reply(self._count)

    async def event(self, name: str) -> dict[str, Any]:
        while True:
            for event in self.events:
                if event.get("event") == name:
                    self.events.remove(event)
                    return event
            text = await self.read()
            assert text is not None, "the link was closed"
            self.events.append(text)

    async def sound(self, who: bytes, where: Callable[[bytes], bool]) -> bytes:
        """Give the first block of somebody that fits."""
        while True:
            for frame in self.sounds:
                block = frame[18 + frame[17] :]
                if frame[:16] == who and frame[16] == SOUND and where(block):
                    return block
            self.sounds.clear()
            assert await self.read() is not None, "the link was closed"

    async def end(self) -> list[dict[str, Any]]:
        """Read to the end of the link."""
        texts = []
        while (text := await self.read()) is not None:
            texts.append(text)
        return texts
