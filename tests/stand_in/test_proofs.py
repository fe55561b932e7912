# SPDX-License-Identifier: BSD-2-Clause
"""The names in `proves` marks exist in daily-python, and are not events that never come."""

import ast
import json
from pathlib import Path

from pipecat_daily_rest.local.server import STAND_IN
from proofs import proofs

REAL = json.loads(Path(__file__).with_name("daily_python.json").read_text())["classes"]
EVENTS = {name for name in REAL["EventHandler"]["members"] if name.startswith("on_")}


def never() -> set[str]:
    """Give the events that never come, by the stand-in."""
    scope: dict[str, object] = {}
    tree = ast.parse((STAND_IN / "daily" / "_events.py").read_text())
    tables = [node for node in tree.body if isinstance(node, ast.Assign)]
    exec(compile(ast.Module(tables, []), "_events.py", "exec"), scope)  # noqa: S102 - our own
    return set(scope["NEVER"])


def test_what_is_proven_exists() -> None:
    methods = {f"{owner}.{name}" for owner, cls in REAL.items() for name in cls["members"]}
    assert proofs().keys() <= REAL.keys() | methods | EVENTS


def test_what_never_comes_is_said_to_and_is_proven_by_no_test() -> None:
    assert never() <= EVENTS
    assert never().isdisjoint(proofs())
    handler = ast.parse((STAND_IN / "daily" / "_events.py").read_text())
    said = {
        node.name
        for node in ast.walk(handler)
        if isinstance(node, ast.FunctionDef) and "never in a local room" in ast.get_docstring(node)
    }
    assert said == never()
