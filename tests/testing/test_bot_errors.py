# SPDX-License-Identifier: BSD-2-Clause
"""What Pipecat logs and swallows of a bot fails the test at once, with the bot's own traceback."""

import re

from suites import CONFTEST, Run

BOTS = """
from pipecat.frames.frames import InputTransportMessageFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.transports.daily.transport import DailyParams, DailyTransport
from pipecat.workers.runner import WorkerRunner

class Reader(FrameProcessor):
    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, InputTransportMessageFrame) and frame.message == {"do": "read"}:
            raise LookupError("the processor cannot read")
        await self.push_frame(frame, direction)

async def of_all_rooms(_transport, participant):
    if participant["info"]["userName"] == "Dee":
        raise KeyError("no welcome")

async def bot(args):
    transport = DailyTransport(args.room_url, args.token, "Bot", DailyParams(audio_in_enabled=True))
    worker = PipelineWorker(Pipeline([transport.input(), Reader()]), idle_timeout_secs=None)

    async def removed(_transport, _participant):
        raise ValueError("a handler that was removed")

    @transport.event_handler("on_participant_joined")
    async def on_participant_joined(_transport, participant):
        if participant["info"]["userName"] == "Ana":
            raise KeyError("no greeting")

    @transport.event_handler("on_app_message")
    def on_app_message(_transport, message, _sender):
        async def work():
            return 1 / 0
        if message == {"do": "task"}:
            worker.create_task(work())
        elif message == {"do": "fail"}:
            raise KeyError("no task")

    @transport.event_handler("on_participant_left")
    async def on_participant_left(_transport, participant, _reason):
        if participant["info"]["userName"] == "Cy":
            raise KeyError("no farewell")

    transport.add_event_handler("on_participant_joined", of_all_rooms)
    transport.add_event_handler("on_participant_joined", removed)
    transport.remove_event_handler("on_participant_joined", removed)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()
"""

FAILING = """
import asyncio
import pytest
from bots import bot

async def test_a_handler(local_room):
    async with local_room(bot) as room:
        await room.person("Ana")
        await asyncio.Event().wait()

async def test_a_handler_of_two_rooms(local_room):
    async with local_room(bot):
        pass
    async with local_room(bot) as room:
        await room.person("Dee")
        await asyncio.Event().wait()

async def test_a_function_that_handles(local_room):
    async with local_room(bot) as room:
        bo = await room.person("Bo")
        bo.send({"do": "fail"})
        await bo.hears(880, timeout=None)

async def test_a_processor(local_room):
    async with local_room(bot) as room:
        bo = await room.person("Bo")
        bo.send({"do": "read"})
        await bo.hears(880, timeout=None)

async def test_a_task(local_room):
    async with local_room(bot) as room:
        bo = await room.person("Bo")
        bo.send({"do": "task"})
        await bo.hears(880, timeout=None)

async def test_another_one_is_expected(local_room):
    async with local_room(bot) as room:
        room.expects_error(ZeroDivisionError)
        bo = await room.person("Bo")
        bo.send({"do": "read"})
        await bo.hears(880, timeout=None)

async def test_beside_a_failure_of_the_test(local_room):
    async with local_room(bot) as room:
        bo = await room.person("Bo")
        errors = room.expects_error(LookupError)
        bo.send({"do": "read"})
        await bo.hears(lambda _: errors)
        bo.send({"do": "task"})
        with pytest.raises(asyncio.CancelledError):
            await bo.hears(880, timeout=None)
        assert errors == []

@pytest.fixture
async def room(local_room):
    async with local_room(bot) as room:
        yield room

async def test_in_a_fixtures_room(room):
    await room.person("Ana")
    bo = await room.person("Bo")
    await bo.hears(880, timeout=None)
"""

PASSING = """
from bots import bot

async def test_what_is_expected(local_room):
    async with local_room(bot) as room:
        errors = room.expects_error()
        bo = await room.person("Bo")
        bo.send("plain strings are nothing to RTVI, and no error of the bot")
        for task in ("read", "task", "fail"):
            bo.send({"do": task})
        await bo.hears(lambda _: len(errors) == 3)
    assert {type(error) for error in errors} == {LookupError, ZeroDivisionError, KeyError}

async def test_a_fake_that_is_told_to_fail(local_room, bot_errors):
    async with local_room(bot) as room:
        errors = bot_errors.expects(LookupError)
        bo = await room.person("Bo")
        bo.send({"do": "read"})
        await bo.hears(lambda _: errors)

async def test_no_error(local_room):
    async with local_room(bot) as room:
        bo = await room.person("Bo")
        bo.send("hello")
        bo.leave()
        await room.event("participant-left")
"""

FAILED = {
    "a_handler": "KeyError: 'no greeting'",
    "a_handler_of_two_rooms": "KeyError: 'no welcome'",
    "a_function_that_handles": "KeyError: 'no task'",
    "a_processor": "LookupError: the processor cannot read",
    "a_task": "ZeroDivisionError: division by zero",
    "another_one_is_expected": "LookupError: the processor cannot read",
    "beside_a_failure_of_the_test": "AssertionError: assert [LookupError(",
    "in_a_fixtures_room": "KeyError: 'no greeting'",
}


def test_it_fails_the_test_at_once(suite: Run) -> None:
    ended = suite("--timeout=90", conftest__py=CONFTEST, bots__py=BOTS, test_them__py=FAILING)
    said = dict(re.findall(r"^FAILED .*::test_(\w+) - (.*)$", ended.stdout, re.MULTILINE))
    assert said.keys() == FAILED.keys(), ended.stdout + ended.stderr
    for name, why in FAILED.items():
        assert said[name].startswith(why), ended.stdout
    for line in ('raise KeyError("no greeting")', "return 1 / 0", "bots.py:"):
        assert line in ended.stdout
    assert "The bot had raised ZeroDivisionError('division by zero') by then." in ended.stdout


def test_what_a_test_or_a_fake_expects_does_not(suite: Run) -> None:
    ended = suite("--timeout=90", conftest__py=CONFTEST, bots__py=BOTS, test_them__py=PASSING)
    assert "3 passed" in ended.stdout, ended.stdout + ended.stderr


SERVICES = """
import pytest
from pipecat.frames.frames import LLMContextFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.transports.daily.transport import DailyParams, DailyTransport
from pipecat.workers.runner import WorkerRunner

async def bot(args):
    transport = DailyTransport(args.room_url, args.token, "Bot", DailyParams(audio_in_enabled=True))
    worker = PipelineWorker(Pipeline([transport.input(), OpenAILLMService()]), idle_timeout_secs=None)

    @transport.event_handler("on_app_message")
    async def on_app_message(_transport, message, _sender):
        context = LLMContext([{"role": "user", "content": "hello"}])
        await worker.queue_frame(LLMContextFrame(context))
        if message == {"do": "fail"}:
            raise KeyError("the handler's own")

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()

async def test_told(local_room, llm):
    llm.fails(401)
    async with local_room(bot) as room:
        bo = await room.person("Bo")
        bo.send({"do": "ask"})
        await llm.is_asked("hello")
        bo.leave()
        await room.event("participant-left")

async def test_a_handler_counts_all_the_same(local_room, llm):
    llm.fails(401)
    async with local_room(bot) as room:
        bo = await room.person("Bo")
        bo.send({"do": "fail"})
        await bo.hears(880, timeout=None)

async def test_untold(local_room, llm):
    async with local_room(bot) as room:
        bo = await room.person("Bo")
        bo.send({"do": "ask"})
        await bo.hears(880, timeout=None)
"""


def test_a_service_that_was_told_to_fail_may(suite: Run) -> None:
    ended = suite("--timeout=90", conftest__py=CONFTEST, test_them__py=SERVICES)
    said = dict(re.findall(r"^FAILED .*::test_(\w+) - (.*)$", ended.stdout, re.MULTILINE))
    assert "2 failed, 1 passed" in ended.stdout, ended.stdout + ended.stderr
    assert said["a_handler_counts_all_the_same"].startswith('KeyError: "the handler\'s own"')
    assert said["untold"].startswith("openai.")
