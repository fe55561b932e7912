# SPDX-License-Identifier: BSD-2-Clause
"""Servers get a signal: no room is left, although they wait for tasks that never end."""

import asyncio
import os
import re
import signal
import socket
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

APPS = Path(__file__).parent / "apps"
PLACES = ["detached", "background", "stream", "websocket"]
UVICORN = [sys.executable, "-m", "uvicorn", "asgi:app", "--port", "0"]
ASGI = [sys.executable, "asgi.py"]
AIOHTTP = [sys.executable, "aiohttp_places.py"]
GUNICORN = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--bind", "127.0.0.1:0"]
HYPERCORN = [sys.executable, "-m", "hypercorn", "asgi:app", "--bind"]


class Server:
    """A server with bots, and what holds their requests open."""

    def __init__(self, program, daily, http):
        self.program, self.daily, self.http = program, daily, http
        self.url = ""
        self.open = []

    async def bots(self, *places):
        for place in places:
            match place:
                case "stream":
                    response = await self.http.get(f"{self.url}/stream")
                    await response.content.readline()
                    self.open.append(response)
                case "websocket":
                    websocket = await self.http.ws_connect(f"{self.url}/websocket")
                    await websocket.receive()
                    self.open.append(websocket)
                case _:
                    # Closed, since from Python 3.12 on a server waits for open connections.
                    close = {"Connection": "close"}
                    async with self.http.post(f"{self.url}/{place}", headers=close) as response:
                        assert response.status == 200

    async def aclose(self):
        await self.program.aclose()
        for each in self.open:
            if isinstance(each, aiohttp.ClientResponse):
                each.close()
            else:
                await each.close()

    async def rooms(self, count):
        await self.daily.state.log.wait_for("created", count=count)

    async def no_rooms(self, count):
        await self.daily.state.log.wait_for("deleted", count=count)
        assert self.daily.rooms == {}

    async def worker(self):
        """The process that has the rooms, when another one has started it."""
        return int(await self.program.says(r"^in \S+ (\d+)$"))


@pytest.fixture
async def serve(start, local_daily):
    async with AsyncExitStack() as stack:

        async def serve(command, **env):
            program = await start(*command, cwd=APPS, env={**local_daily.env(), **env})
            http = await stack.enter_async_context(aiohttp.ClientSession())
            server = Server(program, local_daily, http)
            if "hypercorn" in command:
                said = r"Running on (http://\S+)"
            elif "gunicorn" in command:
                said = r"Listening at: (http://\S+)"
            else:
                said = r"[Rr]unning on (http://\S+)"
            stream = "out" if command == AIOHTTP else "err"
            server.url = await program.says(said, stream=stream)
            await accepts(server.url)
            stack.push_async_callback(server.aclose)
            return server

        yield serve


async def accepts(url):
    """Wait for a worker; its parent has said so already."""
    parts = urlsplit(url)
    while True:
        try:
            _, writer = await asyncio.open_connection(parts.hostname, parts.port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            await writer.wait_closed()
            return


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


async def all_go(server, number, process=None):
    """Bots wherever an app can have them go at the signal, and the server heard it, too."""
    await server.bots(*PLACES)
    await server.rooms(len(PLACES))
    if process is None:
        server.program.signal(number)
    else:
        os.kill(process, number)
    await server.no_rooms(len(PLACES))
    said = server.program.out + server.program.err
    assert server.daily.api_key not in said
    assert not re.search(r"eyJ\w", said)


@pytest.mark.parametrize(
    ("command", "number"),
    [
        pytest.param([*UVICORN, "--loop", "asyncio"], signal.SIGTERM, id="uvicorn-asyncio"),
        pytest.param([*UVICORN, "--loop", "uvloop"], signal.SIGTERM, id="uvicorn-uvloop"),
        pytest.param(ASGI, signal.SIGTERM, id="uvicorn.run"),
        pytest.param([*ASGI, "serve"], signal.SIGINT, id="Server.serve"),
        pytest.param([*UVICORN, "--workers", "2"], signal.SIGTERM, id="uvicorn-workers"),
    ],
)
async def test_uvicorn(serve, command, number):
    server = await serve(command)
    await all_go(server, number)
    await server.program.says("Shutting down", stream="err")


async def test_a_signal_that_the_server_does_not_handle(serve):
    """A terminal that was closed ends uvicorn at once, but not before the rooms are gone."""
    server = await serve(UVICORN)
    await all_go(server, signal.SIGHUP)
    assert await server.program.ended() == -signal.SIGHUP


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_gunicorn_with_uvicorn_worker(serve, number):
    server = await serve([*GUNICORN, "-k", "uvicorn_worker.UvicornWorker", "asgi:app"])
    await all_go(server, number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_aiohttp(serve, number):
    server = await serve(AIOHTTP)
    await all_go(server, number)


async def test_aiohttp_under_gunicorn(serve):
    server = await serve([*GUNICORN, "-k", "aiohttp.GunicornWebWorker", "aiohttp_places:app"])
    await all_go(server, signal.SIGTERM)


async def test_hypercorn_in_one_process(serve):
    server = await serve([*HYPERCORN, f"127.0.0.1:{free_port()}", "--workers", "0"])
    await all_go(server, signal.SIGTERM)


async def test_hypercorns_worker_drains_when_the_signal_reaches_it(serve):
    """As from systemd, which tells every process. By itself hypercorn tells its workers otherwise."""
    server = await serve([*HYPERCORN, f"127.0.0.1:{free_port()}"])
    await server.bots("detached")
    await all_go(server, signal.SIGTERM, await server.worker())


async def test_a_server_without_bots_ends_as_it_always_does(serve):
    server = await serve(UVICORN)
    await server.bots("detached")
    await server.rooms(1)
    server.program.signal(signal.SIGTERM)
    assert await server.program.ended() == -signal.SIGTERM
    await server.no_rooms(1)
    assert "Application shutdown complete" in server.program.err
    assert "Traceback" not in server.program.err


@pytest.mark.parametrize(
    ("loop", "first"), [("asyncio", signal.SIGTERM), ("uvloop", signal.SIGINT)]
)
async def test_a_server_that_is_forced_to_end_during_the_deletions(serve, local_daily, loop, first):
    """uvicorn skips the lifespan's end then; without this the process ends in mid-deletion."""
    server = await serve([*UVICORN, "--loop", loop])
    await server.bots("background", "detached")
    fault = local_daily.fail("DELETE", "*", delay=1.0)
    server.program.signal(first)
    await fault.wait()
    server.program.signal(signal.SIGINT)
    await server.program.ended()
    await server.no_rooms(2)


async def test_rooms_that_are_created_during_the_drain(serve, local_daily):
    server = await serve(UVICORN)
    await server.bots("stream")
    local_daily.fail("POST", "/rooms", delay=0.5)  # answered between two looks for it
    await server.bots("after/0", "after/1")
    server.program.signal(signal.SIGTERM)
    await local_daily.state.log.wait_for("created", count=3)
    await server.no_rooms(3)


async def test_rooms_in_use_go_on_for_the_grace(serve, local_daily):
    server = await serve(UVICORN, GRACE="3")
    await server.bots("detached", "stream")
    await server.rooms(2)
    server.program.signal(signal.SIGTERM)
    await server.program.says("Shutting down", stream="err")
    assert len(local_daily.rooms) == 2
    await server.no_rooms(2)


async def test_a_call_that_ends_within_the_grace_ends_the_wait(serve, local_daily):
    server = await serve(UVICORN, GRACE="3600")
    await server.bots("ends/1")
    await server.rooms(1)
    server.program.signal(signal.SIGTERM)
    assert await server.program.ended() == -signal.SIGTERM
    assert local_daily.rooms == {}


async def test_a_bot_that_blocks_the_event_loop(serve):
    server = await serve(UVICORN)
    await server.bots("stream", "blocked")
    await server.program.says("blocks")
    server.program.signal(signal.SIGTERM)
    await server.no_rooms(2)


async def test_a_blocked_process_ends_by_a_signal_that_nobody_handles(serve):
    server = await serve(UVICORN)
    await server.bots("blocked")
    await server.program.says("blocks")
    server.program.signal(signal.SIGHUP)
    assert await server.program.ended() == 128 + signal.SIGHUP
    await server.no_rooms(1)


@pytest.mark.parametrize("command", [UVICORN, [*UVICORN, "--loop", "uvloop"], AIOHTTP])
async def test_a_bots_own_handlers_are_called_as_well(serve, command):
    server = await serve(command)
    await server.bots("runner", "stream")
    server.program.signal(signal.SIGINT)
    await server.no_rooms(2)
    await server.program.says("bot told")
    if command != AIOHTTP:
        await server.program.says("Shutting down", stream="err")
    else:
        await server.program.says("app told")
