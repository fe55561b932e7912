# SPDX-License-Identifier: BSD-2-Clause
"""Measures everything against one LocalDaily and writes the page: ``make bench``."""

import argparse
import asyncio
import sys
import time
from contextlib import nullcontext
from pathlib import Path

from benchmarks import commands, cost, growth, limits, page, servers, starting
from benchmarks.local_daily import Daily
from benchmarks.processes import forks
from benchmarks.report import Section
from benchmarks.sizes import SIZES

SECTIONS = {
    "starting": starting.run,
    "burst": limits.burst,
    "shutdown": limits.shutdown,
    "sustained": limits.sustained,
    "session": cost.session,
    "imports": cost.imports,
    "commands": commands.run,
    "growth": growth.run,
    "servers": servers.run,
}
_DOCS = Path(__file__).parents[1] / "docs"


async def measure(size: str, only: list[str]) -> list[Section]:
    """Run the sections, one after the other."""
    sections: list[Section] = []
    async with Daily() as daily:
        for name in only:
            began = time.perf_counter()
            sections.append(await SECTIONS[name](daily, SIZES[size]))
            _tell(f"{name}: {time.perf_counter() - began:.0f} s")
            for check in sections[-1].checks:
                _tell(f"  {'yes' if check.holds else 'NO ':3} {check.asked}: {check.measured}")
    return sections


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Measure, and write the page and its plot."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="quick", help="how much is measured")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--out", type=Path, default=_DOCS, help="the folder of performance.md")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    with nullcontext() if SIZES[arguments.size].fresh else forks():
        sections = asyncio.run(measure(arguments.size, arguments.only))
    took = time.perf_counter() - began
    page.write(arguments.out, sections, size=arguments.size, took=took)
    _tell(f"{arguments.out / 'performance.md'} is written; all of it took {took:.0f} s.")


if __name__ == "__main__":
    main()
