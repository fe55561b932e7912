# SPDX-License-Identifier: BSD-2-Clause
"""The order of the tests, and which of them one process runs, where several run them.

xdist's own groups are names that it adds to the ids of tests. pytest 9.2 no longer takes them, so
each process made each costly fixture again. These groups are read from the ids as they are.
"""

from typing import Any

from xdist.scheduler import LoadScopeScheduling

# The files and folders whose tests share a costly fixture, by the group that one process runs. These
# come first, and what lasts longest before the others, or one process ends alone with it. Browsers
# are slow where several hear and speak at the same time, so all of them are one group.
TOGETHER = {
    "tests/browser/": "browsers",
    "tests/web/": "browsers",
    "tests/server/test_ray.py": "ray",
    "tests/test_benchmarks.py": "benchmarks",
    "tests/test_handbook.py": "handbook",
    "tests/test_package.py": "package",
    "tests/stand_in/test_stand_in_surface.py": "surface",
}
# Alone, but as long.
LONG = ("tests/test_bench_rooms.py",)
# Their tests start no program and no browser. They come last: what takes a millisecond fills gaps,
# and no process is left alone with a long test at the end.
QUICK = ("_core", "_http", "_rest", "_rooms", "fidelity", "local", "models", "webhooks")


def group(nodeid: str) -> str:
    """Name the group of a test; "" if it has none."""
    return next((name for place, name in TOGETHER.items() if nodeid.startswith(place)), "")


def turn(nodeid: str) -> int:
    """Say when a test has its turn: those with the lowest number first."""
    for number, first in enumerate((*TOGETHER, *LONG)):
        if nodeid.startswith(first):
            return number - len(TOGETHER) - len(LONG)
    return nodeid.removeprefix("tests/").partition("/")[0] in QUICK


class Groups(LoadScopeScheduling):
    """Gives a group to one process as a whole, and other tests one by one, in their order."""

    def __init__(self, config: Any, log: Any = None) -> None:
        config.option.loadscopereorder = False  # or those of most tests come first
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid) or nodeid
