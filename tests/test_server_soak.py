# SPDX-License-Identifier: BSD-2-Clause
"""A short soak of the session server, as `make proof ONLY=server_soak` runs it for an hour."""

import sys

import pytest
from proof.parts import server_soak

from pipecat_daily_rest.local import LocalDaily
from programs import processes

_ROUNDS = 4


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
async def test_sessions_that_come_and_go_leave_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("PIPECAT_DAILY_STATE", str(tmp_path / "state"))
    async with processes(tmp_path) as start, LocalDaily() as daily:
        found = await server_soak.run(
            start,
            daily,
            goes_on=lambda done: done < _ROUNDS,
            is_warm=lambda done: done == 2,
            every=_ROUNDS,
        )
    assert (found.rounds, found.ended) == (_ROUNDS, _ROUNDS * 10)
    assert server_soak.figures(found, judges_memory=False).hold
    assert found.looks[-1].held["processes"] == 2  # the template, and one that waits


def test_what_grows_or_is_left_fails():
    looks = [server_soak.Look(number, {"threads": 3}, 100 * number, 7) for number in (20, 40, 60)]
    soak = server_soak.Soak(60, 600, 0, 0, looks[0], looks)
    assert soak.slope("server_kb") == pytest.approx(100)
    assert server_soak.figures(soak, judges_memory=False).hold
    found = server_soak.figures(soak, judges_memory=True)
    assert [check.holds for check in found.checks] == [*[True] * 4, False, True]
    worse = server_soak.Look(80, {"threads": 4}, 0, 0)
    soak = server_soak.Soak(80, 800, 1, 1, looks[0], [*looks, worse])
    found = server_soak.figures(soak, judges_memory=False)
    assert [check.holds for check in found.checks] == [True, False, False, False]
