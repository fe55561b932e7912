# SPDX-License-Identifier: BSD-2-Clause
"""The tests, run by a Python of one's choice, and what became of them."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from proof.command import CommandError, run


@dataclass(frozen=True)
class Ran:
    """What became of the tests.

    Parameters:
        passed: How many passed.
        skipped: How many were skipped.
        failed: The names of those that failed.
        seconds: By name, how long each one took.
    """

    passed: int
    skipped: int
    failed: list[str]
    seconds: dict[str, float]


async def run_tests(
    python: str | Path, *arguments: str | Path, env: Mapping[str, str] | None = None
) -> Ran:
    """Run pytest, and give what became of the tests; a test that fails is no error here.

    Args:
        python: The Python that runs it.
        *arguments: Which tests, and pytest's options.
        env: What it has beside this process's environment.

    Raises:
        CommandError: pytest could not run any test.
    """
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
    """Name the tests that failed, in a cell of a table."""
    return ", ".join(f"`{name}`" for name in ran.failed[:5]) + (" …" if ran.failed[5:] else "")
