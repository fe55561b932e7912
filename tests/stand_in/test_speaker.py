# SPDX-License-Identifier: BSD-2-Clause
"""The one speaker of a process with several calls: which call it plays."""

from collections.abc import Callable
from typing import Any

import pytest

from pipecat_daily_rest.local import LocalDaily

# A bot, and a participant who calls it: both are clients of one process.
CALLED = """
import asyncio, json, sys
import numpy as np
from daily import CallClient, CustomAudioSource, CustomAudioTrack
from pipecat.frames.frames import InputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.transports.daily.transport import DailyParams, DailyTransport
from pipecat.workers.runner import WorkerRunner

TONE = (np.sin(np.arange(16_000 * 60) / 5) * 9000).astype(np.int16).tobytes()

class Listener(FrameProcessor):
    def __init__(self):
        super().__init__()
        self.heard = asyncio.Event()

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame) and any(frame.audio):
            self.heard.set()
        await self.push_frame(frame, direction)

def transport(url, joined):
    params = DailyParams(
        audio_in_enabled=True, audio_out_enabled=True, audio_in_user_tracks=False
    )
    transport = DailyTransport(url, None, "Robot", params)

    @transport.event_handler("on_joined")
    async def on_joined(*_):
        joined.set()

    return transport

async def run(transport, listener):
    worker = PipelineWorker(
        Pipeline([transport.input(), listener, transport.output()]), idle_timeout_secs=None
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()

async def call(url):
    loop = asyncio.get_running_loop()
    joined = loop.create_future()
    source, client = CustomAudioSource(16_000, 1), CallClient()
    client.track = CustomAudioTrack(source)
    microphone = {"isEnabled": True, "settings": {"customTrack": {"id": client.track.id}}}
    client.join(
        url,
        client_settings={"inputs": {"microphone": microphone}},
        completion=lambda *a: loop.call_soon_threadsafe(joined.set_result, a),
    )
    assert (await joined)[1] is None
    source.write_frames(TONE, completion=lambda _: None)
    return client

async def main(*urls):
    for number, url in enumerate(urls):
        joined, listener = asyncio.Event(), Listener()
        robot = transport(url, joined)
        if number == 0:
            caller = await call(url)
        bot = asyncio.create_task(run(robot, listener))
        await joined.wait()
        if number > 0:
            caller = await call(url)
        await listener.heard.wait()
        print(json.dumps(["heard", number]), flush=True)
        bot.cancel()
        await asyncio.gather(bot, return_exceptions=True)
        await asyncio.to_thread(caller.release)

asyncio.run(main(*sys.argv[1:]))
"""

# Two bots in tasks of their own: each selects its speaker, then joins.
TOGETHER = """
import asyncio, json, sys
import numpy as np
from daily import CallClient, Daily

Daily.init()

async def joins(client, url):
    loop = asyncio.get_running_loop()
    joined = loop.create_future()
    client.join(url, completion=lambda *a: loop.call_soon_threadsafe(joined.set_result, a))
    assert (await joined)[1] is None

async def bot(name, url, go, selected, joined):
    client = CallClient()
    speaker = Daily.create_speaker_device(name, sample_rate=16_000, non_blocking=True)
    Daily.select_speaker_device(name)
    selected.set()
    await go.wait()
    await joins(client, url)
    joined.set()
    return client, speaker

async def hears(speaker, what):
    while True:
        frames = np.frombuffer(speaker.read_frames(3200), np.int16)
        if np.abs(frames).max(initial=0) > 300:
            hz = int(np.abs(np.fft.rfft(frames)).argmax()) * 16_000 // 3200
            print(json.dumps(["heard", hz]), flush=True)
            if abs(hz - what) < 10:
                return
        await asyncio.sleep(0.01)

async def main(url):
    events = [[asyncio.Event() for _ in range(3)] for _ in range(2)]
    tasks = []
    for number, (go, selected, joined) in enumerate(events):  # the second one selects last …
        tasks.append(
            asyncio.create_task(bot(f"s{number}", f"{url}-{number}", go, selected, joined))
        )
        await selected.wait()
    for go, _, joined in reversed(events):  # … and joins first
        go.set()
        await joined.wait()
    (first, _), (second, speaker) = [await task for task in tasks]
    await hears(speaker, 1500)
    await asyncio.to_thread(second.release)
    await hears(speaker, 500)
    await asyncio.to_thread(first.release)

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.proves("Daily.select_speaker_device")
async def test_a_bot_that_joins_later_does_not_take_the_speaker(
    local_daily: LocalDaily, start: Callable[..., Any]
) -> None:
    for name in ("one", "two"):
        local_daily.state.rooms.create(name, "public", {})
    urls = [f"{local_daily.url}/{name}" for name in ("one", "two")]
    process = await start(*urls, code=CALLED)
    await process.tells("heard", lambda number: number == 0)  # the caller joined before
    await process.tells("heard", lambda number: number == 1)  # it joined later
    assert "Traceback" not in await process.ends()


async def test_the_speaker_plays_the_room_of_the_bot_that_selected_it(
    local_daily: LocalDaily, start: Callable[..., Any]
) -> None:
    for number, hz in enumerate((500, 1500)):
        local_daily.state.rooms.create(f"demo-{number}", "public", {})
        local_daily.join(f"demo-{number}").tone(hz, 120)
    process = await start(f"{local_daily.url}/demo", code=TOGETHER)
    [first] = await process.tells("heard")
    assert abs(first - 1500) < 10
    # Without the call that it was selected for, it plays the other.
    await process.tells("heard", lambda hz: abs(hz - 500) < 10)
    assert "Traceback" not in await process.ends()
