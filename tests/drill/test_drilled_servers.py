# SPDX-License-Identifier: BSD-2-Clause
"""The part of `make proof` that drills two servers, small."""

from proof.parts import drill

from pipecat_daily_rest.drill import DRILLS, Outcome, run


async def test_a_server_as_pipecats_examples_write_it_loses_its_calls_and_rooms(tmp_path):
    plan = drill.fastapi(only=("sigterm",), calls=1, talk=60, log=tmp_path / "server.log")
    [outcome] = await run(plan)
    assert outcome.found.startswith("It cut 1 of 1 calls. 1 room is left, for "), outcome
    assert (outcome.cut, outcome.left) == (1, 1)


def test_what_the_part_says():
    good = [Outcome(name, calls=3, seconds=1.25) for name in DRILLS]
    bad = [Outcome(name, calls=3, cut=2, left=1, faults=["It cut 2."]) for name in DRILLS]
    found = drill.figures(good, bad)
    assert found.hold
    assert found.tables[0].rows[0] == (
        "storm",
        "0 of 3, 0",
        "2 of 3, 1",
        "1.2 s",
        "0.0 s",
        "It cut 2.",
    )
    assert not drill.figures(bad, good).hold
