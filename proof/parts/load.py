# SPDX-License-Identifier: BSD-2-Clause
"""Three runs of `load` find the same number of calls.

The bot is on Pipecat's `DailyTransport`, answers after 0.3 s, and burns 15 % of a core beside. On a
quiet machine, three runs of `pipecat-daily-rest load` may differ by one call or 15 %, whichever is
larger. Other programs must not disturb them. `LOAD_TURNS=6 LOAD_MOST=4` is quick, to see that it runs.
"""

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from proof.command import ROOT, run
from proof.figures import Check, Figures, Table

_BOT = ROOT / "tests" / "load" / "bots" / "answers.py"
_RUNS = 3
_BURNS = 0.15  # of a core
_SIZES = {"TURNS": 20, "MOST": 200}
_LEAST, _PART = 1, 0.15  # calls, or the part of them, by which runs may differ


async def load(turns: int, most: int) -> dict[str, Any]:
    """Run the command, and give what it found."""
    options = ("--turns", turns, "--most", most, "--output", "json")
    body = ("--body", json.dumps({"burns": _BURNS}))
    command = (sys.executable, "-m", "pipecat_daily_rest", "load", _BOT, *body, *options)
    said = await run(*map(str, command), cwd=ROOT)
    found: dict[str, Any] = json.loads(said[said.index("{\n") : said.rindex("}\n") + 1])
    return found


async def prove() -> Figures:
    """Run it three times."""
    turns, most = (int(os.environ.get(f"LOAD_{name}", n)) for name, n in _SIZES.items())
    return figures([await load(turns, most) for _ in range(_RUNS)])


def figures(found: Sequence[dict[str, Any]]) -> Figures:
    """Give what has to hold."""
    calls = [each["calls"] for each in found]
    allowed = max(_LEAST, _PART * max(calls))
    busy = [each["busy"] for each in found if each["busy"]]
    checks = [
        Check(
            "calls that fit: three runs differ by one or 15 %, whichever is larger",
            ", ".join(map(str, calls)),
            min(calls) > 0 and max(calls) - min(calls) <= allowed,
        ),
        Check("runs that other programs disturbed", str(len(busy)), not busy),
    ]
    rows = [
        (
            str(each["calls"]),
            f"{each['cpuPerCall'] or 0:.2f}",
            f"{each['memoryMBPerCall'] or 0:.0f} MB",
            str(len(each["steps"])),
            f"{each['seconds']:.0f} s",
            each["bottleneck"],
        )
        for each in found
    ]
    head = ("calls", "cores of a call", "memory of a call", "measurements", "took", "bottleneck")
    return Figures(checks, [Table(head, rows)])
