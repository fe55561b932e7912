# SPDX-License-Identifier: BSD-2-Clause
"""The stand-in has daily-python's surface, and does what it does without a call.

`daily_python.json` has the facts of the compiled module; ``make snapshot`` renews it. Each module
runs in a process of its own.
"""

import importlib.util
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from pipecat_daily_rest.local.server import STAND_IN

HERE = Path(__file__).parent
REAL = json.loads((HERE / "daily_python.json").read_text())

NO_DAILY = importlib.util.find_spec("daily") is None


def run(*code: str, stand_in: bool = True) -> str:
    path = {"PYTHONPATH": str(STAND_IN)} if stand_in else {}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, *code],
        env={**environment, **path},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if stand_in:
        assert "Traceback" not in done.stderr
        assert "nanobind" not in done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    found = json.loads(run(str(HERE / "snapshot.py")))
    assert found["stand_in"]
    return found


def test_all_names_with_all_their_parameters_and_defaults(found: dict[str, Any]) -> None:
    assert found["classes"].keys() == REAL["classes"].keys()
    compared = 0
    for name, real in REAL["classes"].items():
        ours = found["classes"][name]
        assert ours["members"].keys() == real["members"].keys(), name
        if real["call"] is not None:
            assert ours["call"] == real["call"], name
        for member, parameters in real["members"].items():
            assert ours["members"][member] == parameters, f"{name}.{member}"
            compared += isinstance(parameters, list)
    assert compared > 90


@pytest.mark.proves(
    "CallClient.set_ice_config",
    "CallClient.set_proxy_url",
    "CallClient.remove_custom_video_track",
)
@pytest.mark.parametrize("what", sorted(REAL["behaviour"]))
def test_it_behaves_like_daily_python(found: dict[str, Any], what: str) -> None:
    assert found["behaviour"][what] == REAL["behaviour"][what]


def test_writes_complete_in_real_time(found: dict[str, Any]) -> None:
    times = found["times"]
    for number, at in enumerate(times["times"], 1):
        assert at > (number - 1) * 0.04  # less the delay of the write before
    assert times["blocked"] > 5 * 0.04 - 0.01
    assert times["at_once"] < times["times"][-1]


RAISE = [
    "CallClient()",
    "Daily.init(); Daily.init()",
    "AudioData()",
    "LogLevel()",
    "Daily()",
    "NativeVad()",
    "VideoFrame()",
    "VirtualSpeakerDevice()",
    "Daily.init(); c = CallClient(); c.set_video_renderer('x', print, color_format='rgb')",
    "CustomAudioSource(0, 1).write_frames(bytes(2))",
    "CustomAudioSource(16_000, 0).write_frames(bytes(2))",
    "Daily.create_native_vad(sample_rate=22_050)",
    "Daily.create_native_vad(channels=0).analyze_frames(bytes(2))",
]
# Each in a fork of one Python, which has imported the stand-in.
RAISE_ALL = f"""
import os
import daily
from daily import *
for code in {RAISE!r}:
    if not (child := os.fork()):
        try:
            exec(code)
        except Exception as e:
            print(code, "->", repr(e), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


def test_what_aborts_or_raises_on_daily_python_raises() -> None:
    said = dict(line.split(" -> ", 1) for line in run("-c", RAISE_ALL).splitlines())
    assert list(said) == RAISE
    assert [code for code, error in said.items() if "Error(" not in error] == []


def test_a_process_ends_quietly_whatever_it_left_behind() -> None:
    program = """
import threading, time
from daily import *
Daily.init()
class H(EventHandler):
    def on_call_state_updated(self, state):
        if state == "left":
            started.set()
            threading.Event().wait()  # a callback that never returns
started = threading.Event()
client = CallClient(event_handler=H())
source = CustomAudioSource(16000, 1)
source.write_frames(bytes(32000 * 60), completion=print)  # a minute
speaker = Daily.create_speaker_device("speaker")
client.leave()
started.wait()
print("end")
"""
    assert run("-c", program) == "end\n"


@pytest.mark.proves(
    "CustomAudioSource.channels",
    "CustomAudioSource.sample_rate",
    "CustomAudioTrack.id",
    "CustomVideoSource.color_format",
    "CustomVideoSource.height",
    "CustomVideoSource.width",
    "CustomVideoTrack.id",
    "NativeVad.channels",
    "NativeVad.reset_period_ms",
    "NativeVad.sample_rate",
    "VirtualMicrophoneDevice.channels",
    "VirtualMicrophoneDevice.name",
    "VirtualMicrophoneDevice.sample_rate",
    "VirtualSpeakerDevice.channels",
    "VirtualSpeakerDevice.name",
    "VirtualSpeakerDevice.sample_rate",
)
def test_objects_give_the_arguments_that_made_them() -> None:
    program = """
from daily import *
from uuid import UUID
Daily.init()
sound, film = CustomAudioSource(8000, 2), CustomVideoSource(6, 4, "BGRA")
assert (sound.sample_rate, sound.channels) == (8000, 2)
assert (film.width, film.height, film.color_format) == (6, 4, "BGRA")
tracks = [CustomAudioTrack(sound), CustomVideoTrack(film), CustomAudioTrack(sound)]
assert len({UUID(track.id) for track in tracks}) == 3
for make in (Daily.create_microphone_device, Daily.create_speaker_device):
    device = make("mine", 24000, 2)
    assert (device.name, device.sample_rate, device.channels) == ("mine", 24000, 2)
vad = Daily.create_native_vad(700, 48000, 2)
assert (vad.reset_period_ms, vad.sample_rate, vad.channels) == (700, 48000, 2)
print("seen")
"""
    assert run("-c", program) == "seen\n"


@pytest.mark.proves(
    "Daily.set_log_level",
    "LogLevel.Debug",
    "LogLevel.Error",
    "LogLevel.Info",
    "LogLevel.Off",
    "LogLevel.Trace",
    "LogLevel.Warn",
)
def test_the_levels_of_the_log() -> None:
    names = ["Off", "Error", "Warn", "Info", "Debug", "Trace"]
    assert sorted(names) == sorted(REAL["classes"]["LogLevel"]["members"])
    levels = f"[LogLevel.{', LogLevel.'.join(names)}]"
    program = f"""
from daily import *
print({levels}, [(Daily.set_log_level(level), int(level)) for level in {levels}])
"""
    assert run("-c", program) == f"{levels} {[(None, number) for number in range(6)]}\n"


@pytest.mark.proves("Daily.create_native_vad", "NativeVad.analyze_frames")
def test_the_detector_tells_a_voice_from_silence() -> None:
    program = """
from daily import *
import math, struct
Daily.init()
vad = Daily.create_native_vad()
tone = struct.pack("<160h", *(int(9000 * math.sin(i / 4)) for i in range(160)))
print(vad.analyze_frames(tone), vad.analyze_frames(bytes(320)))
"""
    assert run("-c", program) == "1.0 0.0\n"


@pytest.mark.proves("Daily.init", "Daily.deinit")
def test_it_begins_and_ends_and_begins_again() -> None:
    program = """
from daily import *
for _ in range(2):
    Daily.init()
    CallClient().release()
    Daily.deinit()
try:
    CallClient()
except RuntimeError as exc:
    print(exc)
"""
    assert run("-c", program).startswith("call Daily.init() first")


def test_importing_it_needs_only_what_pipecat_brings() -> None:
    program = "import sys, daily, daily.daily; print(*sorted(m.split('.')[0] for m in sys.modules))"
    modules = set(run("-c", program).split())
    assert {"daily", "aiohttp", "numpy", "loguru"} <= modules
    assert not modules & {"pipecat", "pipecat_daily_rest", "aiortc", "pydantic", "soxr"}


@pytest.mark.real_daily
@pytest.mark.skipif(NO_DAILY, reason="daily-python is not installed")
def test_the_snapshot_is_the_installed_daily_python() -> None:
    stale = f"not daily-python {version('daily-python')}: look at it, then run `make snapshot`"
    assert REAL["daily-python"] == version("daily-python"), stale
    real = json.loads(run(str(HERE / "snapshot.py"), stand_in=False))
    assert not real["stand_in"]
    assert real["classes"] == REAL["classes"]
    assert real["behaviour"] == REAL["behaviour"]
    assert len(real["times"]["times"]) == 10
