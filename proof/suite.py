# SPDX-License-Identifier: BSD-2-Clause
"""Runs the tests with a given Python, and reads the results."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from proof.command import CommandError, run


@dataclass(frozen=True)
class Ran:
    """The results of the tests: ``failed`` has names, ``seconds`` the time of each by its name."""

    passed: int
    skipped: int
    failed: list[str]
    seconds: dict[str, float]


async def run_tests(
    python: str | Path, *arguments: str | Path, env: Mapping[str, str] | None = None
) -> Ran:
    """Run pytest and give the results, failed tests too; raise `CommandError` if it ran no test."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        said = await run(
            *(python, "-m", "pytest", "-q", f"--junitxml={report}", *arguments),
            env=env,
            codes=(0, 1),
        )
        cases = list(ElementTree.parse(report).iter("testcase"))  # noqa: S314 - pytest's own
    if not cases:
        msg = f"No test ran:\n{said[-3000:]}"
        raise CommandError(msg)
    of = {f"{case.get('classname')}.{case.get('name')}": case for case in cases}
    failed = [
        name for name, case in of.items() if {"failure", "error"} & {each.tag for each in case}
    ]
    skipped = [name for name, case in of.items() if case.find("skipped") is not None]
    return Ran(
        passed=len(set(of) - {*failed, *skipped}),
        skipped=len(skipped),
        failed=failed,
        seconds={name: float(case.get("time") or 0) for name, case in of.items()},
    )


def failures(ran: Ran) -> str:
    """Name the failed tests, for a cell of a table."""
    return ", ".join(f"`{name}`" for name in ran.failed[:5]) + (" …" if ran.failed[5:] else "")
