# SPDX-License-Identifier: BSD-2-Clause
"""Which line of the user's program called this package."""

import sys

# Stack frames of these are skipped: this package, and what drives the caller's ``async with``.
_SKIPPED = frozenset({"pipecat_daily_rest", "pipecat", "contextlib", "asyncio"})


def callers_line() -> tuple[str, int]:
    """The file and the line number of the nearest frame outside this package and Pipecat."""
    frame = sys._getframe(1)
    while frame.f_globals.get("__name__", "").partition(".")[0] in _SKIPPED:
        if frame.f_back is None:
            break
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno
