# SPDX-License-Identifier: BSD-2-Clause
"""Which tests see which methods and events of daily-python work in a local room.

They say so themselves: ``@pytest.mark.proves("CallClient.start_dialout", "on_dialout_connected")``.
"""

import ast
from pathlib import Path

TESTS = Path(__file__).parents[1]


def proofs() -> dict[str, list[str]]:
    """Give the tests, as ``file::test``, by what they prove."""
    found: dict[str, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        text = path.read_text()
        for test in ast.walk(ast.parse(text)) if "mark.proves" in text else ():
            if not isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            marks = [ast.unparse(mark) for mark in test.decorator_list]
            if any("skip" in mark or "xfail" in mark for mark in marks):
                continue  # it proves nothing
            for mark in test.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.proves":
                    for name in map(ast.literal_eval, mark.args):
                        found.setdefault(name, []).append(f"{path.relative_to(TESTS)}::{test.name}")
    return found
