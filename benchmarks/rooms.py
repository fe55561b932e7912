# SPDX-License-Identifier: BSD-2-Clause
"""Measures how many participants local rooms carry, for docs/local-room.md: ``make bench-rooms``."""

import argparse
import asyncio
import math
import os
import platform
import statistics
import sys
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.child import Child
from benchmarks.report import Table
from benchmarks.room_page import PAGE, put

_PEOPLE = (
    *("People", "Person to person", "Words heard", "Late ticks"),
    *("CPU of the room", "CPU of the people", "CPU of other programs"),
)
_WAYS = ("", "From a word to the ear", "CPU of the room", "CPU of other programs")
_MIX_AND_SLOTS = ("the mix", "slots")
_STAT = Path("/proc/stat")
_MOST_LATE = 0.01  # of the ticks; above it people hear gaps
_LEAST_HEARD = 0.99  # of the words
_TRIES = 3  # of a step, since other programs may disturb one


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is measured.

    Parameters:
        rooms: Rooms with a bot and two scripted people each.
        bots: Bots without media, one in each room.
        people: How many people each step adds by WebRTC.
        most_people: How many people are tried at most.
        seconds: How long each measurement takes.
    """

    rooms: int
    bots: int
    people: int
    most_people: int
    seconds: float


async def talking(sizes: Sizes) -> list[Sequence[str]]:
    """Rooms in which a person speaks, a bot echoes it, and another person listens."""
    async with AsyncExitStack() as stack:
        daily = await stack.enter_async_context(Child("rooms_daily"))
        urls = await daily.do("make", names=[f"room-{n}" for n in range(sizes.rooms)])
        bots = [await stack.enter_async_context(Child("rooms_bots")) for _ in urls]
        pairs = zip(bots, urls, strict=True)
        await asyncio.gather(*(bot.do("join", urls=[url], media=True) for bot, url in pairs))
        await daily.do("talk")
        measured, (room, *rest) = await _over(daily, bots, asyncio.sleep(sizes.seconds))
    return [
        ("Words said, and echoes heard", f"{measured['said']}, {len(measured['took'])}"),
        ("From the word to its echo", _spread(measured["took"])),
        ("Late ticks", _percent(measured["late"])),
        ("CPU of the room's process", f"{_percent(room)} of a core"),
        ("CPU of each bot's process", f"{_percent(statistics.mean(rest))} of a core"),
    ]


async def waiting(sizes: Sizes) -> list[Sequence[str]]:
    """Rooms with one bot each, which neither hears nor speaks."""
    async with Child("rooms_daily") as daily, Child("rooms_bots") as bots:
        urls = await daily.do("make", names=[f"room-{n}" for n in range(sizes.bots)])
        began = asyncio.get_running_loop().time()
        await bots.do("join", urls=urls, media=False)
        joined = asyncio.get_running_loop().time() - began
        measured, (room, rest) = await _over(daily, [bots], asyncio.sleep(sizes.seconds))
        took = await daily.do("write")
    return [
        ("Until all have joined", f"{joined:.1f} s"),
        ("A message to all at once, and its answer", _spread(took)),
        ("Late ticks", _percent(measured["late"])),
        ("CPU of the room's process", f"{_percent(room)} of a core"),
        ("CPU of the bots' process", f"{_percent(rest)} of a core"),
    ]


async def connected(sizes: Sizes) -> tuple[int, list[Sequence[str]]]:
    """More and more people by WebRTC, two in a room, until the rooms no longer carry them."""
    rows: list[Sequence[str]] = []
    carried = 0
    async with Child("rooms_daily") as daily, Child("rooms_people") as people:
        urls = await daily.do("make", names=[f"room-{n}" for n in range(sizes.most_people // 2)])
        port = _port(urls)
        names = [url.rpartition("/")[2] for url in urls]
        for count in range(sizes.people, sizes.most_people + 1, sizes.people):
            rooms = names[(count - sizes.people) // 2 : count // 2]
            await people.do("join", port=port, rooms=rooms)
            for _ in range(_TRIES):
                row, holds = await _step(count, daily, people, sizes.seconds)
                if holds:
                    break
            rows.append(row)
            _tell(f"  {' | '.join(row)}")
            if not holds:
                break
            carried = count
    return carried, rows


async def both_ways(sizes: Sizes) -> list[Sequence[str]]:
    """The same rooms, once with people who hear the mix, and once with each voice on a slot."""
    rows: list[Sequence[str]] = []
    names = ["two", "two-more", "one-and-a-bot"]
    async with Child("rooms_daily") as daily, Child("rooms_people") as people:
        urls = await daily.do("make", names=names)
        for who, rooms in (("4 people", names[:2]), ("a bot and a person", names[2:])):
            async with AsyncExitStack() as stack:
                bots = []
                if rooms == names[2:]:
                    bots.append(await stack.enter_async_context(Child("rooms_bots")))
                    await bots[0].do("join", urls=urls[2:], media=True)
                took: dict[str, list[float]] = {way: [] for way in _MIX_AND_SLOTS}
                shares: dict[str, list[tuple[float, float]]] = {way: [] for way in _MIX_AND_SLOTS}
                for way in (*_MIX_AND_SLOTS, *reversed(_MIX_AND_SLOTS)):  # neither is always first
                    there = {"port": _port(urls), "rooms": rooms, "bot": bool(bots)}
                    await people.do("join", **there, slots=way == "slots")
                    listening = people.do("measured", seconds=sizes.seconds)
                    measured, (room, *_) = await _over(daily, [people, *bots], listening)
                    await people.do("leave")
                    took[way] += measured["others"]["took"]
                    shares[way].append((room, measured["elsewhere"]))
                for way in _MIX_AND_SLOTS:
                    means = map(statistics.mean, zip(*shares[way], strict=True))
                    rows.append((f"{who}, {way}", _spread(took[way]), *map(_percent, means)))
                    _tell(f"  {' | '.join(rows[-1])}")
    return rows


def _port(urls: list[str]) -> int:
    return int(urls[0].rpartition(":")[2].partition("/")[0])


async def _step(
    count: int, daily: Child, people: Child, seconds: float
) -> tuple[Sequence[str], bool]:
    """Give the row for this number of people, and whether the rooms carried them."""
    listening = people.do("measured", seconds=seconds)
    measured, (room, peers) = await _over(daily, [people], listening)
    words, late = measured["others"], measured["late"]
    heard = len(words["took"]) / max(1, words["said"])
    shares = (heard, late, room, peers, measured["elsewhere"])
    cells = (_spread(words["took"]), *map(_percent, shares))
    return (str(count), *cells), late <= _MOST_LATE and heard >= _LEAST_HEARD


async def _over(
    daily: Child, others: list[Child], work: Awaitable[Any]
) -> tuple[dict[str, Any], list[float]]:
    """Measure while ``work`` runs: what the room reports, and each process's share of a core."""
    children = [daily, *others]
    await daily.do("begin")
    before, busy = [await child.cpu() for child in children], _busy()
    began = asyncio.get_running_loop().time()
    given = await work
    measured = await daily.do("measured")
    took = asyncio.get_running_loop().time() - began
    after = [await child.cpu() for child in children]
    shares = [(b - a) / took for a, b in zip(before, after, strict=True)]
    # What all other programs took; the machine's counter is coarser than those of the processes.
    elsewhere = max(0.0, (_busy() - busy) / took - sum(shares))
    return {**measured, "others": given, "elsewhere": elsewhere}, shares


def _busy() -> float:
    """Seconds that all cores of the machine have worked; NaN where there is no /proc/stat."""
    with suppress(OSError):
        ticks = [int(word) for word in _STAT.read_text().splitlines()[0].split()[1:8]]
        return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")  # idle, waiting
    return math.nan


def _spread(seconds: Sequence[float]) -> str:
    if len(seconds) < 2:
        return "nothing heard"
    every = statistics.quantiles(seconds, n=20)
    return f"{statistics.median(seconds) * 1000:.0f} ms, 95 % within {every[-1] * 1000:.0f} ms"


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"


async def measure(sizes: Sizes) -> str:
    """Measure everything, and give the text."""
    load = os.getloadavg()[0]
    _tell(f"{sizes.rooms} rooms with a bot and two people")
    first = await talking(sizes)
    _tell(f"{sizes.bots} bots without media")
    second = await waiting(sizes)
    _tell("the mix, and slots")
    third = await both_ways(sizes)
    _tell("people by WebRTC")
    carried, fourth = await connected(sizes)
    names = ("pipecat-ai", "aiortc", "aiohttp", "numpy")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return f"""\
## What it carries

`make bench-rooms` measured this on one machine, in one run, and wrote this part of the page. No test
asserts these figures. The local Daily is one process, which uses one core. A tick is 20 ms of sound;
it is late if it comes more than 20 ms after its time, or never (`LocalDaily.late_ticks`).

### {sizes.rooms} rooms with a bot and two people each

The people are scripted, without WebRTC. Each bot runs on Pipecat's `DailyTransport` in its own
process. Every 2 s a person says a word, which the bot repeats.

{Table(("", "measured"), first).markdown()}
### {sizes.bots} bots without media in {sizes.bots} rooms

All bots are in one process.

{Table(("", "measured"), second).markdown()}
### The mix, or a voice of one's own

The room page plays one track with the mix. A web app gets each voice on a track of its own: a slot.
Two people are in each room, or one with a bot, which repeats each word. Both ways are measured in
turns, twice. The people are programs, which buffer 80 ms of what they hear; a browser buffers some
40 ms.

{Table(_WAYS, third).markdown()}
### People by WebRTC

Two people are in each room. Each says a word every second, which the other waits for. One process on
the same cores is the computers of all of these people; real people bring their own. The measurement
stops when, three times in a row, more than {_percent(_MOST_LATE)} of the ticks are late or fewer than
{_percent(_LEAST_HEARD)} of the words arrive. The rooms carried **{carried} people**.

{Table(_PEOPLE, fourth).markdown()}
Measured on {datetime.now(UTC):%Y-%m-%d}, {sizes.seconds:.0f} s each: {platform.system()}
{platform.machine()}, {os.cpu_count()} CPUs with a load of {load:.1f} before,
{platform.python_implementation()} {platform.python_version()}, {versions}.
"""


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Measure, and rewrite the part of the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rooms", description=__doc__)
    add = parser.add_argument
    add("--rooms", type=int, default=10, help="rooms with a bot and two people (10)")
    add("--bots", type=int, default=200, help="bots without media (200)")
    add("--people", type=int, default=4, help="how many people each step adds; an even number (4)")
    add("--most-people", type=int, default=100, help="how many people are tried at most (100)")
    add("--seconds", type=float, default=20, help="how long each measurement takes (20)")
    add("--out", type=Path, default=PAGE, help="the page (docs/local-room.md)")
    arguments = vars(parser.parse_args())
    out = arguments.pop("out")
    text = asyncio.run(measure(Sizes(**arguments)))
    page = out.read_text("utf-8") if out.exists() else ""
    out.write_text(put(page, text, "make bench-rooms"), "utf-8")
    _tell(f"{out} is written.")


if __name__ == "__main__":
    main()
