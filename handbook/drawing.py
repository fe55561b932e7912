# SPDX-License-Identifier: BSD-2-Clause
"""Boxes, arrows and words as an SVG."""

from html import escape

Point = tuple[float, float]
FILLS = {"ours": "#e3efff", "theirs": "#f2f4f7", "daily": "#e6f5ec", "group": "none"}
LINE = 18  # from one line of text to the next
WIDE = 6.6  # of a letter, at 13 px


class Drawing:
    """A picture that grows by what is put into it."""

    def __init__(self, name: str, width: int, height: int) -> None:
        """Begin with a white ground."""
        self._drawn = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img" aria-label="{escape(name)}">',
            '<rect width="100%" height="100%" fill="#fff"/>',
            '<defs><marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto-start-reverse"><path d="M0 0 8 4 0 8z" fill="#567"/>'
            "</marker></defs>",
            '<g font-family="system-ui, sans-serif" font-size="13" fill="#123">',
        ]

    def box(self, x: float, y: float, w: float, h: float, *lines: str, kind: str = "ours") -> None:
        """Draw a box; the first line is its title, the title of a group stands above it."""
        dash = ' stroke-dasharray="5 4"' if kind == "group" else ""
        self._drawn.append(
            f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="6" '
            f'fill="{FILLS[kind]}" stroke="#456"{dash}/>'
        )
        if kind == "group":
            self.text(x + 10, y + 20, lines[0], bold=True)
            return
        top = y + h / 2 - (len(lines) - 1) * LINE / 2 + 5
        for number, line in enumerate(lines):
            self.text(x + w / 2, top + number * LINE, line, middle=True, bold=number == 0)

    def text(
        self, x: float, y: float, line: str, *, middle: bool = False, bold: bool = False
    ) -> None:
        """Write a line."""
        how = ' text-anchor="middle"' if middle else ""
        how += ' font-weight="600"' if bold else ""
        self._drawn.append(f'<text x="{x:g}" y="{y:g}"{how}>{escape(line)}</text>')

    def arrow(
        self, *points: Point, says: str = "", both: bool = False, at: Point | None = None
    ) -> None:
        """Draw an arrow through these points, with words on its middle, or elsewhere."""
        path = "M" + " L".join(f"{x:g} {y:g}" for x, y in points)
        back = ' marker-start="url(#to)"' if both else ""
        self._drawn.append(
            f'<path d="{path}" fill="none" stroke="#567" marker-end="url(#to)"{back}/>'
        )
        if says:
            (x1, y1), (x2, y2) = points[0], points[-1]
            x, y = at or ((x1 + x2) / 2, (y1 + y2) / 2)
            for number, line in enumerate(says.split("\n")):
                wide = len(line) * WIDE + 8
                top = y - 9 + number * (LINE - 2)
                self._drawn.append(
                    f'<rect x="{x - wide / 2:g}" y="{top:g}" width="{wide:g}" height="18" '
                    'fill="#fff"/>'
                )
                self.text(x, top + 13, line, middle=True)

    def svg(self) -> str:
        """Give the whole picture."""
        return "\n".join([*self._drawn, "</g>", "</svg>", ""])
