# SPDX-License-Identifier: BSD-2-Clause
"""`make proof ONLY=load`: how its three runs are judged."""

import pytest
from proof.parts import load


def run(calls, busy=None):
    return {
        "calls": calls,
        "busy": busy,
        "cpuPerCall": 0.15,
        "memoryMBPerCall": None,
        "seconds": 60.0,
        "bottleneck": "CPU",
        "steps": [],
    }


@pytest.mark.parametrize(
    ("calls", "holds"),
    [
        ((7, 8, 7), True),
        ((6, 8, 7), False),
        ((20, 23, 22), True),
        ((20, 24, 22), False),
        ((0, 0, 0), False),
    ],
)
def test_three_runs_may_differ_by_one_call_or_15_percent(calls, holds):
    found = load.figures([run(each) for each in calls])
    assert found.hold == holds
    assert found.checks[0].measured == ", ".join(map(str, calls))


def test_a_busy_machine_proves_nothing():
    assert not load.figures([run(7), run(7, "busy"), run(7)]).hold
