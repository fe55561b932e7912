# SPDX-License-Identifier: BSD-2-Clause
"""The calls that the installed Pipecat makes on ``daily``, read from its source."""

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

PIPECAT = Path(next(iter(importlib.util.find_spec("pipecat").submodule_search_locations)))
TRANSPORT = PIPECAT / "transports/daily/transport.py"

# The class of an object of the transport, by its expression in the source.
RECEIVERS = {
    "self._client": "CallClient",
    "self._speaker": "VirtualSpeakerDevice",
    "self._webrtc_vad": "NativeVad",
    "audio_source": "CustomAudioSource",
    "video_source": "CustomVideoSource",
    "Daily": "Daily",
}


def transport() -> ast.Module:
    return ast.parse(TRANSPORT.read_text())


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


def calls(tree: ast.Module) -> list[tuple[str, str, int, list[str]]]:
    """Give class, method, number of positional arguments, and keywords of each call."""
    names = {name for _, name in imported(tree)}
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


def told() -> list[str]:
    """Give the same as lines: ``CallClient.join(_, _, completion=)``."""
    lines = set()
    for owner, method, count, keywords in calls(transport()):
        arguments = ", ".join([*["_"] * count, *(f"{keyword}=" for keyword in keywords)])
        lines.add(f"{owner}{method and '.'}{method}({arguments})")
    return sorted(lines)
