# SPDX-License-Identifier: BSD-2-Clause
"""Tabs of a Chromium as people have them: the one in front is visible, the others are hidden.

Playwright keeps every page awake and visible. These tabs are asked over Chromium's own protocol:
https://chromedevtools.github.io/devtools-protocol/
"""

import asyncio
import itertools
import json
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from chromium import FLAGS, WAIT, executable, microphone


class Tab:
    """One tab."""

    def __init__(self, tabs: "Tabs", target: str, session: str) -> None:
        self._tabs = tabs
        self._target = target
        self._session = session

    async def ask(self, method: str, **parameters: Any) -> Any:
        """Ask the tab something of the protocol."""
        return await self._tabs.ask(method, self._session, **parameters)

    async def run(self, expression: str) -> Any:
        """Evaluate JavaScript, wait for a promise, and give the value."""
        given = await self.ask(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in given, given
        return given["result"].get("value")

    async def until(self, expression: str) -> Any:
        """Wait until an expression is something true, and give that."""
        async with asyncio.timeout(WAIT):
            while not (given := await self.run(expression)):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        return given

    async def freeze(self, frozen: bool = True) -> None:
        """Stop its scripts, or let them go on; Chromium does so with hidden tabs alone."""
        state = "frozen" if frozen else "active"
        await self.ask("Page.setWebLifecycleState", state=state)


class Tabs:
    """The tabs of one Chromium."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    @classmethod
    @asynccontextmanager
    async def running(cls, folder: Path, *flags: str) -> AsyncIterator["Tabs"]:
        """Give a Chromium with a tone of 500 Hz at its microphone."""
        process = await asyncio.create_subprocess_exec(
            *(executable(), *FLAGS, *flags, "--use-fake-ui-for-media-stream"),
            f"--use-file-for-fake-audio-capture={microphone(folder / 'microphone.wav', 500, None)}",
            *(f"--user-data-dir={folder / 'profile'}", "--remote-debugging-port=0", "about:blank"),
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stderr is not None
        try:
            async with asyncio.timeout(WAIT):
                url = None
                while url is None:
                    line = await process.stderr.readline()
                    assert line, "Chromium has ended"
                    url = re.search(rb"ws://\S+", line)
            said = asyncio.create_task(process.stderr.read())
            async with aiohttp.ClientSession() as http, http.ws_connect(url[0].decode()) as socket:
                tabs = cls(socket)
                reading = asyncio.create_task(tabs._read())
                yield tabs
                reading.cancel()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        await said

    async def _read(self) -> None:
        async for message in self._socket:
            data = json.loads(message.data)
            if (answer := self._waiting.pop(data.get("id"), None)) is not None:
                answer.set_result(data)

    async def ask(self, method: str, session: str | None = None, **parameters: Any) -> Any:
        """Ask Chromium, or one of its tabs, something of the protocol."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        to = {"sessionId": session} if session else {}
        await self._socket.send_json({"id": number, "method": method, "params": parameters, **to})
        data = await asyncio.wait_for(answer, WAIT)
        assert "error" not in data, data
        return data["result"]

    async def open(self, url: str) -> Tab:
        """Open a tab in front."""
        target = (await self.ask("Target.createTarget", url=url))["targetId"]
        session = await self.ask("Target.attachToTarget", targetId=target, flatten=True)
        return Tab(self, target, session["sessionId"])
