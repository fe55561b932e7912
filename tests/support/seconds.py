# SPDX-License-Identifier: BSD-2-Clause
"""What is promised in seconds: strictly on a quiet machine, ten times as wide anywhere else.

A test takes the fixture ``within`` and names the promise once, as it holds on a quiet machine::

    with within(2, "a deletion that fails ends"):
        await helper.delete_room_by_name("one")

``make test`` allows ten times that. ``make proof ONLY=seconds`` runs all tests that have the fixture,
one after the other, allows just that, and writes what they took into docs/proof.md.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SLACK = 10.0


class Within:
    """The fixture: called, it gives a block that has to end in time."""

    def __init__(
        self, record: Path | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._record, self._clock = record, clock

    @contextmanager
    def __call__(self, seconds: float, what: str) -> Iterator[None]:
        began = self._clock()
        yield
        self.took(self._clock() - began, seconds, what)

    def took(self, took: float, seconds: float, what: str) -> None:
        """Say how long something took that was measured elsewhere, as in another process."""
        if self._record is None:
            assert took <= seconds * SLACK, f"{what}: {took:.3f} s, where {seconds} s is promised"
            return
        with self._record.open("a") as file:
            file.write(json.dumps([what, seconds, took]) + "\n")
        assert took <= seconds, f"{what}: {took:.3f} s, where {seconds} s is promised"
