# SPDX-License-Identifier: BSD-2-Clause
"""The order of the tests, and which of them belong together, where several processes run them."""

import pytest

# Their tests start no program and no browser. They come last: what takes a millisecond fills gaps,
# and no process is left alone with a long test at the end.
QUICK = ("_core", "_http", "_rest", "_rooms", "fidelity", "local", "models", "webhooks")


def is_quick(item: pytest.Item) -> bool:
    """Whether a test belongs to the end."""
    folder = item.nodeid.removeprefix("tests/").partition("/")[0]
    return folder in QUICK


def shares(item: pytest.Item) -> str:
    """Name the file or folder that a test shares a costly fixture with, as a browser; "" if none.

    A process that runs one of its tests runs them all, or each would make the fixture again.
    """
    info = getattr(item, "_fixtureinfo", None)
    used = info.name2fixturedefs.values() if info else ()
    return next(
        (
            each.baseid
            for definitions in used
            for each in definitions
            if each.baseid and each.scope in ("module", "package")
        ),
        "",
    )
