# SPDX-License-Identifier: BSD-2-Clause
"""Every call that the installed Pipecat makes on ``daily`` fits the stand-in.

The calls are read from Pipecat's source, and bound to the stand-in's signatures in a process of
its own. This is what notices a new Pipecat.
"""

import ast
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from pipecat_calls import calls, imported, sources, told, transport

from pipecat_daily_rest.local.server import STAND_IN

REAL = json.loads(Path(__file__).with_name("daily_python.json").read_text())

BIND = """
import inspect, json, sys
import daily, daily.daily
calls, imports = json.load(sys.stdin)
for module, name in imports:
    assert hasattr(sys.modules[module], name), f"{module}.{name}"
for owner, method, count, keywords in calls:
    cls = getattr(daily, owner)
    target = getattr(cls, method) if method else cls
    own = [None] if method and not isinstance(inspect.getattr_static(cls, method), staticmethod) else []
    inspect.signature(target).bind(*own, *[None] * count, **dict.fromkeys(keywords))
print(len(calls), len(imports))
"""


def test_calls_are_found_in_pipecats_source() -> None:
    names = {name for _, name in imported(transport())}
    assert {"CallClient", "CustomAudioSource", "Daily", "EventHandler", "LogLevel"} <= names
    found = {call[:2] for call in calls(transport())}
    assert len({method for owner, method in found if owner == "CallClient"}) > 25
    assert {
        ("CallClient", ""),
        ("CallClient", "join"),
        ("CallClient", "set_audio_renderer"),
        ("CustomAudioSource", ""),
        ("CustomAudioSource", "write_frames"),
        ("CustomVideoSource", "write_frame"),
        ("CustomAudioTrack", ""),
        ("VirtualSpeakerDevice", "read_frames"),
        ("NativeVad", "analyze_frames"),
        ("Daily", "init"),
        ("Daily", "create_speaker_device"),
        ("Daily", "select_speaker_device"),
        ("Daily", "create_native_vad"),
    } <= found
    # Whatever is called on an object by the name of an event handler's method is there, too.
    client = next(
        n for n in ast.walk(transport()) if getattr(n, "name", "") == "DailyTransportClient"
    )
    handlers = {n.name for n in client.body if isinstance(n, ast.FunctionDef)}
    assert "on_participant_left" in handlers


def test_every_call_of_pipecat_binds() -> None:
    imports = [pair for _, tree in sources() for pair in imported(tree)]
    assert len(imports) > 12
    found = calls(transport())
    done = subprocess.run(
        [sys.executable, "-c", BIND],
        input=json.dumps([found, imports]),
        env={**os.environ, "PYTHONPATH": str(STAND_IN)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(len(found)), str(len(imports))]


def test_every_event_that_pipecat_takes_exists() -> None:
    client = next(
        n for n in ast.walk(transport()) if getattr(n, "name", "") == "DailyTransportClient"
    )
    handlers = {
        node.name: [arg.arg for arg in node.args.args[1:]]
        for node in client.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("on_")
    }
    members = REAL["classes"]["EventHandler"]["members"]
    for name, arguments in handlers.items():
        assert len(members[name]) == len(arguments), name
    assert len(handlers) > 20


def test_the_snapshot_names_the_pipecat_that_makes_these_calls() -> None:
    """Another Pipecat may make the same calls; if it makes others, look at them."""
    assert told() == REAL["pipecat_calls"], (
        f"Pipecat {version('pipecat-ai')} makes other calls on daily than {REAL['pipecat-ai']}, "
        "which the snapshot names: see that a local room does them right, then `make snapshot`"
    )
    assert len(told()) > 40
