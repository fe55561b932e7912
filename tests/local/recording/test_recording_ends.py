# SPDX-License-Identifier: BSD-2-Clause
"""Recordings whose process is killed, or whose disk fails, fills up or hangs."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from loguru import logger

from helpers import calling
from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.call.mixer import SAMPLE_RATE
from pipecat_daily_rest.local.recording import recorder, writer
from pipecat_daily_rest.local.recording.sound_file import read_sound
from pipecat_daily_rest.local.scripted.hearing import tone_level

START, STOP = "/rooms/demo/recordings/start", "/rooms/demo/recordings/stop"


async def recorded(daily: LocalDaily) -> Any:
    """The recording, once it has ended."""
    await daily.state.log.wait_for("recording stopped")
    (recording,) = daily.recordings
    return recording


PROGRAM = """
import asyncio, resource, sys
from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.call.clock import Clock
from pipecat_daily_rest.local.call.log import Log

async def main():
    async with LocalDaily(recordings=sys.argv[1]) as daily:
        room = daily.state.rooms.create("demo", "public", {})
        ana, bo = daily.join("demo"), daily.join("demo")
        ana.tone(440, 60)
        daily.recorder.start(room, {"type": sys.argv[2], "instanceId": "one"}, None)
        await after(daily, bo)

"""


def program(folder: Path, kind: str, rest: str) -> "subprocess.Popen[str]":
    code = PROGRAM + textwrap.dedent(rest) + "\nasyncio.run(main())\n"
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder), kind], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [("cloud", "*.mp4"), ("cloud-audio-only", "*.m4a"), ("raw-tracks", "*.webm")],
)
def test_a_killed_process_leaves_files_that_can_be_heard(
    tmp_path: Path, kind: str, pattern: str
) -> None:
    with program(
        tmp_path,
        kind,
        """
        async def after(daily, bo):
            await bo.hears(lambda heard: len(heard) > 48_000 * 1.5)
            (running,) = daily.recorder._running
            paths, waiting = running.writer.paths, running.writer._batches
            # On a busy machine the thread comes later.
            while waiting.qsize() or not all(p.exists() and p.stat().st_size for p in paths):
                await asyncio.sleep(0.01)
            print(daily.mixer.now, flush=True)
            await asyncio.sleep(60)
        """,
    ) as process:
        assert process.stdout is not None
        ticks = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
    sounds = [read_sound(path) for path in tmp_path.rglob(pattern)]
    (heard,) = [sound for sound in sounds if tone_level(sound, 440) > 0.05]
    # Some of the first ticks may have been before the start.
    assert ticks * 0.02 - len(heard) / SAMPLE_RATE < 0.6 + 0.2


def test_a_full_disk_ends_it_with_a_reason(tmp_path: Path) -> None:
    with program(
        tmp_path,
        "cloud-audio-only",
        """
        async def after(daily, bo):
            resource.setrlimit(resource.RLIMIT_FSIZE, (8000, resource.RLIM_INFINITY))
            error = await bo.event("recording-error")
            stopped = await bo.event("recording-stopped")
            (recording,) = daily.recordings
            print(error["message"], stopped["streamId"], recording.status, sep="|")
            bo.forget()
            await bo.hears(440)  # the call goes on
            print("and on")
        """,
    ) as process:
        out, _ = process.communicate(timeout=120)
    assert out.splitlines() == ["the file cannot be written: File too large|one|finished", "and on"]
    (file,) = tmp_path.rglob("*.m4a")
    assert tone_level(read_sound(file), 440) > 0.05


async def test_a_folder_that_cannot_be_made_ends_it_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said: list[str] = []
    sink = logger.add(said.append, level="ERROR", format="{message}")
    async with LocalDaily(recordings=tmp_path / "file") as daily, calling(daily) as call:
        daily.state.rooms.create("demo", "public", {})
        ana = daily.join("demo")
        assert (await call("POST", START, {"type": "cloud-audio-only"}))[0] == 200
        error = await ana.event("recording-error")
        assert error["message"].startswith("the file cannot be written: ")
        recording = await recorded(daily)
        assert (recording.status, recording.paths) == ("canceled", ())
        assert recording.why == error["message"]
    logger.remove(sink)
    assert f"Its folder is {tmp_path / 'file'}\n" in said[0]


async def test_files_that_are_gone_or_broken_are_said_so() -> None:
    async with LocalDaily() as daily, calling(daily) as call, aiohttp.ClientSession() as http:
        daily.state.rooms.create("demo", "public", {})
        ana = daily.join("demo")
        await call("POST", START, {"type": "raw-tracks"})
        await ana.hears(lambda heard: len(heard) > SAMPLE_RATE // 5)
        await call("POST", STOP, {})
        recording = await recorded(daily)
        assert recording.why == "stopped by the API"
        link = (await call("GET", f"/recordings/{recording.id}/access-link"))[1]["download_link"]
        recording.paths[0].write_bytes(b"no sound")
        with pytest.raises(DailyConfigError, match=r"\.webm' cannot be read: Invalid data"):
            recording.has(440)
        recording.paths[0].unlink()
        with pytest.raises(DailyConfigError, match=r"\.webm' cannot be read: No such file"):
            recording.has(440)
        async with http.get(str(link)) as response:
            assert (response.status, await response.text()) == (
                404,
                "This link's file was deleted.",
            )


async def test_a_recording_that_is_deleted_while_it_runs_leaves_no_file(tmp_path: Path) -> None:
    async with LocalDaily(recordings=tmp_path) as daily, calling(daily) as call:
        daily.state.rooms.create("demo", "public", {})
        ana = daily.join("demo")
        await call("POST", START, {"type": "cloud-audio-only"})
        await ana.hears(lambda heard: len(heard) > SAMPLE_RATE // 5)
        (recording,) = daily.recordings
        assert (await call("DELETE", f"/recordings/{recording.id}"))[0] == 200
        await call("POST", STOP, {})
        await daily.state.log.wait_for("recording stopped")
        assert daily.recordings == []
    assert not [each for each in tmp_path.rglob("*") if each.is_file()]


async def test_an_empty_folder_name_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with LocalDaily(recordings="") as daily, calling(daily) as call:
        daily.state.rooms.create("demo", "public", {})
        ana = daily.join("demo")
        await call("POST", START, {"type": "cloud-audio-only"})
        await ana.hears(lambda heard: len(heard) > SAMPLE_RATE // 5)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Files that hang until this is set."""
    release = threading.Event()

    class Hanging(writer.SoundFile):
        def write(self, at: int, block: Any) -> None:
            release.wait(120)
            super().write(at, block)

    monkeypatch.setattr(writer, "SoundFile", Hanging)
    yield release
    release.set()


async def test_the_clock_does_not_wait_for_the_disk(
    daily: LocalDaily, call: Any, hanging: threading.Event
) -> None:
    ana, bo = daily.join("demo"), daily.join("demo")
    await call("POST", START, {"type": "cloud-audio-only"})
    ana.tone(440, 0.5)
    await bo.hears(440)
    hanging.set()
    await call("POST", STOP)
    recording = await recorded(daily)
    assert recording.has(440)


async def test_a_disk_that_stays_behind_ends_it_with_a_reason(
    daily: LocalDaily, call: Any, hanging: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_MOST_WAITING", 3)
    ana = daily.join("demo")
    await call("POST", START, {"type": "cloud-audio-only"})
    await ana.hears(lambda heard: len(heard) > SAMPLE_RATE)
    hanging.set()
    assert (await ana.event("recording-error"))["message"] == "the disk was too slow"
    assert (await recorded(daily)).status == "finished"


async def test_a_disk_that_hangs_does_not_hang_the_end(
    hanging: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "_LAST", 0.1)
    async with LocalDaily() as daily, calling(daily) as call:
        daily.state.rooms.create("demo", "public", {})
        ana = daily.join("demo")
        await call("POST", START, {"type": "cloud-audio-only"})
        await ana.hears(lambda heard: len(heard) > SAMPLE_RATE // 10)
    assert not hanging.is_set()
