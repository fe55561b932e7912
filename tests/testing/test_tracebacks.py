# SPDX-License-Identifier: BSD-2-Clause
"""The traceback of a failed test begins and ends with the user's own lines, as other people see it."""

import re

from suites import CONFTEST, Run

BOT = """
from pipecat.frames.frames import InputTransportMessageFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.transports.daily.transport import DailyParams, DailyTransport
from pipecat.workers.runner import WorkerRunner

class Reports(FrameProcessor):
    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, InputTransportMessageFrame):
            error = ConnectionError("no model") if frame.message == {"with": "exception"} else None
            await self.push_error("cannot think", exception=error)

async def bot(args):
    transport = DailyTransport(args.room_url, args.token, "Bot", DailyParams(audio_out_enabled=True))
    pipeline = Pipeline([transport.input(), Reports(), transport.output()])
    worker = PipelineWorker(pipeline, idle_timeout_secs=None)

    @transport.event_handler("on_participant_joined")
    async def on_participant_joined(_transport, participant):
        if participant["info"]["userName"] == "Cy":
            raise KeyError("no greeting")  # of the bot

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()
"""

TESTS = """
import pytest
from bots import bot
from pipecat_daily_rest import provisioned_room

async def test_wait(local_room):
    async with local_room(bot) as room:
        ana = await room.person("Ana")
        await ana.hears(880, timeout=0.01)

async def test_reported(local_room):
    async with local_room(bot) as room:
        ana = await room.person("Ana")
        ana.send({"with": "nothing"})
        await ana.message(lambda message: message["type"] == "error")
        await ana.hears(880, timeout=0.01)

async def test_never_raised(local_room):
    async with local_room(bot) as room:
        ana = await room.person("Ana")
        ana.send({"with": "exception"})
        await ana.hears(880, timeout=None)

async def test_handler(local_room):
    async with local_room(bot) as room:
        ana = await room.person("Cy")
        await ana.hears(880, timeout=None)

async def test_log(local_room):
    async with local_room(bot) as room:
        await room.recording(timeout=0.01)

async def test_file(local_room):
    async with local_room(bot) as room:
        ana = await room.person("Ana")
        ana.says("missing.wav")

async def test_refused(local_room, local_daily):
    async with local_room(bot) as room:
        local_daily.join(room.url)

async def test_rest(local_daily):
    local_daily.fail("POST", "/rooms", status=400, times=None)
    async with provisioned_room() as room:
        pass

def test_without_a_loop(local_daily):
    local_daily.run(local_daily.wait_for("joined", timeout=0.01))

async def test_fault_of_the_package(local_daily):
    local_daily._daily.state.log.entries = None
    local_daily.log
"""


def test_it_has_the_users_lines_alone(suite: Run) -> None:
    files = {"conftest__py": CONFTEST, "bots__py": BOT, "test_it__py": TESTS}
    ended = suite("--tb=short", "--show-capture=no", **files)
    assert "10 failed" in ended.stdout, ended.stdout + ended.stderr
    parts = re.split(r"^_+ test_(\w+) _+$", ended.stdout, flags=re.MULTILINE)
    shown = dict(zip(parts[1::2], parts[2::2], strict=True))
    fault = shown.pop("fault_of_the_package")
    assert "daily_fixture.py" in fault, fault
    for name, text in shown.items():
        lines = re.findall(r"^(\S+\.py):\d+: in ", text, re.MULTILINE)
        assert lines[0] == "test_it.py", f"{name}: {text}"
        assert not [each for each in lines if "pipecat_daily_rest" in each], f"{name}: {text}"
        assert "direct cause" not in text, f"{name}: {text}"
        assert len(lines) == 1 or name == "handler", f"{name}: {text}"
    assert "# of the bot" in shown["handler"]
    assert "E   Reports#" in shown["never_raised"]  # who sent the ErrorFrame
    assert "said: cannot think" in shown["never_raised"]
    assert 'errors: "cannot think"' in shown["reported"]
    ended = suite("--full-trace", "-k", "test_wait", **files)
    assert "daily_thread.py" in ended.stdout, ended.stdout
