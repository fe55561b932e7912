# SPDX-License-Identifier: BSD-2-Clause
"""Replicas as real processes behind a balancer, as `make proof ONLY=replicas` runs them for minutes."""

from collections import Counter

import pytest
from proof.parts import replicas

from timings import timings_env

TIMES = {"tick": 0.1, "renew": 0.3, "lease": 4.0, "look": 0.3, "calm": 1.0, "young": 1.0}


async def test_a_replica_that_is_killed_leaves_no_room(start, local_daily, redis):
    env = timings_env(redis_retry=0.2, **{f"fleet_{name}": value for name, value in TIMES.items()})
    found = await replicas.run(start, local_daily, redis, replicas=2, sessions=4, away=0.5, env=env)
    assert found.stopped == {"stopped": 4}
    assert found.left >= 2
    checks = replicas.checks(found, sessions=4)
    assert [check for check in checks if not check.holds] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"stopped": Counter(stopped=3, room_gone=1)},
        {"elsewhere": 0},
        {"cut": 1},
        {"started": 3},
        {"left": 0},
        {"seconds": 121.0},
        {"spared": False},
        {"wrong": 1},
        {"rooms": 1},
        {"codes": [1]},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_fails(wrong):
    right = {"stopped": Counter(stopped=4), "elsewhere": 1, "started": 4, "left": 3}
    found = replicas.Found(2, **{**right, "spared": True, "codes": [0], **wrong})
    failed = [check for check in replicas.checks(found, sessions=4) if not check.holds]
    assert len(failed) == 1
