# SPDX-License-Identifier: BSD-2-Clause
"""The tests that run small in `make test` pass when they run large.

These are the tests with `@pytest.mark.large`; `tests/support/sizes.py` gives their sizes. They
assert the same in both.
"""

import sys

from proof.figures import Check, Figures, Table
from proof.suite import Ran, failures, run_tests

_LONGEST = 1800  # seconds of a test


def figures(ran: Ran) -> Figures:
    """Give the results of the tests."""
    measured = f"{ran.passed} of {ran.passed + len(ran.failed)}"
    rows = [(f"`{name}`", f"{seconds:.0f} s") for name, seconds in sorted(ran.seconds.items())]
    return Figures(
        [
            Check(
                "the tests pass",
                measured + (f"; failed: {failures(ran)}" if ran.failed else ""),
                ran.passed > 0 and not ran.failed,
            )
        ],
        [Table(("test", "took"), rows)],
    )


async def prove(*arguments: str) -> Figures:
    """Run them, one after the other."""
    options = ("-m", "large", "-o", f"timeout={_LONGEST}", *arguments)
    return figures(await run_tests(sys.executable, *options, env={"LARGE": "1"}))
