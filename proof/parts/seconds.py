# SPDX-License-Identifier: BSD-2-Clause
"""What is promised in seconds holds on a quiet machine.

The tests with the fixture `within` name each promise once; `make test` allows ten times as long. Here
they run one after the other, three times, and get no more than the promised time. The figure is the
longest time that it took.
"""

import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from proof.figures import Check, Figures
from proof.suite import failures, run_tests

_ROUNDS = 3


async def run(*arguments: str | Path) -> tuple[list[tuple[str, float, float]], str]:
    """Run the tests once: give each promise with the seconds allowed and taken; and what failed."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "seconds"
        record.touch()
        ran = await run_tests(sys.executable, "-m", "seconds", f"--seconds={record}", *arguments)
        lines = [json.loads(line) for line in record.read_text("utf-8").splitlines()]
    return [(what, allowed, took) for what, allowed, took in lines], failures(ran)


def checks(found: Iterable[tuple[str, float, float]]) -> list[Check]:
    """Give a check for each promise, with the longest that it took."""
    longest: dict[tuple[str, float], list[float]] = {}
    for what, allowed, took in found:
        longest.setdefault((what, allowed), []).append(took)
    return [
        Check(
            f"{what}: within {allowed:g} s",
            f"{max(took):.2f} s at most, {len(took)} times",
            max(took) <= allowed,
        )
        for (what, allowed), took in sorted(longest.items())
    ]


async def prove() -> Figures:
    """Run all of them."""
    found: list[tuple[str, float, float]] = []
    failed: list[str] = []
    for _ in range(_ROUNDS):
        took, wrong = await run()
        found += took
        failed += filter(None, [wrong])
    all_pass = Check("the tests pass", "; ".join(failed) or f"{_ROUNDS} times", not failed)
    return Figures([all_pass, *checks(found)])
