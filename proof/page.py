# SPDX-License-Identifier: BSD-2-Clause
"""docs/proof.md: each part writes its own section."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from benchmarks.room_page import put

from proof.figures import Figures, Table
from proof.interpreters import interpreters

PAGE = Path(__file__).parents[1] / "docs" / "proof.md"
_HEAD = """\
# Proof

What takes long, or needs a quiet machine. `make proof` runs all parts, `make proof ONLY=sessions`
runs one; each part writes its own section. The same code runs small in `make test`, which asserts
order and counts.
"""
_NAMES = ("pipecat-daily-rest", "pipecat-ai", "aiohttp", "aiortc")


def command(name: str) -> str:
    """Give the command that writes a part's section."""
    return f"make proof ONLY={name}"


def section(part: ModuleType, name: str, took: float, found: Figures | str) -> str:
    """Give a part's section: it took so many seconds, and found figures or the reason of a failure."""
    title, _, what = (part.__doc__ or "").strip().partition("\n")
    holds = not isinstance(found, str) and found.hold
    pieces = [
        f"## {title.rstrip('.')}",
        what.strip(),
        f"`{command(name)}`, {datetime.now(UTC):%Y-%m-%d}, {took:.0f} s: "
        + ("it holds." if holds else "**it failed.**"),
    ]
    if isinstance(found, str):
        pieces.append("\n".join(f"    {line}" for line in found.splitlines()))
    else:
        rows = [(each.asked, each.measured, _yes(each.holds)) for each in found.checks]
        tables = [Table(("", "measured", "holds"), rows), *found.tables]
        pieces += [table.markdown().rstrip() for table in tables]
    pieces.append(_conditions())
    return "\n\n".join(filter(None, pieces)) + "\n"


def written(page: str, name: str, text: str) -> str:
    """Give the page with this section in place of the old one, or at the end."""
    return put(page or _HEAD, text, command(name))


def _yes(holds: bool) -> str:
    return "yes" if holds else "**no**"


def _conditions() -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in _NAMES)
    return (
        f"On {platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, "
        f"Python {platform.python_version()}; {versions}. "
        f"Pythons found: {', '.join(interpreters()) or 'none'}."
    )
