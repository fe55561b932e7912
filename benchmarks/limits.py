# SPDX-License-Identifier: BSD-2-Clause
"""With Daily's rate limits: many starts at once, a shutdown with many rooms, sustained load."""

import math
from typing import Any

from benchmarks.contenders import LABELS, PIPECATS
from benchmarks.local_daily import Daily
from benchmarks.processes import answer, worker
from benchmarks.report import Check, Section, Table
from benchmarks.sizes import Size
from pipecat_daily_rest.load.plot import Bar, Bars

_PREFIX = "pipecat-r"
_REQUESTS = {
    "package": 1
}  # for each start, without the request that warms; Pipecat's helper needs 3
_BURST_TEXT = """\
Many sessions start at once in a fresh process, with Daily's limits on (100 requests in 5 s, 50
deletions in 30 s). *Succeeded* are the sessions that have the room and both tokens. *Leaked* are
rooms that exist without a session that would delete them. *Floor* is the shortest time that the
limits allow for the requests: 5 s × ⌈requests / 100 − 1⌉. A start is one request with this package
and three with Pipecat's helper. Pipecat's helper never repeats a refused request, so its time is the
time until it has failed. *The end* is how long it takes to delete all rooms when the sessions end
together, right after the burst.
"""
_SHUTDOWN_TEXT = """\
A process that owns many rooms ends, with Daily's limits on. This package runs `drain_on_exit()`.
Pipecat's helper has no call that deletes many rooms, so it runs `delete_room_by_name()` for all at
once. Its refused deletions would have to be repeated within the slow tier: *floor* is
30 s × ⌈rooms / 50 − 1⌉.
"""
_SUSTAINED_TEXT = """\
60 sessions run at a time, with Daily's limits on. Each ends as soon as it has the room and both
tokens, and another starts. The first 30 % of the time does not count, since the limits let a burst
through. After a failure there is a pause of 0.1 s.
"""


async def burst(daily: Daily, size: Size) -> Section:
    """Starts at once, and their end."""
    rows: list[tuple[str, ...]] = []
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for count in size.bursts:
        for name in ("package", *PIPECATS):
            one = found[name, count] = await _burst(daily, name, count)
            rows.append(
                (
                    LABELS[name],
                    str(count),
                    *(str(one[key]) for key in ("succeeded", "leaked", "refused", "requests")),
                    f"{one['seconds']:.1f} s",
                    f"{one['floor']:.0f} s",
                    f"{one['end']:.2f} s" if name == "package" else "",
                )
            )
    columns = ("", "starts", "succeeded", "leaked", "429s", "requests", "time", "floor", "the end")
    count = size.bursts[min(1, len(size.bursts) - 1)]
    ours, theirs = found["package", count], found["sequence", count]
    return Section(
        "Bursts",
        _BURST_TEXT,
        [Table(columns, rows)],
        [
            Check(
                f"A burst of {count}: all succeed, none leaks, no 429",
                f"{ours['succeeded']} succeed, {ours['leaked']} leak, {ours['refused']} 429s "
                f"(Pipecat in sequence: {theirs['succeeded']}, {theirs['leaked']}, "
                f"{theirs['refused']})",
                (ours["succeeded"], ours["leaked"], ours["refused"]) == (count, 0, 0),
            ),
            Check(
                f"A burst of {count}: within 1.2 times the floor",
                f"{ours['seconds']:.1f} s, floor {ours['floor']:.0f} s",
                ours["seconds"] <= 1.2 * max(ours["floor"], 1),
            ),
            Check(
                f"{count} rooms are gone within 2 s right after the burst",
                f"{ours['end']:.2f} s, {ours['left']} left",
                ours["end"] <= 2 and not ours["left"],
            ),
        ],
        [
            Bars(
                f"{count} starts at once with Daily's limits on: sessions that succeed",
                [
                    Bar(
                        LABELS[name].replace("`", ""),
                        found[name, count]["succeeded"],
                        "{succeeded}, {leaked} rooms leaked".format(**found[name, count]),
                        name == "package",
                    )
                    for name in ("package", "gathered", "sequence", "configure")
                ],
            )
        ],
    )


async def _burst(daily: Daily, name: str, count: int) -> dict[str, Any]:
    await daily.reset(limits=True)
    async with worker(daily.account, "burst", contender=name, count=count) as process:
        started = await process.answer()
        then = await daily.stats()
        process.tell()
        ended = await process.answer()
        left = (await daily.stats())["rooms"]
    requests = then["passed"] + then["refused"]
    return {
        "succeeded": started["ready"],
        "leaked": then["rooms"] - started["ready"],
        "refused": then["refused"],
        "requests": requests,
        "seconds": started["seconds"],
        "floor": 5 * math.ceil((1 + count * _REQUESTS.get(name, 3)) / 100 - 1),
        "end": ended["seconds"],
        "left": left,
    }


async def shutdown(daily: Daily, size: Size) -> Section:
    """Many rooms at the end of a process."""
    rows: list[tuple[str, ...]] = []
    checks: list[Check] = []
    for count in size.shutdowns:
        for name in ("package", "sequence"):
            await daily.reset(limits=True)
            names = [f"{_PREFIX}{number:020}" for number in range(count)]
            await daily.seed(names)
            async with worker(daily.account, "shutdown", contender=name) as process:
                process.tell(names)
                seconds = (await process.answer())["seconds"]
            after = await daily.stats()
            label = LABELS[name] if name == "package" else "Pipecat's helper, gathered"
            floor = 30 * math.ceil(count / 50 - 1)
            rows.append(
                (
                    label,
                    *(str(each) for each in (count, count - after["rooms"], after["rooms"])),
                    str(after["refused"]),
                    f"{seconds:.2f} s",
                    f"{floor} s" if name != "package" else "",
                )
            )
            if name == "package" and count == size.shutdowns[0]:
                checks.append(
                    Check(
                        f"{count} rooms are gone within 2 s of a shutdown",
                        f"{seconds:.2f} s, {after['rooms']} left",
                        seconds <= 2 and not after["rooms"],
                    )
                )
    columns = ("", "rooms", "gone", "left", "429s", "time", "floor")
    return Section("Shutdown", _SHUTDOWN_TEXT, [Table(columns, rows)], checks)


async def sustained(daily: Daily, size: Size) -> Section:
    """Sessions, for a while."""
    rows: list[tuple[str, ...]] = []
    for name in ("package", "gathered"):
        await daily.reset(limits=True)
        load = {"seconds": size.sustained, "at_once": size.at_once}
        found = await answer(daily.account, "sustained", contender=name, **load)
        after = await daily.stats()
        rows.append(
            (
                LABELS[name],
                f"{found['rate']:.1f}",
                *(str(each) for each in (found["failed"], after["rooms"], after["refused"])),
            )
        )
    columns = ("", "sessions a second", "failed", "leaked", "429s")
    return Section("Sustained load", _SUSTAINED_TEXT, [Table(columns, rows)])
