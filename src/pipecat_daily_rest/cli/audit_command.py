# SPDX-License-Identifier: BSD-2-Clause
"""``pipecat-daily-rest audit``: lists the rooms of an account that should not be as they are."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from pipecat_daily_rest._rest.helper import DailyRESTHelper
from pipecat_daily_rest._rooms.sweep import sweep_rooms
from pipecat_daily_rest.cli import progress
from pipecat_daily_rest.cli.output import Output, chosen, instant, note, run, show_table

_COLUMNS = ("room", "why", "privacy", "created", "expires")
NO_EXPIRY, PUBLIC, LEFT = "no expiry", "public", "left by a dead process"


def main(*, output: Output | None, ignore: Sequence[str], **options: Any) -> int:
    """Print the rooms; the exit code is 1 if there are any, and 2 if that is not known."""
    rows, looked_at = run(_audit(ignore, options), failed=2)
    if rows or chosen(output) is Output.JSON:
        show_table(chosen(output), rows, _COLUMNS)
    note(f"{len(rows)} of {looked_at} rooms need attention.")
    return 1 if rows else 0


async def _audit(
    ignore: Sequence[str], options: dict[str, Any]
) -> tuple[list[dict[str, Any]], int]:
    """Give a row for each room that needs attention, and how many were looked at."""
    async with DailyRESTHelper.from_env() as daily:
        report = await sweep_rooms(daily=daily, dry_run=True, sleep=progress.wait, **options)
        rooms = [
            room
            async for room in daily.list_rooms()
            if not any(fnmatchcase(room.name, pattern) for pattern in ignore)
        ]
    rows = []
    for room in rooms:
        why = [
            *([NO_EXPIRY] if room.config.exp is None else []),
            *([PUBLIC] if room.privacy == "public" else []),
            *([LEFT] if room.name in report.deleted else []),
        ]
        if why:
            row = {"room": room.name, "why": ", ".join(why), "privacy": room.privacy}
            rows.append({**row, "created": room.created_at, "expires": instant(room.config.exp)})
    return rows, len(rooms)
