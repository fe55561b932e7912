# SPDX-License-Identifier: BSD-2-Clause
"""A person in Chromium hears the new bot after a save, and touches nothing."""

import os
import sys

import pytest

from pipecat_daily_rest.local import LocalDaily
from programs import processes

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

BOT = """
import asyncio
import numpy as np
from pipecat.frames.frames import OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.runner.utils import create_transport
from pipecat.transports.daily.transport import DailyParams
from pipecat.workers.runner import WorkerRunner

RATE = 16_000

async def bot(runner_args):
    params = {"daily": lambda: DailyParams(audio_out_enabled=True)}
    transport = await create_transport(runner_args, params)
    worker = PipelineWorker(
        Pipeline([transport.input(), transport.output()]),
        params=PipelineParams(audio_out_sample_rate=RATE),
        idle_timeout_secs=None,
    )

    @transport.event_handler("on_joined")
    async def on_joined(_transport, _data):
        time = np.arange(RATE) / RATE  # a second, which ends where it begins
        tone = (np.sin(2 * np.pi * HERTZ * time) * 8000).astype(np.int16).tobytes()

        async def play():
            while True:
                await worker.queue_frame(OutputAudioRawFrame(tone, RATE, num_channels=1))
                await asyncio.sleep(0.9)

        worker.playing = asyncio.create_task(play())

    runner = WorkerRunner()
    await runner.add_workers(worker)
    await runner.run()
    worker.playing.cancel()
"""


async def test_the_new_bot_is_heard(browser_person, local_daily: LocalDaily, tmp_path):
    file = tmp_path / "bot.py"
    file.write_text(BOT.replace("HERTZ", "440"))
    async with processes(tmp_path) as start:
        run = (sys.executable, "-m", "pipecat_daily_rest", "run", file, "--reload")
        program = await start(*run, env=local_daily.env())
        ana = await browser_person(await program.says(r"^(http\S+)\n"), tone_hz=None, name="Ana")
        await ana.join()
        await ana.hears(440)
        (tmp_path / "new").write_text(BOT.replace("HERTZ", "880"))
        os.replace(tmp_path / "new", file)
        await ana.hears(880)
        await ana.hears_no(440)  # the old bot is gone
        (room,) = local_daily.rooms.values()
        kinds = [each.kind for each in room.participants.values()]
        assert sorted(kinds) == ["bot", "person"]
        joins = [entry.what for entry in local_daily.state.log.entries if "joined" in entry.what]
        assert sorted(joins) == ["bot joined", "bot joined", "person joined"]
        program.signal()
        assert await program.ended() == 0
