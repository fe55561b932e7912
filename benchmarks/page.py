# SPDX-License-Identifier: BSD-2-Clause
"""docs/performance.md and its plot."""

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.local_daily import LATENCY
from benchmarks.processes import SEED
from benchmarks.report import Section, Table
from pipecat_daily_rest.load.plot import draw

_HEAD = """\
# Performance

`make bench` measured this and wrote this page; `BENCH=full make bench` measures longer. Everything
runs on 127.0.0.1 against one local Daily, which is a process of its own. What is compared takes
turns, so that both see the same machine. Ratios mean more than times.

A *session* here is what one run of a bot needs from Daily: a room, a token for the bot, a token for
the user, and the deletion of the room.

![Time to the room, and a burst](performance.svg)
"""


def write(folder: Path, sections: Sequence[Section], *, size: str, took: float) -> None:
    """Write both files."""
    groups = [group for section in sections for group in section.plots]
    (folder / "performance.svg").write_text(draw(groups, "Performance"), "utf-8")
    parts = [_HEAD, *_asked(sections), *(_section(section) for section in sections)]
    parts.append(_conditions(size, took))
    (folder / "performance.md").write_text("\n".join(parts), "utf-8")


def _asked(sections: Sequence[Section]) -> Iterable[str]:
    checks = [check for section in sections for check in section.checks]
    if checks:
        rows = [(each.asked, each.measured, "yes" if each.holds else "**no**") for each in checks]
        yield f"## Targets\n\n{Table(('', 'measured', 'holds'), rows).markdown()}"


def _section(section: Section) -> str:
    tables = "\n".join(table.markdown() for table in section.tables)
    return f"## {section.title}\n\n{section.text}\n{tables}"


def _conditions(size: str, took: float) -> str:
    names = ("pipecat-daily-rest", "pipecat-ai", "aiohttp", "pydantic", "PyJWT")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return (
        "## Conditions\n\n"
        f"- {datetime.now(UTC):%Y-%m-%d}, size `{size}`, {took:.0f} s, seed of the turns {SEED}.\n"
        f"- {platform.system()} {platform.machine()}, {os.cpu_count()} CPUs; "
        f"{platform.python_implementation()} {platform.python_version()}; {versions}.\n"
        f"- Latency is {LATENCY * 1000:.0f} ms for every request unless a section says otherwise; "
        "the local Daily's own work counts in the times, not in the CPU.\n"
        "- The local Daily's limits are Daily's documented ones, in sliding windows.\n"
    )
