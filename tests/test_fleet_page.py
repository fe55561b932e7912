# SPDX-License-Identifier: BSD-2-Clause
"""docs/fleet.md: the tests that it names exist; the simulation of its figures runs, small."""

import ast
import re
from pathlib import Path

from proof.fleet.traffic import Scenario, simulate
from proof.parts import fleet_simulation

ROOT = Path(__file__).parents[1]
PAGE = fleet_simulation.PAGE.read_text()


def test_the_tests_that_the_page_names_exist():
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)
    assert len(named) > 20
    for file, test in named:
        tree = ast.parse((ROOT / file).read_text())
        names = {getattr(each, "name", None) for each in ast.walk(tree)}
        assert not test or test in names, f"{file} has no {test}"
    rows = re.search(r"\| failure \|.*?\n\n", PAGE, re.DOTALL)[0].strip().splitlines()[2:]
    shown = r"\| `(?:tests/[^`]+::[^`]+|make proof ONLY=\w+)` \|$"
    assert all(re.search(shown, row) for row in rows)
    parts = {*re.findall(r"ONLY=(\w+)", PAGE)}
    assert all((ROOT / "proof" / "parts" / f"{part}.py").exists() for part in parts)


def test_a_small_fleet_with_pools():
    outcome = simulate(Scenario(calls=200, replicas=8, pool=10, length=120, seconds=100))
    assert len(outcome.waits) > 100
    assert (outcome.failed, outcome.refused, outcome.left) == (0, 0, 0)
    assert outcome.wait(95) == 0  # a room waited
    starts = len(outcome.waits)
    assert 0 < outcome.asked["POST /batch/rooms"] < starts / 3
    # For the whole fleet, one deletion in two seconds.
    assert outcome.asked["DELETE /batch/rooms"] <= 100 / 2 + 1
    assert "DELETE /rooms/:name" not in outcome.asked
    assert outcome.load < 0.5
    assert not outcome.binds


def test_rooms_one_by_one_at_more_starts_than_the_limit():
    """Proves that the limit is found: twice as many starts as Daily allows requests."""
    outcome = simulate(Scenario(calls=900, replicas=4, length=30, seconds=10))
    assert outcome.binds
    assert 0.9 < outcome.load <= 1.01
    assert outcome.refused == 0  # the replicas keep within it


def test_batches_in_the_slow_tier_are_refused_where_they_are_too_many():
    quick = Scenario(calls=200, replicas=30, pool=2, length=40, seconds=10, batch_tier="slow")
    outcome = simulate(quick)
    assert outcome.refused > 0
    assert outcome.passed["slow"] <= 50 * 2


def test_the_figures():
    found = fleet_simulation.figures(100, 20.0, search=False)
    assert [check.holds for check in found.checks] == [True, True, False, True]  # too few starts
    text = fleet_simulation.fleet_page(PAGE, found)
    assert text.count("Made by `make proof ONLY=fleet_simulation`") == 1
    assert "pools of 10, batches slow" in text


def test_the_call_at_which_it_binds():
    easy, hard = (
        simulate(Scenario(calls=calls, replicas=2, length=60, seconds=10)) for calls in (10, 10)
    )
    assert fleet_simulation.first_bound([easy], "calls") == "not up to 10 calls"
    hard.failed = 1
    assert fleet_simulation.first_bound([easy, hard], "calls") == "between 10 calls and 10 calls"
    assert fleet_simulation.first_bound([hard], "length") == "at 1 min"
