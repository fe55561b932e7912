# SPDX-License-Identifier: BSD-2-Clause
"""A server of bots that is right, or wrong in one way: ``flawed_server.py PORT MOST [FLAW]``.

Its bots are bare links. With BOTS=processes each is a process of its own.
"""

import asyncio
import json
import os
import signal
import sys
import time
from typing import Any

import aiohttp
from aiohttp import web

API = os.environ["DAILY_API_URL"]
AUTH = {"Authorization": f"Bearer {os.environ['DAILY_API_KEY']}"}
APART = os.environ.get("BOTS") == "processes"


async def talk(http: aiohttp.ClientSession, url: str) -> None:
    """Be in a room until somebody has left it."""
    pid = int(os.environ.get("SAYS_PID") or os.getpid())
    async with http.ws_connect(f"{url}/link") as link:
        await link.send_json({"op": "join", "request": 0, "process": pid})
        async for message in link:
            if message.type is aiohttp.WSMsgType.TEXT and "participant-left" in message.data:
                return


async def in_a_process(url: str, lonely: bool) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "bot", url, start_new_session=lonely
    )
    if await process.wait():
        raise RuntimeError


class Server:
    def __init__(self, most: int, flaw: str) -> None:
        self.most = most + (flaw == "starts one more") - (flaw == "starts one less")
        self.flaw = flaw
        self.calls: dict[str, asyncio.Task[None]] = {}
        self.slots = 0
        self.ends = asyncio.Event()

    async def start(self, request: web.Request) -> web.Response:
        if self.ends.is_set():
            return web.json_response({}, status=503)
        if self.slots >= self.most:
            if self.flaw == "hangs up":
                request.transport.abort()
            return web.json_response({}, status=500 if self.flaw == "answers 500" else 429)
        self.slots += 1
        properties = {"exp": int(time.time()) + 3600}
        if self.flaw == "leaks for ever":
            properties = {}
        try:
            room = await self.ask("POST", "/rooms", {"properties": properties})
        except (OSError, aiohttp.ClientError):
            self.slots -= self.flaw != "keeps the slot"
            self.most *= self.flaw != "is broken then"
            return web.json_response({}, status=502)
        call = asyncio.create_task(self.call(room["name"], room["url"]))
        self.calls[room["name"]] = call
        return web.json_response({"room_url" if APART else "dailyRoom": room["url"]})

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        async with self.http.request(method, API + path, json=body, headers=AUTH) as response:
            if response.status == 429 and self.flaw == "dies of 429":
                os._exit(3)
            if response.status not in (200, 404):
                raise OSError
            return await response.json()

    async def call(self, name: str, url: str) -> None:
        keep = self.flaw.startswith("leaks") and self.ends.is_set()
        try:
            await (in_a_process(url, "alone" in self.flaw) if APART else talk(self.http, url))
        except RuntimeError:
            keep = self.flaw == "leaves the room of a killed bot"
            if self.flaw == "cuts the others":
                for each, task in self.calls.items():
                    task.cancel() if each != name else None
        finally:
            keep = keep or (self.flaw.startswith("leaks") and self.ends.is_set())
            while not keep:
                try:
                    await self.ask("DELETE", f"/rooms/{name}")
                    break
                except (OSError, aiohttp.ClientError):
                    keep = self.flaw == "deletes once"
                    await asyncio.sleep(0.02)
            self.slots -= 1
            del self.calls[name]

    async def run(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.ends.set)
        app = web.Application()
        app.add_routes([web.post("/start", self.start)])
        runner = web.AppRunner(app)
        await runner.setup()
        async with aiohttp.ClientSession() as self.http:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            await self.ends.wait()
            if self.flaw == "ends at once, its bots alone":
                os._exit(0)
            if self.flaw == "stays":
                await asyncio.Event().wait()
            calls = list(self.calls.values())
            if self.flaw == "cuts":
                for each in calls:
                    each.cancel()
            await asyncio.gather(*calls, return_exceptions=True)


async def bot(url: str) -> None:
    async with aiohttp.ClientSession() as http:
        await talk(http, url)


if __name__ == "__main__":
    if sys.argv[1] == "bot":
        asyncio.run(bot(sys.argv[2]))
    else:
        print(json.dumps({"key": os.environ["DAILY_API_KEY"]}), flush=True)
        port, most, flaw = (*sys.argv[1:], "")[:3]
        asyncio.run(Server(int(most), flaw).run(int(port)))
