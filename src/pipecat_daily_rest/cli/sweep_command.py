# SPDX-License-Identifier: BSD-2-Clause
"""``pipecat-daily-rest sweep``: deletes rooms and prints a line for each."""

from typing import Any

from pipecat_daily_rest._rooms.sweep import SweepReport, sweep_rooms
from pipecat_daily_rest.cli.output import run, wait


def main(**options: Any) -> int:
    """Sweep with the options of `sweep_rooms`, print the report, and give the exit code.

    1: a room could not be deleted, or there was an error. 2: a bad option, or no key.
    """
    report = run(sweep_rooms(sleep=wait, **options))
    _print(report)
    return 1 if report.failed else 0


def _print(report: SweepReport) -> None:
    deleted = "would be deleted" if report.dry_run else "deleted"
    for name in report.deleted:
        print(f"{name} {deleted}")
    for name, why in report.spared.items():
        print(f"{name} spared: {why}")
    for name, why in report.failed.items():
        print(f"{name} not deleted: {why}")
    counts = [f"{len(report.deleted)} {deleted}", f"{len(report.spared)} spared"]
    if report.failed:
        counts.append(f"{len(report.failed)} not deleted")
    print(f"{', '.join(counts)}; {report.others} with other names left alone")
