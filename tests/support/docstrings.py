# SPDX-License-Identifier: BSD-2-Clause
"""The examples in the docstrings of the package."""

import ast
import re
import textwrap
from collections.abc import Iterator
from typing import NamedTuple

from house import PACKAGE

BLOCK = re.compile(r"::[ ]*\n\n((?:[ ]{4}.*\n|\n)+)")

SHOWN = re.compile(
    r"[├→]|^(curl|GET|POST|GATHERING|\{)|--", re.MULTILINE
)  # trees, commands, requests


class Example(NamedTuple):
    """An example: whose docstring has it, and what it says."""

    of: str
    text: str


def examples() -> Iterator[Example]:
    """Give all of them that are Python."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        where = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for name, node in _documented(tree, where.removesuffix(".__init__")):
            for block in BLOCK.findall((ast.get_docstring(node) or "") + "\n"):
                text = textwrap.dedent(block).strip()
                if not SHOWN.search(text):
                    yield Example(name, text)


def _documented(node: ast.AST, name: str) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield name, node
        for child in node.body:
            yield from _documented(child, f"{name}.{getattr(child, 'name', '')}")
