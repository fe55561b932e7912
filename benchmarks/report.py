# SPDX-License-Identifier: BSD-2-Clause
"""The results of a section of the benchmarks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pipecat_daily_rest.load.plot import Bars

Cell: TypeAlias = str | float | int


@dataclass(frozen=True)
class Table:
    """Rows of cells; the first column is text."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def markdown(self) -> str:
        """Give the table in Markdown."""
        numeric = ["---", *("---:" for _ in self.columns[1:])]
        lines = [self.columns, numeric, *self.rows]
        return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)


@dataclass(frozen=True)
class Check:
    """A target: what it asks, what was measured, whether it holds."""

    asked: str
    measured: str
    holds: bool


@dataclass(frozen=True)
class Section:
    """A part of the page."""

    title: str
    text: str
    tables: Sequence[Table]
    checks: Sequence[Check] = ()
    plots: Sequence[Bars] = field(default=())
