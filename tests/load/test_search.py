# SPDX-License-Identifier: BSD-2-Clause
"""Which numbers of calls are tried, and what is found."""

import random

import pytest

from pipecat_daily_rest.load.search import Search

MOST = 400


def found(holds, first=2, most=MOST):
    """Search, with a function that tells whether so many calls hold; give the result and the steps."""
    search, steps = Search(first, most), []
    while (calls := search.next()) is not None:
        assert len(steps) < 60
        steps.append(calls)
        search.note(calls, holds=holds(calls))
    return search, steps


@pytest.mark.parametrize("limit", [*range(20), 31, 32, 33, 100, 255, 399])
def test_the_limit_is_found_to_a_sixteenth(limit):
    search, steps = found(lambda calls: calls <= limit)
    assert limit - max(1, limit // 16) < search.holds <= limit
    assert limit < search.fails <= search.holds + max(1, search.holds // 16)
    assert len(steps) < 30
    if search.holds:
        assert steps.count(search.holds) == 2
    assert steps.count(search.fails) == 2


def test_the_most_that_may_be_tried_is_a_result_too():
    search, steps = found(lambda calls: True, first=16, most=20)
    assert (search.holds, search.fails, steps) == (20, None, [16, 20, 20])
    assert found(lambda calls: True, first=16, most=1)[1] == [1, 1]


def test_what_is_clear_is_not_tried_again():
    search = Search(4, 4)
    search.note(4, holds=False, clear=True)
    assert (search.next(), search.fails) == (2, 4)


def test_an_accident_does_not_count():
    search = Search(4, 8)
    search.note(4, holds=False)
    assert search.next() == 4
    search.note(4, holds=True)
    assert search.next() == 4
    search.note(4, holds=True)
    assert (search.holds, search.fails, search.next()) == (4, None, 8)
    for holds in (True, False, False):  # the last one was to confirm it
        assert search.next() == 8
        search.note(8, holds=holds)
    assert (search.holds, search.fails, search.next()) == (4, 8, 6)


def test_three_runs_differ_by_one_call_or_15_percent():
    """Near its limit a machine holds now and then: 5 % on either side."""
    for seed in range(200):
        dice = random.Random(seed)
        limit = dice.uniform(1, 200)
        noisy = [
            found(lambda calls: calls * dice.uniform(0.95, 1.05) <= limit)[0].holds  # noqa: B023
            for _ in range(3)
        ]
        assert max(noisy) - min(noisy) <= max(1, 0.15 * max(noisy)), (seed, limit, noisy)
