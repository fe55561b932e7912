# SPDX-License-Identifier: BSD-2-Clause
"""``pipecat-daily-rest sweep``: deletes rooms and prints a line for each."""

from dataclasses import asdict
from typing import Any

from pipecat_daily_rest._rooms.sweep import SweepReport, sweep_rooms
from pipecat_daily_rest.cli import progress
from pipecat_daily_rest.cli.output import Output, chosen, run, show_json, show_line


def main(*, output: Output | None, **options: Any) -> int:
    """Sweep with the options of `sweep_rooms`, print the report, and give the exit code.

    1: a room could not be deleted, or there was an error. 2: a bad option, or no key.
    """
    report = run(sweep_rooms(sleep=progress.wait, **options))
    if chosen(output) is Output.JSON:
        show_json(asdict(report))
    else:
        _show(chosen(output), report)
    return 1 if report.failed else 0


def _show(output: Output, report: SweepReport) -> None:
    deleted = "would be deleted" if report.dry_run else "deleted"
    lines = [
        *(f"{name} {deleted}" for name in report.deleted),
        *(f"{name} spared: {why}" for name, why in report.spared.items()),
        *(f"{name} not deleted: {why}" for name, why in report.failed.items()),
    ]
    counts = [f"{len(report.deleted)} {deleted}", f"{len(report.spared)} spared"]
    if report.failed:
        counts.append(f"{len(report.failed)} not deleted")
    lines.append(f"{', '.join(counts)}; {report.others} with other names left alone")
    for line in lines:
        show_line(output, [line])
