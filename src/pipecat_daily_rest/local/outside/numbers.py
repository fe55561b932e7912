# SPDX-License-Identifier: BSD-2-Clause
"""The telephone numbers that can be bought here, and those that were.

They are fictional: North America's plan keeps 555-0100 to 555-0199 free for that.
"""

import uuid
from dataclasses import dataclass, field

_AREAS = {
    "212": ("NY", "New York"),
    "305": ("FL", "Miami"),
    "415": ("CA", "San Francisco"),
    "512": ("TX", "Austin"),
}
_BOUND = 14 * 86_400  # seconds in which a new number cannot be released
_FIRST = "415"  # the area of a number that was not chosen: California


@dataclass(frozen=True)
class Number:
    """A number that was bought.

    Parameters:
        number: In E.164.
        bought_at: Unix seconds.
        order: Which it was, counted from 1.
        id: Its id, for ``callerId`` and for its release.
    """

    number: str
    bought_at: float
    order: int
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def bound(self, now: float) -> bool:
        """Tell whether it is too new to be released.

        Args:
            now: Unix seconds.

        Returns:
            Whether it is.
        """
        return now < self.bought_at + _BOUND


class Numbers:
    """The telephone numbers of the domain."""

    def __init__(self) -> None:
        """Initialize; none was bought."""
        self.purchased: dict[str, Number] = {}
        self._bought = 0

    def available(
        self,
        *,
        area: str | None = None,
        region: str | None = None,
        city: str | None = None,
        starts: str = "",
        contains: str = "",
        ends: str = "",
    ) -> list[dict[str, str]]:
        """List the numbers that can be bought.

        Args:
            area: Only those of this area code.
            region: Only those of this state.
            city: Only those of this city.
            starts: The digits after the country's code that they begin with.
            contains: Digits that they contain.
            ends: Digits that they end in.

        Returns:
            ``phoneNumber`` and ``region`` of each.
        """
        taken = {number.number for number in self.purchased.values()}
        found = []
        for code, (state, town) in _AREAS.items():
            for line in range(10):
                digits = f"{code}555010{line}"
                fits = (
                    area in (None, code)
                    and region in (None, state)
                    and city in (None, town)
                    and digits.startswith(starts)
                    and contains in digits
                    and digits.endswith(ends)
                )
                if fits and f"+1{digits}" not in taken:
                    found.append({"phoneNumber": f"+1{digits}", "region": state})
        return found

    def buy(self, number: str | None, *, now: float) -> Number | None:
        """Buy a number.

        Args:
            number: Which; any of California when None.
            now: Unix seconds.

        Returns:
            The number; None when it is not to be had.
        """
        offers = self.available(area=_FIRST if number is None else None)
        wanted = next(
            (o["phoneNumber"] for o in offers if number in (None, o["phoneNumber"])), None
        )
        if wanted is None:
            return None
        self._bought += 1
        bought = Number(wanted, now, self._bought)
        self.purchased[bought.id] = bought
        return bought

    def owns(self, number: str) -> bool:
        """Tell whether a number was bought."""
        return any(number == each.number for each in self.purchased.values())
