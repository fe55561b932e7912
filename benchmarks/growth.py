# SPDX-License-Identifier: BSD-2-Clause
"""What one more room costs a process that owns many."""

from benchmarks.local_daily import Daily
from benchmarks.processes import answer
from benchmarks.report import Section, Table
from benchmarks.sizes import Size

_TEXT = """\
What one more room costs a process that owns many. *Registry*: the time to enter a room and release
it. *Pool*: a hand-out from a `RoomPool` of that size. *Sweep*: the CPU time for each room of a dry
run that finds this many rooms; reading the lists is most of it.
"""


async def run(daily: Daily, size: Size) -> Section:
    """Measure it."""
    rows: list[tuple[str, ...]] = []
    for count in size.live:
        await daily.reset(latency=0)
        await daily.seed([f"pipecat-r{number:020}" for number in range(count)], age=7200)
        found = await answer(daily.account, "grow", count=count)
        micro = (f"{found[key] * 1e6:.0f} µs" for key in ("opened", "handed", "swept"))
        rows.append((f"{count:,}", *micro))
    columns = ("live rooms", "registry", "pool", "sweep, each room")
    return Section("Many live rooms", _TEXT, [Table(columns, rows)])
