# SPDX-License-Identifier: BSD-2-Clause
"""The page on the local room: several commands write one part each."""

from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "local-room.md"
_TITLE = "# The local room\n"


def put(page: str, text: str, command: str) -> str:
    """Put a command's text into the page, in place of its old text, or at the end."""
    begin = f"<!-- Made by `{command}`. Do not edit. -->"
    end = f"<!-- The end of what `{command}` made. -->\n"
    part = f"{begin}\n\n{text}\n{end}"
    before, found, rest = page.partition(begin)
    if not found:
        return f"{page or _TITLE}\n{part}"
    _, found, after = rest.partition(end)
    if not found:
        msg = f"The page has the begin of this part, but {end!r} is missing."
        raise ValueError(msg)
    return before + part + after
