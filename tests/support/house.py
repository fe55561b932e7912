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
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "pipecat_daily_rest"
PAGE = ROOT / "docs" / "architecture.md"

# From the top down. Each may import what stands behind it, and nothing else of the package.
CLIENT = """
    __main__    cli _bot
    cli         drill load runner server _bot _rooms _rest _http tokens models _core errors
    drill       local _core errors
    load        runner server _core errors
    testing     local _rooms _rest _http _core models errors
    runner      server _bot _rooms _core models errors
    server      _bot _rooms _rest _http webhooks answers tokens _core models errors
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
    __main__    server callers rest
    server      face for_tests rest bot browser outside recording call guard choices secret arguments
    callers     for_tests rest scripted call secret
    face        for_tests rest outside call rules guard secret arguments
    for_tests   rest bot room_handle outside recording scripted call secret arguments
    rest        outside recording call rules choices secret arguments
    bot         outside recording call rules choices
    room_handle outside scripted call arguments
    outside     scripted call rules choices guard secret arguments
    browser     call rules guard secret
    recording   scripted call rules arguments
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


def lines(allowed: Mapping[str, set[str]]) -> tuple[list[list[str]], list[list[str]]]:
    """Give the rows of a picture, and each arrow as the places that it goes through.

    An arrow has a place of its own, named with a space, on each floor that it passes: so no arrow
    goes behind a room. Each row is in the order that its neighbours ask for.
    """
    rows = floors(allowed)
    floor = {name: number for number, row in enumerate(rows) for name in row}
    arrows = []
    for here, there in direct(allowed):
        passed = range(floor[here] + 1, floor[there])
        places = {number: f"{here} {there} {number}" for number in passed}
        for number, place in places.items():
            rows[number].append(place)
        arrows.append([here, *places.values(), there])
    steps = [step for arrow in arrows for step in pairwise(arrow)]
    for number in [*range(1, len(rows)), *range(len(rows) - 2, -1, -1), *range(1, len(rows))] * 2:
        place = {each: x - len(row) / 2 for row in rows for x, each in enumerate(row, 1)}
        near: dict[str, list[float]] = {}
        for upper, lower in steps:
            near.setdefault(upper, []).append(place[lower])
            near.setdefault(lower, []).append(place[upper])
        middle = {each: sum(found) / len(found) for each, found in near.items()}
        rows[number].sort(key=lambda each: middle.get(each, 0.0))
    return rows, arrows


def picture(allowed: Mapping[str, set[str]], name: str) -> str:
    """Draw the rooms as an SVG, floor by floor."""
    wide, thin, high, gap, floor = 118, 16, 34, 22, 78
    rows, arrows = lines(allowed)

    def width(each: str) -> int:
        return (thin if " " in each else wide) + gap

    whole = max(sum(map(width, row)) for row in rows) + gap
    height = len(rows) * floor + 20
    at = {}
    for y, row in enumerate(rows):
        left = (whole - sum(map(width, row)) + gap) / 2
        for each in row:
            at[each] = (left + (width(each) - gap) / 2, 14 + y * floor)
            left += width(each)
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {height}" '
        f'width="{whole}" height="{height}" role="img" aria-label="{escape(name)}">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        '<defs><marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#678"/></marker></defs>',
        '<g font-family="system-ui, sans-serif" font-size="14" text-anchor="middle">',
    ]
    for first, *rest in arrows:
        x, y = at[first][0], at[first][1] + high
        path = f"M{x:g} {y:g}"
        for each in rest:
            to_x, to_y = at[each]
            bend = (y + to_y) / 2
            path += f" C{x:g} {bend:g} {to_x:g} {bend:g} {to_x:g} {to_y:g}"
            x, y = to_x, to_y + high
            if each != rest[-1]:
                path += f" V{y:g}"
        drawn.append(f'<path d="{path}" fill="none" stroke="#678" marker-end="url(#to)"/>')
    for each, (x, y) in at.items():
        if " " not in each:
            fill = "#f2f4f7" if each.startswith("_") else "#e3efff"
            drawn.append(
                f'<rect x="{x - wide / 2:g}" y="{y:g}" width="{wide}" height="{high}" rx="6" '
                f'fill="{fill}" stroke="#456"/>'
                f'<text x="{x:g}" y="{y + 22:g}" fill="#123">{each}</text>'
            )
    return "\n".join([*drawn, "</g>", "</svg>", ""])


def described(page: str) -> list[str]:
    """Give the rooms of which the page has a paragraph, in its order."""
    return re.findall(r"^\*\*`(\S+)`\*\* ", page, re.M)


def files_named(page: str) -> set[str]:
    """Give the files and folders of the package that the page names."""
    names = re.findall(r"`([\w./]+)`", page)
    return {name for name in names if name.endswith(".py") or "/" in name}


PICTURES = {"architecture.svg": (CLIENT, "The package"), "architecture-local.svg": (LOCAL, "local")}


if __name__ == "__main__":
    for file, (text, name) in PICTURES.items():
        (PAGE.parent / file).write_text(picture(table(text), name), encoding="utf-8")
