# SPDX-License-Identifier: BSD-2-Clause
"""The examples in the docstrings run, or another test shows what they show."""

import ast
import inspect
from pathlib import Path

import pytest

from docstrings import examples

ROOT = Path(__file__).parents[2]
EXAMPLES = {example.of: example.text for example in examples()}

# What is there before an example, for those that need something.
BEFORE = {
    "pipecat_daily_rest": "DailyTransport = DailyParams = lambda *_: None",
    "RoomMethods.update_room": 'await helper.create_room(DailyRoomParams(name="demo"))',
    "SessionMethods.update_permissions": """
        await helper.create_room(DailyRoomParams(name="demo"))
        ana = daily.join("demo", user_name="Ana")
        session_id = ana.id
    """,
    "room_decorator.deletes_room": "RunnerArguments = object",
    "ForTests.room": """
        daily.state.rooms.create("demo", "public", {})
        ana = daily.join("demo", user_name="Ana")
    """,
    "RoomHandle.event": """
        daily.state.rooms.create("demo", "public", {})
        room = daily.room("demo")
        ana = daily.join("demo", user_name="Ana")
        ana.send("hello")
        ana.leave()
    """,
    "RoomHandle.dial_in": """
        sip = DailyRoomProperties(sip=DailyRoomSipParams())
        await helper.create_room(DailyRoomParams(name="demo", properties=sip))
        room = daily.room("demo")
        ana = daily.join("demo", user_name="Ana")
    """,
    "person.Scripted": """
        daily.state.rooms.create("demo", "public", {})
        token = None
        bot = daily.join("demo", user_name="Bot")

        async def greet():
            await bot.event("participant-joined")
            bot.send("hello")

        greets = asyncio.create_task(greet())
    """,
    "pipecat_daily_rest.webhooks": """
        class request:
            async def body():
                return b'{"version": "1", "type": "a.b", "id": "e", "payload": {}}'

        WEBHOOK_HMAC = "c2VjcmV0LW9mLWEtd2ViaG9vay4="
        request.headers = sign(await request.body(), secret=WEBHOOK_HMAC)
    """,
}
# What needs a bot, a number or pytest around it.
ELSEWHERE = {
    "ForTests.dial_in": "tests/server/test_phone_bots.py",
    "Turns.asks": "tests/testing/test_turns.py",
    "Turns.listens": "tests/testing/test_turns.py",
    "Turns.interrupts": "tests/testing/test_turns.py",
    "LocalDailyFixture": "tests/testing/test_testing_plugin.py",
    "LocalDailyFixture.room": "tests/testing/test_testing_plugin.py",
    "LocalDailyFixture.dial_in": "tests/testing/test_testing_plugin.py",
    "Requests.assert_requested": "tests/testing/test_testing_plugin.py",
    "LocalRoom.latency": "tests/testing/test_as_pasted.py",
    "LocalRoom.expects_error": "tests/testing/test_bot_errors.py",
    "OpenRoom": "tests/testing/test_as_pasted.py",
    "sessions.Sessions": "tests/server/test_sessions.py",
}
IMPORTS = """
import asyncio
from pipecat_daily_rest import *
from pipecat_daily_rest.local import *
from pipecat_daily_rest.webhooks import *
"""


def known(name, table):
    """Give what a table has for a name, by its end."""
    return next((table[end] for end in table if name == end or name.endswith(f".{end}")), None)


RUN = {of: text for of, text in EXAMPLES.items() if known(of, ELSEWHERE) is None}


@pytest.mark.parametrize("of", RUN)
async def test_an_example_runs(of, local_daily, helper, llm, tts, tmp_path, monkeypatch):
    for name, value in local_daily.env().items():
        if name != "PYTHONPATH":
            monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    question = ROOT / "examples" / "testing_a_bot" / "question.wav"
    Path("hello.wav").write_bytes(question.read_bytes())
    there = {"daily": local_daily, "helper": helper, "llm": llm, "tts": tts, "__name__": "example"}
    exec(IMPORTS, there)  # noqa: S102
    for text in (inspect.cleandoc(known(of, BEFORE) or ""), RUN[of]):
        code = compile(text, of, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        running = eval(code, there)  # noqa: S307
        if inspect.isawaitable(running):
            await running


def test_each_entry_is_of_an_example():
    for table in (BEFORE, ELSEWHERE):
        assert [end for end in table if not any(known(of, {end: 1}) for of in EXAMPLES)] == []
    assert all((ROOT / test).is_file() for test in ELSEWHERE.values())
    assert len(RUN) > len(ELSEWHERE)
