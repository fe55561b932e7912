# SPDX-License-Identifier: BSD-2-Clause
"""`load`: callers, bots in processes of their own, and what is found."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest

from pipecat_daily_rest.load import calls as module
from pipecat_daily_rest.load import line as lines
from pipecat_daily_rest.load.calls import Calls
from pipecat_daily_rest.load.line import LoadError, Talk
from pipecat_daily_rest.load.step import Limits
from serving import all_gone, family

BOTS = Path(__file__).parent / "bots"
ANSWERS, MUTE = str(BOTS / "answers.py"), str(BOTS / "mute.py")
ANY = Limits(latency=60.0, lag=60.0, memory=None)
pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="looks into /proc, as the command does"
)


def calls(bot, question, body=None, limits=ANY, turns=2, timeout=30.0):
    talk = Talk(questions=(str(question),), pause=0.2, timeout=timeout, body=body)
    return Calls(bot, talk, limits, turns, lambda *_: None)


def command(bot, question, *options, body=None):
    words = (
        "load",
        bot,
        "--question",
        question,
        "--pause",
        "0.2",
        "--max-lag",
        "60",
        "--turns",
        "2",
        "--log-level",
        "CRITICAL",
    )
    given = ("--body", json.dumps(body)) if body is not None else ()
    return (sys.executable, "-m", "pipecat_daily_rest", *words, *given, *options)


async def test_it_finds_for_how_many_calls_there_is_room(start, question, tmp_path):
    (tmp_path / "here").mkdir()
    body = {"room_for": 2, "folder": str(tmp_path / "here")}
    options = ("--max-latency", "10", "--most", "3", "--output", "json", "--plot", "load.svg")
    program = await start(*command(ANSWERS, question, *options, body=body))
    await program.says("hold", stream="err")
    children = family(program.process.pid)
    assert await program.ended() == 0, program.err
    await all_gone(children)
    found = json.loads(program.out)
    assert (found["calls"], found["maxSessions"], found["atLeast"]) == (2, 2, False)
    assert found["bottleneck"].startswith("A call broke off: with 3 calls, error: MemoryError")
    assert found["cpuPerCall"] > 0
    assert found["memoryMBPerCall"] > 1
    assert found["callersCpuPerCall"] > 0
    assert {"latency": 10.0, "lag": 60.0}.items() <= found["limits"].items()
    held = [each for each in found["steps"] if each["holds"]]
    assert {each["calls"] for each in held} >= {2}
    for each in held:
        assert each["turns"] >= 3 * each["calls"]
        assert each["missed"] == 0
        assert each["p95"] >= 0.2  # the bot's own 0.3 s, less what a busy machine gets wrong
        assert each["lag"] is not None
        assert each["serverLag"] is not None
    for text in (program.out, program.err, (tmp_path / "load.svg").read_text()):
        assert "eyJ" not in text
        assert "Traceback" not in text


async def test_a_bot_that_is_too_slow_alone(start, question):
    program = await start(
        *command(ANSWERS, question, "--max-latency", "0.01", "--most", "1", body={})
    )
    assert await program.ended() == 1, program.err
    assert program.out.startswith("CALLS  TURNS")
    assert "Not even one call fits." in program.out
    assert "more than 0.01 s" in program.out
    assert "--max-sessions" not in program.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
async def test_ctrl_c_and_a_kill_leave_no_process(start, question, number):
    program = await start(*command(ANSWERS, question, "--most", "4", "--turns", "100000", body={}))
    pid = program.process.pid
    while len(family(pid)) < 4:  # a local Daily, a template, bots  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    children = family(pid)
    program.signal(number)
    assert await program.ended() == (130 if number == signal.SIGINT else -9)
    await all_gone(children)
    assert program.out == ""
    assert "Traceback" not in program.err


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (None, r"the bot did not answer: .*\. Caller got no answer from Bot within 0\.5 s"),
        ("raises", r"error: ValueError: no key (?!eyJ)"),
        ("leaves", "the bot ended before it had answered"),
    ],
    ids=["mute", "raises", "leaves"],
)
async def test_a_bot_that_cannot_be_loaded(question, body, says):
    with pytest.raises(LoadError, match=f"Not even one call can be measured: {says}"):
        async with calls(MUTE, question, body, timeout=0.5) as some:
            await some.check()


async def test_a_bot_that_says_goodbye_is_called_again(question, monkeypatch):
    monkeypatch.setattr(module, "_EACH", 1)
    async with calls(MUTE, question, "says goodbye", turns=1) as some:
        step = await some.step(1)
    assert (step.ended, len(step.latencies)) == (None, 1)


async def test_the_cpu_of_bots_is_told_from_that_of_their_callers(monkeypatch, question):
    monkeypatch.setattr(lines, "MOST", 1)
    monkeypatch.setattr(module, "MOST", 1)  # two local Dailies
    monkeypatch.setattr(module, "_EACH", 1)
    async with calls(ANSWERS, question, {"starts": True}) as some:
        step = await some.step(2)
        assert len(some._lines) == 2
        fewer = await some.step(1)  # one of them ends
        await some.end_all()
    assert step.cpu.bots > step.cpu.callers > 0
    assert step.bots_memory > 1 << 20
    assert step.server_memory > 1 << 20
    assert (step.ended, fewer.calls, fewer.ended) == (None, 1, None)


async def test_the_memory_ends_a_number_of_calls_before_it_is_used_up(question):
    limits = Limits(latency=60.0, lag=60.0, memory=1 << 20)
    async with calls(ANSWERS, question, {}, limits) as some:
        step = await some.step(2)
    assert step.passed(limits) == "memory"
    assert step.latencies == []
