# SPDX-License-Identifier: BSD-2-Clause
"""Every call that the installed Pipecat makes on ``daily`` fits the stand-in.

The calls are read from Pipecat's source, and bound to the stand-in's signatures in a process of
its own. This is what notices a new Pipecat.
"""

import ast
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipecat_daily_rest.local.server import STAND_IN

PIPECAT = Path(next(iter(importlib.util.find_spec("pipecat").submodule_search_locations)))
TRANSPORT = PIPECAT / "transports/daily/transport.py"

# What an object in the transport is, by how the source writes it.
RECEIVERS = {
    "self._client": "CallClient",
    "self._speaker": "VirtualSpeakerDevice",
    "self._webrtc_vad": "NativeVad",
    "audio_source": "CustomAudioSource",
    "video_source": "CustomVideoSource",
    "Daily": "Daily",
}
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


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for file in sorted(PIPECAT.rglob("*.py")):
        text = file.read_text()
        if "daily" in text:
            yield file, ast.parse(text)


def imported(tree: ast.Module) -> list[tuple[str, str]]:
    return [
        (node.module, name.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in ("daily", "daily.daily")
        for name in node.names
    ]


def calls(tree: ast.Module, names: set[str]) -> list[tuple[str, str, int, list[str]]]:
    """Owner, method, number of positional arguments, and keywords, of each call."""
    found = []
    for scope in ast.walk(tree):
        if not isinstance(scope, ast.ClassDef):
            continue
        for node in ast.walk(scope):
            if not isinstance(node, ast.Call):
                continue
            keywords = [keyword.arg for keyword in node.keywords]
            if isinstance(node.func, ast.Name) and node.func.id in names - {"EventHandler"}:
                found.append((node.func.id, "", len(node.args), keywords))
            elif isinstance(node.func, ast.Attribute):
                receiver = ast.unparse(node.func.value)
                # Elsewhere `self._client` is Pipecat's own client.
                if receiver == "self._client" and scope.name != "DailyTransportClient":
                    continue
                if receiver in RECEIVERS:
                    call = (RECEIVERS[receiver], node.func.attr, len(node.args), keywords)
                    found.append(call)
    return found


@pytest.fixture(scope="module")
def transport() -> ast.Module:
    return ast.parse(TRANSPORT.read_text())


def test_the_source_is_read_as_it_is_meant(transport: ast.Module) -> None:
    names = {name for _, name in imported(transport)}
    assert {"CallClient", "CustomAudioSource", "Daily", "EventHandler", "LogLevel"} <= names
    found = {call[:2] for call in calls(transport, names)}
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
        n for n in ast.walk(transport) if getattr(n, "name", "") == "DailyTransportClient"
    )
    handlers = {n.name for n in client.body if isinstance(n, ast.FunctionDef)}
    assert "on_participant_left" in handlers


def test_every_call_of_pipecat_binds(transport: ast.Module) -> None:
    imports = [pair for _, tree in sources() for pair in imported(tree)]
    assert len(imports) > 12
    found = calls(transport, {name for _, name in imported(transport)})
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


def test_every_event_that_pipecat_takes_exists(transport: ast.Module) -> None:
    client = next(
        n for n in ast.walk(transport) if getattr(n, "name", "") == "DailyTransportClient"
    )
    handlers = {
        node.name: [arg.arg for arg in node.args.args[1:]]
        for node in client.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("on_")
    }
    known = json.loads(Path(__file__).with_name("daily_python.json").read_text())
    members = known["classes"]["EventHandler"]["members"]
    for name, arguments in handlers.items():
        assert len(members[name]) == len(arguments), name
    assert len(handlers) > 20
