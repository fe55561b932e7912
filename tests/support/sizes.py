# SPDX-License-Identifier: BSD-2-Clause
"""Tests that are small in ``make test`` and large in ``make proof ONLY=large``.

Such a test asserts the same in both, has ``@pytest.mark.large``, and takes its size from here.
"""

import os
from collections.abc import Sequence
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def size(small: int, large: int) -> int:
    """Give how much of it a test does."""
    return large if os.environ.get("LARGE") else small


def pairs(many: Sequence[A], few: Sequence[B]) -> list[tuple[A, B]]:
    """Give each of the many with all of the few, or, small, with one of them in turns."""
    if os.environ.get("LARGE"):
        return [(one, other) for one in many for other in few]
    return [(one, few[number % len(few)]) for number, one in enumerate(many)]
