# SPDX-License-Identifier: BSD-2-Clause
"""Runs the parts, and writes each one's section of docs/proof.md: ``make proof``."""

import argparse
import asyncio
import importlib
import pkgutil
import sys
import time
import traceback
from pathlib import Path
from types import ModuleType

from loguru import logger

from proof import page, parts
from proof.figures import Figures

LIMIT = 3600.0  # seconds that a part may take


def names() -> list[str]:
    """Give the names of all parts."""
    return sorted(module.name for module in pkgutil.iter_modules(parts.__path__))


async def prove(part: ModuleType, limit: float = LIMIT) -> Figures | str:
    """Run a part, and give what it found, or why it found nothing."""
    try:
        async with asyncio.timeout(limit) as scope:
            return await part.prove()
    except Exception as exc:
        traceback.print_exc()
        if scope.expired():
            return f"It took more than {limit:.0f} s."
        return f"{type(exc).__name__}: {exc}"


def run(only: list[str], out: Path) -> bool:
    """Run the parts one after the other; give whether all checks hold."""
    all_hold = True
    for name in only:
        part = importlib.import_module(f"{parts.__name__}.{name}")
        _tell(f"{name} …")
        began = time.monotonic()
        found = asyncio.run(prove(part))
        took = time.monotonic() - began
        holds = isinstance(found, Figures) and found.hold
        all_hold = all_hold and holds
        text = page.section(part, name, took, found)
        before = out.read_text("utf-8") if out.exists() else ""
        out.write_text(page.written(before, name, text), "utf-8")
        _tell(f"{name}: {'it holds' if holds else 'IT FAILED'}, {took:.0f} s; see {out}")
    return all_hold


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Run the parts that are named, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m proof", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="PART", help=", ".join(names()))
    parser.add_argument("--out", type=Path, default=page.PAGE, help="the page to write to")
    arguments = parser.parse_args()
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    known = names()
    only = list(dict.fromkeys(" ".join(arguments.only).replace(",", " ").split())) or known
    for name in only:
        if name not in known:
            _tell(f"No part of the proof is called {name!r}. The parts are: {', '.join(known)}.")
            sys.exit(2)
    if not run(only, arguments.out):
        sys.exit(1)


if __name__ == "__main__":
    main()
