# SPDX-License-Identifier: BSD-2-Clause
"""The rooms of the package, and which may import which: ``make architecture`` draws them.

A room is a file or a folder of ``src/pipecat_daily_rest``; inside ``local`` the rooms are its own
files and folders. The stand-in for ``daily`` is not part of the table: it imports nothing of
the package.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "pipecat_daily_rest"
PAGE = ROOT / "docs" / "architecture.md"

# From the top down. Each may import what stands behind it, and nothing else of the package.
CLIENT = """
    __main__    cli _bot
    cli         runner _bot _rooms _core errors
    testing     local _rooms _rest _http _core models
    runner      _bot _rooms _core models errors
    _bot        _rooms _core errors
    _rooms      _rest _http tokens _core models errors
    _rest       _http answers tokens _core models properties errors
    _http       _core errors
    webhooks    _core errors
    answers     models _core errors
    tokens      models _core errors
    _core       errors
    models      properties
    local       _core errors
    properties
    errors
"""
LOCAL = """
    __main__    server rest
    server      for_tests rest bot browser outside call guard choices secret arguments
    for_tests   rest bot room_handle outside scripted call secret arguments
    rest        outside call rules choices secret arguments
    bot         outside call rules choices
    room_handle outside scripted call arguments
    outside     scripted call rules choices guard secret arguments
    browser     call rules guard secret
    scripted    call rules arguments
    call        rules choices secret arguments
    rules       choices secret
    choices     arguments
    guard
    secret
    arguments
"""


def table(text: str) -> dict[str, set[str]]:
    """Read one of the two tables."""
    rows = (line.split() for line in text.strip().splitlines())
    return {room: set(allowed) for room, *allowed in rows}


@cache
def modules() -> dict[str, Path]:
    """Give every module of the package by its dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if "stand_in" not in path.parts:
            parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path) -> set[str]:
    """Give the modules of the package that a file imports, wherever it does and whatever for."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in modules() else node.module for name in names}
    return found & modules().keys()


@cache
def graph() -> dict[str, set[str]]:
    """Give what each module imports."""
    return {name: imports(path) - {name} for name, path in modules().items()}


def room(module: str, inside: str) -> str | None:
    """Tell in which room of a folder a module is; None for the folder's own ``__init__``."""
    rest = module.removeprefix(inside)
    return rest.split(".")[1] if rest.startswith(".") else None


def arrows(inside: str) -> dict[tuple[str, str], list[str]]:
    """Give the imports between the rooms of a folder, each with the modules that make it."""
    found: dict[tuple[str, str], list[str]] = {}
    for module, imported in graph().items():
        for other in imported:
            if not (module.startswith(inside + ".") and other.startswith(inside + ".")):
                continue
            here, there = room(module, inside), room(other, inside)
            if here and there and here != there:
                found.setdefault((here, there), []).append(f"{module} imports {other}")
    return found


def circles(nodes: Mapping[str, set[str]]) -> Iterator[str]:
    """Give every node that leads back to itself."""
    for start in nodes:
        ahead, seen = [*nodes[start]], set()
        while ahead:
            node = ahead.pop()
            if node == start:
                yield start
                break
            if node not in seen:
                seen.add(node)
                ahead += nodes.get(node, ())


def floors(allowed: Mapping[str, set[str]]) -> list[list[str]]:
    """Give the rooms floor by floor, from the top: a room stands above all that it imports."""
    level: dict[str, int] = {}

    def height(name: str) -> int:
        if name not in level:
            level[name] = 1 + max((height(each) for each in allowed[name]), default=-1)
        return level[name]

    top = max(map(height, allowed))
    return [[name for name in allowed if level[name] == floor] for floor in range(top, -1, -1)]


def direct(allowed: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """Give the arrows that no longer way stands for, so that a picture stays readable."""

    def reach(name: str) -> set[str]:
        return {each for one in allowed[name] for each in {one, *reach(one)}}

    return [
        (name, one)
        for name, ones in allowed.items()
        for one in sorted(ones)
        if not any(one in reach(other) for other in ones - {one})
    ]


def picture(allowed: Mapping[str, set[str]], name: str) -> str:
    """Draw the rooms as an SVG, floor by floor."""
    wide, high, gap, floor = 118, 34, 22, 78
    rows = floors(allowed)
    width = max(len(row) for row in rows) * (wide + gap) + gap
    height = len(rows) * floor + 20
    at = {}
    for y, row in enumerate(rows):
        left = (width - len(row) * (wide + gap) + gap) / 2
        for x, each in enumerate(row):
            at[each] = (left + x * (wide + gap), 14 + y * floor)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-label="{escape(name)}">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        '<defs><marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#678"/></marker></defs>',
        '<g font-family="system-ui, sans-serif" font-size="14" text-anchor="middle">',
    ]
    for here, there in direct(allowed):
        (x1, y1), (x2, y2) = at[here], at[there]
        x1, y1, x2 = x1 + wide / 2, y1 + high, x2 + wide / 2
        bend = (y2 - y1) / 2
        lines.append(
            f'<path d="M{x1:g} {y1:g} C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}" '
            'fill="none" stroke="#678" marker-end="url(#to)"/>'
        )
    for each, (x, y) in at.items():
        fill = "#f2f4f7" if each.startswith("_") else "#e3efff"
        lines.append(
            f'<rect x="{x:g}" y="{y:g}" width="{wide}" height="{high}" rx="6" fill="{fill}" '
            f'stroke="#456"/><text x="{x + wide / 2:g}" y="{y + 22:g}" fill="#123">{each}</text>'
        )
    return "\n".join([*lines, "</g>", "</svg>", ""])


PICTURES = {"architecture.svg": (CLIENT, "The package"), "architecture-local.svg": (LOCAL, "local")}


def described(page: str) -> list[str]:
    """Give the rooms of which the page has a paragraph, in its order."""
    return re.findall(r"^\*\*`(\S+)`\*\* ", page, re.M)


def files_named(page: str) -> set[str]:
    """Give the files and folders of the package that the page names."""
    names = re.findall(r"`([\w./]+)`", page)
    return {name for name in names if name.endswith(".py") or "/" in name}


if __name__ == "__main__":
    for file, (text, name) in PICTURES.items():
        (PAGE.parent / file).write_text(picture(table(text), name), encoding="utf-8")
