# SPDX-License-Identifier: BSD-2-Clause
"""Each switch of the local Daily is documented, and a test sets it to another value.

A test sets a switch where its name is an argument of a call, as in ``Choices(far_exp="error")``, or a
key, and the value there is not the default's. What the default does is what all other tests see.
The switches that REST tells of are set to each of their values in `tests/contract/test_report.py`.
"""

import ast
import dataclasses
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from drift.probes import OBSERVED
from pipecat_daily_rest.local.choices import Choices

TESTS = Path(__file__).parents[1]
SWITCHES = {each.name: each.default for each in dataclasses.fields(Choices)}
DOCUMENTED = re.findall(r"^    (\w+): \S", inspect.getdoc(Choices) or "", re.M)


def settings(tree: ast.AST) -> Iterator[tuple[str, Any]]:
    """Give each switch that is set, with its value; `...` for what is known only at run time."""
    for node in ast.walk(tree):
        pairs: list[tuple[Any, ast.expr]] = []
        if isinstance(node, ast.Call):
            pairs = [(each.arg, each.value) for each in node.keywords]
        elif isinstance(node, ast.Dict):
            pairs = [
                (key.value, value)
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant)
            ]
        for name, value in pairs:
            if name not in SWITCHES:
                continue
            try:
                yield name, ast.literal_eval(value)
            except ValueError:
                yield name, ...


def test_the_docstring_lists_the_fields() -> None:
    assert DOCUMENTED == list(SWITCHES)


def test_tests_set_each_to_another_value() -> None:
    elsewhere = set(OBSERVED)
    for path in TESTS.rglob("test_*.py"):
        for name, value in settings(ast.parse(path.read_text())):
            if value != SWITCHES[name]:
                elsewhere.add(name)
    assert SWITCHES.keys() - elsewhere == set()
