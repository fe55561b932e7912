# SPDX-License-Identifier: BSD-2-Clause
"""Tests that are small in ``make test`` and large in ``make proof ONLY=large``.

Such a test asserts the same in both, has ``@pytest.mark.large``, and takes its size from here.
"""

import os


def size(small: int, large: int) -> int:
    """Give how much of it a test does."""
    return large if os.environ.get("LARGE") else small
