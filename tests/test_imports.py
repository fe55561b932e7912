# SPDX-License-Identifier: BSD-2-Clause
"""Which way imports point."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "pipecat_daily_rest"
LOCAL = [path for path in sorted((PACKAGE / "local").rglob("*.py")) if "stand_in" not in path.parts]
STAND_IN = sorted((PACKAGE / "local" / "stand_in").rglob("*.py"))
MODULES = sorted({*PACKAGE.rglob("*.py")} - {*(PACKAGE / "local").rglob("*.py")})


def imported(path):
    """The modules of this package that a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            if node.module in ("pipecat_daily_rest", "pipecat_daily_rest.local"):
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name for name in names if name.partition(".")[0] == "pipecat_daily_rest"}


@pytest.mark.parametrize("path", LOCAL, ids=lambda path: path.stem)
def test_the_local_daily_knows_nothing_of_the_client_but_its_errors(path):
    for name in imported(path) - {"pipecat_daily_rest"}:
        assert name.startswith(("pipecat_daily_rest.local", "pipecat_daily_rest.errors")), name


def test_the_stand_in_knows_nothing_of_the_package():
    assert STAND_IN
    assert {name for path in STAND_IN for name in imported(path)} == set()


def test_only_the_plugin_reaches_into_the_local_daily():
    allowed = {"testing", "_local_fixture", "_local_requests", "_local_room", "_local_thread"}
    for path in MODULES:
        if path.stem not in allowed:
            used = {name for name in imported(path) if name.startswith("pipecat_daily_rest.local")}
            assert used == set(), path.name


def test_no_module_imports_one_that_imports_it():
    graph = {
        ".".join(
            ("pipecat_daily_rest", *path.relative_to(PACKAGE).with_suffix("").parts)
        ): imported(path)
        for path in MODULES
        if path.stem[:2] != "__"
    }

    def reach(name, seen):
        for other in graph.get(name, ()):
            if other not in seen and other in graph:
                seen.add(other)
                reach(other, seen)
        return seen

    for name in graph:
        assert name not in reach(name, set()), f"{name} is in a circle of imports"
