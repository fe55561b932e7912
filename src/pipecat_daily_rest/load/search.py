# SPDX-License-Identifier: BSD-2-Clause
"""Which number of calls is tried next. Pure."""

from dataclasses import dataclass

_FINE = 16  # the number that is found is exact to a sixteenth


@dataclass
class _Tries:
    """How often a number of calls held, and how often it did not."""

    held: int = 0
    failed: int = 0

    @property
    def holds(self) -> bool | None:
        """Whether it holds, by the majority of up to three; None while that is open."""
        if self.failed == 0 or self.held == 2:
            return self.held > 0
        return False if self.failed >= 2 else None


class Search:
    """Doubles the number of calls until it does not hold, then halves what is between.

    A number that did not hold is tried again, and so is the one that is found at the end.
    """

    def __init__(self, first: int, most: int) -> None:
        """Begin with ``first`` calls; more than ``most`` are not tried."""
        self._first = min(first, most)
        self._most = most
        self._tries: dict[int, _Tries] = {}

    def note(self, calls: int, *, holds: bool, clear: bool = False) -> None:
        """Note how it was; what ``clear`` says did not hold is not tried again."""
        tries = self._tries.setdefault(calls, _Tries())
        if holds:
            tries.held += 1
        else:
            tries.failed += 3 if clear else 1

    @property
    def fails(self) -> int | None:
        """The smallest number that does not hold; None when none is known."""
        return min((n for n, tries in self._tries.items() if tries.holds is False), default=None)

    @property
    def holds(self) -> int:
        """The largest number below it that holds; 0 when none is known."""
        below = self.fails or self._most + 1
        return max((n for n, tries in self._tries.items() if tries.holds and n < below), default=0)

    def next(self) -> int | None:
        """Give the number to try next; None when it is found."""
        for calls, tries in self._tries.items():
            if tries.holds is None:
                return calls
        good, bad = self.holds, self.fails
        if bad is None:
            if good < self._most:
                return min(self._most, max(self._first, 2 * good))
        elif bad - good > max(1, good // _FINE):
            return (good + bad) // 2
        return good if good and self._tries[good].held < 2 else None
