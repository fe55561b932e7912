# SPDX-License-Identifier: BSD-2-Clause
"""The results of a part."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.report import Check, Table

__all__ = ["Check", "Figures", "Table"]


@dataclass(frozen=True)
class Figures:
    """The checks of a part, and other figures in tables."""

    checks: Sequence[Check]
    tables: Sequence[Table] = ()

    @property
    def hold(self) -> bool:
        """Whether all checks hold; a part without a check fails, too."""
        return bool(self.checks) and all(check.holds for check in self.checks)
