# SPDX-License-Identifier: BSD-2-Clause
"""The parts of `make proof`, small: what they find, and how they fail."""

import json
import sys
import zipfile
from itertools import count
from pathlib import Path

import pytest
from proof.command import CommandError
from proof.command import run as command
from proof.interpreters import environment, interpreters
from proof.parts import large, pythons, seconds
from proof.suite import run_tests

from seconds import Within
from suites import NOT_THEIRS

TESTS = Path(__file__).parent
SUITE = """
import os, sys, pytest
from sizes import size

def test_one(): assert sys.version_info[0] == 3
def test_two(): pytest.skip("no")
def test_three(): raise AssertionError("broken")
@pytest.mark.large
def test_size(): assert size(5, 50) == 50
def test_quick(within):
    with within(60, "this"):
        pass
def test_slow(within): within.took(2.0, 1, "that")
"""


@pytest.fixture
def suite(tmp_path):
    """A few tests, with the helpers of all the others."""
    (tmp_path / "test_it.py").write_text(SUITE)
    paths = f"pythonpath = {TESTS / 'support'} {TESTS.parent}\n"
    marks = "markers =\n    seconds: x\n    large: x\n    undocumented: x\n"
    (tmp_path / "pytest.ini").write_text(
        f"[pytest]\nasyncio_mode = auto\naddopts = {' '.join(NOT_THEIRS)}\n{paths}{marks}"
    )
    return tmp_path


async def test_the_suite_of_a_python(suite):
    ran = await run_tests(sys.executable, suite, "-k", "one or two or three")
    assert (ran.passed, ran.skipped, ran.failed) == (1, 1, ["test_it.test_three"])
    found = pythons.figures({"3.12.1": (ran, 5.0)})
    assert not found.hold
    assert "1 failed: `test_it.test_three`" in found.checks[0].measured
    assert ("3.11", "not found") in found.tables[0].rows
    good = await run_tests(sys.executable, suite, "-k", "one or two")
    assert pythons.figures({"3.12.1": (good, 5.0)}).hold
    assert not pythons.figures({}).hold
    with pytest.raises(CommandError, match="ended with 4"):
        await run_tests(sys.executable, suite / "nothing")


async def test_what_is_small_here_is_large_there(suite):
    found = await large.prove(str(suite))
    assert found.hold
    assert found.checks[0].measured == "1 of 1"


async def test_what_is_promised_in_seconds_is_taken_strictly_there_only(suite):
    (suite / "conftest.py").write_text((TESTS / "conftest.py").read_text())  # it has `within`
    took, failed = await seconds.run(suite)
    assert [each[:2] for each in took] == [("this", 60), ("that", 1)]
    assert failed == "`test_it.test_slow`"
    assert [check.holds for check in seconds.checks(took)] == [False, True]
    wide = await run_tests(sys.executable, suite, "-k", "quick or slow")
    assert (wide.passed, wide.failed) == (2, [])


def test_a_promise_is_ten_times_as_wide_here(tmp_path):
    ticks = count(0, 10)
    here = Within(clock=lambda: float(next(ticks)))
    with here(1, "ten seconds"):
        pass
    with (
        pytest.raises(AssertionError, match=r"it: 10.000 s, where 0.9 s is promised"),
        here(0.9, "it"),
    ):
        pass
    strict = Within(tmp_path / "record", clock=lambda: float(next(ticks)))
    with (
        pytest.raises(AssertionError, match=r"it: 10.000 s, where 9 s is promised"),
        strict(9, "it"),
    ):
        pass
    with strict(10, "other"):
        pass
    lines = [json.loads(line) for line in (tmp_path / "record").read_text().splitlines()]
    assert lines == [["it", 9, 10.0], ["other", 10, 10.0]]


def test_the_pythons_that_are_found():
    found = interpreters()
    ours = ".".join(map(str, sys.version_info[:3]))
    minors = [version.rpartition(".")[0] for version in found]
    assert len(set(minors)) == len(minors)
    assert any(version.startswith(ours.rpartition(".")[0]) for version in found)


async def test_an_environment_has_what_was_asked_for_and_nothing_of_ours(tmp_path):
    wheel = tmp_path / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("tiny.py", "WHERE = __file__\n")
        file.writestr(
            "tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
        )
        file.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        file.writestr("tiny-1.0.dist-info/RECORD", "")
    python = await environment(tmp_path / "venv", sys.executable, "--no-index", str(wheel))
    said = await command(python, "-c", "import tiny; print(tiny.WHERE)")
    assert said.startswith(str(tmp_path / "venv"))
    with pytest.raises(CommandError, match="No module named 'aiohttp'"):
        await command(python, "-c", "import aiohttp")
