# SPDX-License-Identifier: BSD-2-Clause
"""Keys, tokens and bodies are in nothing that a server prints, logs, answers or lists."""

import asyncio
import json
import secrets
import signal
import sys

import pytest

from canary import Net, leaks
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.server import SessionSpec, StartRequest
from pipecat_daily_rest.server.app import create_app
from pipecat_daily_rest.server.keys import Keys
from serving import raw, served, until

# Bots that crash in every way, with all that they know in their words.
BOT = '''
import asyncio, os, threading

from loguru import logger

KEYS = [os.environ.get(name, "") for name in
        ("DAILY_API_KEY", "PIPECAT_DAILY_PUBLIC_KEYS", "PIPECAT_DAILY_PRIVATE_KEYS")]

async def bot(runner_args):
    token = getattr(runner_args, "token", "")
    words = f"{KEYS} {token}"
    what = runner_args.body["do"]
    if what == "raise":
        raise ValueError(words)
    if what == "chain":
        try:
            raise KeyError(words)
        except KeyError as error:
            raise RuntimeError(words) from error
    if what == "group":
        raise ExceptionGroup(words, [ValueError(words), OSError(words)])
    if what == "exit":
        raise SystemExit(words)
    if what == "thread":
        def failed():
            raise ValueError(words)
        thread = threading.Thread(target=failed)
        thread.start()
        await asyncio.to_thread(thread.join)
    if what == "stay":
        await asyncio.Event().wait()
'''  # fmt: skip
KINDS = ("raise", "chain", "group", "exit", "thread", "return", "stay")


@pytest.fixture
def canaries():
    return {name: f"{name}-{secrets.token_hex(16)}" for name in ("public", "private", "body")}


@pytest.fixture
def bot(tmp_path):
    path = tmp_path / "crashing_bot.py"
    path.write_text(BOT)
    return path


@pytest.fixture
async def daily(monkeypatch, canaries):
    async with LocalDaily(api_key=secrets.token_hex(32)) as daily:
        canaries["key"] = daily.api_key
        keys = {
            "PIPECAT_DAILY_PUBLIC_KEYS": f"{canaries['public']}, {secrets.token_hex(16)}",
            "PIPECAT_DAILY_PRIVATE_KEYS": canaries["private"],
        }
        for name, value in {**daily.env(), **keys}.items():
            monkeypatch.setenv(name, value)
        yield daily


def request(method, path, data=None, key=None):
    body = b"" if data is None else json.dumps(data).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines += ["Connection: close", *([f"Authorization: Bearer {key}"] if key else []), "", ""]
    return "\r\n".join(lines).encode() + body


async def walk(port, canaries, kinds=KINDS):
    """Start and stop a bot of each kind, and give all answers without the tokens that are due."""
    answers = []

    async def send(*given, **more):
        answers.append(await raw(port, request(*given, **more)))
        return json.loads(answers[-1].partition("\r\n\r\n")[2])

    public, private = canaries["public"], canaries["private"]
    for kind in kinds:
        data = {"createDailyRoom": True, "body": {"do": kind, "secret": canaries["body"]}}
        started = await send("POST", "/start", data, key=public)
        canaries[f"token of {kind}"] = answers.pop() and started["dailyToken"]
        path = f"/sessions/{started['sessionId']}"
        if kind == "stay":
            wrong = started["dailyToken"][:-4] + "AAAA"
            await send("POST", f"{path}/stop", {"dailyToken": wrong})
            await send("POST", f"{path}/stop", {"dailyToken": started["dailyToken"]})
        while (await send("GET", path, key=private))["state"] != "ended":
            answers.pop()
            await asyncio.sleep(0.02)
        await send("GET", f"/sessions/{started['dailyToken']}", key=private)
    data["dailyRoomProperties"] = {"exp": canaries["body"]}
    await send("POST", "/start", data, key=public)
    await send("POST", f"/v1/public/{started['dailyToken']}/start", data, key=canaries["body"])
    for path in ("/sessions", "/status", "/openapi.json"):
        await send("GET", path, key=private)
        await send("GET", path, key=public)
        await send("GET", path, key=private + "x")
    return "\n".join(answers)


@pytest.mark.parametrize("launcher", ["task", "process"])
async def test_a_server_as_a_program(start, daily, bot, canaries, launcher):
    server = await start(
        *(sys.executable, "-m", "pipecat_daily_rest", "serve", bot, "--port", "0"),
        *("--launcher", launcher, "--log-level", "TRACE", "--log-format", "json"),
        env=daily.env(),
    )
    port = int(await server.says(r"^http://127\.0\.0\.1:(\d+)$"))
    answers = await walk(port, canaries)
    server.signal(signal.SIGTERM)
    assert await server.ended() == 0
    assert "ValueError: [" in server.err  # the crashes are told
    assert leaks(answers, *canaries.values()) == []
    assert leaks(server.out + server.err, *canaries.values()) == []


async def test_an_app_that_shows_the_values_of_frames(daily, bot, canaries, serve):
    """loguru's `diagnose`, logging, warnings, asyncio's debug mode: what an app of one's own has."""
    with Net() as net:
        sessions = await serve(bot)
        async with served(create_app(sessions, keys=Keys.from_env())) as (_, port):
            # What threads of an app print is the app's own.
            answers = await walk(port, canaries, [each for each in KINDS if each != "thread"])
        net.show(*sessions.list(), Keys.from_env(), sessions.list()[0].describe())
        token = canaries["token of stay"]
        given = {"session_id": "s", "bot": "b", "agent": "a", "token": token}
        net.show(repr(SessionSpec(**given, body=canaries["body"])))
        net.show(repr(StartRequest(body=canaries["body"], idempotency_key=canaries["private"])))
        daily.fail("POST", "/rooms", status=400)
        try:
            await sessions.start(StartRequest(body=canaries["body"]))
        except Exception as error:
            net.tell(error)
        await sessions.drain()
        await until(lambda: not sessions.taken)
    assert leaks(answers, *canaries.values()) == []
    assert leaks(net.said, *canaries.values()) == []


@pytest.mark.parametrize("launcher", ["task", "process"])
async def test_a_bot_that_cannot_be_imported(start, daily, bot, canaries, launcher):
    bot.write_text(BOT + "\nraise ValueError(KEYS)\n")
    server = await start(
        *(sys.executable, "-m", "pipecat_daily_rest", "serve", bot, "--port", "0"),
        *("--launcher", launcher),
        env=daily.env(),
    )
    assert await server.ended() != 0
    assert "ValueError: [" in server.err
    assert leaks(server.out + server.err, *canaries.values()) == []
