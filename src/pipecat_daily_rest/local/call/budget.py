# SPDX-License-Identifier: BSD-2-Clause
"""How long a test waits for what it expects, and how much longer on a slow machine."""


class _Default(float):
    """A number that can be told from an equal one that a caller gave."""


DEFAULT: float = _Default(10.0)  # seconds; the default of every ``timeout``


class Budget:
    """What pytest's ini file sets for a whole run.

    Parameters:
        default: Seconds for a wait that was given none.
        factor: By how much every budget is longer, the given ones too.
    """

    def __init__(self) -> None:
        self.default: float = float(DEFAULT)
        self.factor = 1.0

    def of(self, timeout: float | None) -> float | None:
        """Give the seconds that a wait has; None is no limit."""
        if timeout is None:
            return None
        return self.factor * (self.default if timeout is DEFAULT else timeout)


BUDGET = Budget()
