# SPDX-License-Identifier: BSD-2-Clause
"""All tests pass on every Python from 3.11 to 3.13 that is found.

Each Python gets a virtual environment with what `make test` installs, and runs all tests there, one
Python after the other. The table names a Python that is not found; that is no failure. Tests that
need daily-python are skipped, as in `make test`.
"""

import tempfile
import time
from pathlib import Path

from proof.command import ROOT
from proof.figures import Check, Figures, Table
from proof.interpreters import MINORS, environment, interpreters
from proof.suite import Ran, failures, run_tests

_INSTALL = ("--editable", f"{ROOT}[local,redis]", "--group", f"{ROOT}/pyproject.toml:dev")


def figures(found: dict[str, tuple[Ran, float]]) -> Figures:
    """Give the results of the tests by the Python's version."""
    checks = [
        Check(
            f"Python {version}: all tests pass",
            f"{ran.passed} passed, {ran.skipped} skipped, {len(ran.failed)} failed"
            + (f": {failures(ran)}" if ran.failed else ""),
            ran.passed > 0 and not ran.failed,
        )
        for version, (ran, _) in found.items()
    ]
    rows: list[tuple[str, str]] = [
        (version, f"{took:.0f} s") for version, (_, took) in found.items()
    ]
    rows += [
        (minor, "not found")
        for minor in MINORS
        if not any(version.startswith(f"{minor}.") for version in found)
    ]
    return Figures(checks, [Table(("Python", "all tests"), rows)])


async def prove() -> Figures:
    """Run all tests on each of them."""
    found: dict[str, tuple[Ran, float]] = {}
    for version, path in interpreters().items():
        with tempfile.TemporaryDirectory() as folder:
            python = await environment(Path(folder) / "venv", path, *_INSTALL)
            began = time.monotonic()
            ran = await run_tests(python, "-n", "4")
            found[version] = (ran, time.monotonic() - began)
    return figures(found)
