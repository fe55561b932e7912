# SPDX-License-Identifier: BSD-2-Clause
"""What a part has found."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.report import Check, Table

__all__ = ["Check", "Figures", "Table"]


@dataclass(frozen=True)
class Figures:
    """What was asked for and whether it holds, and whatever else was measured."""

    checks: Sequence[Check]
    tables: Sequence[Table] = ()

    @property
    def hold(self) -> bool:
        """Whether all that was asked for holds; nothing that was asked for is a failure too."""
        return bool(self.checks) and all(check.holds for check in self.checks)
