# SPDX-License-Identifier: BSD-2-Clause
"""A plot: horizontal bars, as SVG by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH = 760
_LABEL = 300  # where the bars begin
_LONGEST = 310
_ROW = 26
_HEADING = 40
_STYLE = """\
  <style>
    text { font: 13px system-ui, sans-serif; fill: #1f2328 }
    .heading { font-weight: 600; font-size: 14px }
    .value { fill: #59636e }
    .back { fill: #ffffff; stroke: #d1d9e0 }
    .ours { fill: #1a7f5a }
    .other { fill: #9aa4af }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .value { fill: #9da7b3 }
      .back { fill: #151b23; stroke: #3d444d }
      .ours { fill: #3fb98a }
      .other { fill: #656d78 }
    }
  </style>
"""


@dataclass(frozen=True)
class Bar:
    """A bar, with what is written beside it; ``ours`` is in colour."""

    label: str
    value: float
    shown: str
    ours: bool


@dataclass(frozen=True)
class Bars:
    """A group of bars under one heading, on one scale."""

    heading: str
    bars: Sequence[Bar]


def draw(groups: Sequence[Bars], name: str) -> str:
    """Draw the groups, one below the other."""
    parts: list[str] = []
    y = 12
    for group in groups:
        y += _HEADING
        parts.append(f'  <text class="heading" x="24" y="{y - 16}">{escape(group.heading)}</text>')
        most = max((bar.value for bar in group.bars), default=0) or 1
        for bar in group.bars:
            width = max(2, round(bar.value / most * _LONGEST))
            kind = "ours" if bar.ours else "other"
            parts += [
                f'  <text x="{_LABEL - 12}" y="{y + 13}" text-anchor="end">{escape(bar.label)}</text>',
                f'  <rect class="{kind}" x="{_LABEL}" y="{y}" width="{width}" height="18" rx="3"/>',
                f'  <text class="value" x="{_LABEL + width + 8}" y="{y + 13}">'
                f"{escape(bar.shown)}</text>",
            ]
            y += _ROW
    height = y + 16
    back = f'  <rect class="back" x=".5" y=".5" width="{_WIDTH - 1}" height="{height - 1}" rx="8"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" role="img" aria-label="{escape(name)}">\n'
        + _STYLE
        + "\n".join([back, *parts])
        + "\n</svg>\n"
    )
