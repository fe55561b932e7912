# SPDX-License-Identifier: BSD-2-Clause
"""The phone numbers that can be bought, and those that were.

They are fictional: the North American plan reserves 555-0100 to 555-0199 for that.
"""

import uuid
from dataclasses import dataclass, field

_AREAS = {
    "212": ("NY", "New York"),
    "305": ("FL", "Miami"),
    "415": ("CA", "San Francisco"),
    "512": ("TX", "Austin"),
}
_BOUND = 14 * 86_400  # seconds after its purchase in which a number cannot be released
_DEFAULT_AREA = "415"  # where nobody asked for a number: California


@dataclass(frozen=True)
class Number:
    """A number that was bought."""

    number: str  # in E.164
    bought_at: float  # unix seconds
    order: int  # of the purchase, from 1
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def bound(self, now: float) -> bool:
        """Tell whether it is too new to be released; ``now`` in unix seconds."""
        return now < self.bought_at + _BOUND


class Numbers:
    """The phone numbers of the domain."""

    def __init__(self) -> None:
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
        """List the numbers that can be bought, with ``region``; digits without the country code."""
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
        """Buy a number, any one of California when None; gives None when it is not available."""
        area = _DEFAULT_AREA if number is None else None
        offers = [offer["phoneNumber"] for offer in self.available(area=area)]
        offers = [offer for offer in offers if number in (None, offer)]
        if not offers:
            return None
        self._bought += 1
        bought = Number(offers[0], now, self._bought)
        self.purchased[bought.id] = bought
        return bought

    def owns(self, number: str) -> bool:
        """Tell whether a number was bought."""
        return any(number == each.number for each in self.purchased.values())
