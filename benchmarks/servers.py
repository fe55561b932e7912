# SPDX-License-Identifier: BSD-2-Clause
"""The session server, beside a FastAPI server as Pipecat's examples write it."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass

from benchmarks.local_daily import CONNECT, LATENCY, Daily
from benchmarks.processes import in_turns, median
from benchmarks.report import Check, Section, Table
from benchmarks.servers_process import FASTAPI, Kind, Server, Started, memory_of, package
from benchmarks.sizes import Size
from pipecat_daily_rest.load.plot import Bar, Bars

_MB = 1e6  # bytes
_QUIET = 0.3  # seconds without a request after which a server is at rest
_ANSWER = 1.1 * LATENCY + 0.010  # seconds
_NO_REQUEST = 0.010  # seconds
_BOT = 0.050  # seconds
_WAITING = 15.0  # MB
_TEXT = f"""\
`pipecat-daily-rest serve bot.py` beside a server as Pipecat's examples write it: FastAPI, a room and
a token by Pipecat's helper, and a Python of its own for each bot. Requests to Daily take
{LATENCY * 1000:.0f} ms. The bot imports Pipecat's pipeline and `DailyTransport`. *Cold* is the first that a
server does after its start; setting up a connection to Daily takes {CONNECT / LATENCY:.0f} round trips more then.
*Warm* is what follows. *{{count}} at once* are as many visitors in the same moment; *the last* is the
slowest of them, warm; these times are mostly waits for a CPU. Times are medians.

*Answer* is the time from `POST /start` to its answer. *The bot runs* is the time from the answer to
the first line of `bot()`; below zero, it ran before the answer was read. *Both* is their sum. Memory
is PSS: what processes share counts for each in part. *At rest* is the server with all its processes
before the first session. A running bot is in its room with a pipeline, hears, and sends audio; the
`daily` of both servers' bots is the stand-in for local rooms.
"""


@dataclass(frozen=True)
class _Memory:
    """MB of a server."""

    rest: float
    waiting: float | None
    running: float
    all: float


_Found = dict[str, list[list[Started]]]  # by the kind; a list of starts for each round


async def run(daily: Daily, size: Size) -> Section:
    """Measure it."""
    count = size.together
    most = 4 * count
    ready = f"--warm {count} --pool {count}"
    kinds = {
        "package": package("this package", warm=1, most=most),
        "ready": package(f"this package, `{ready}`", "--pool", str(count), warm=count, most=most),
        "fastapi": FASTAPI,
    }
    cold = {at_once: await _cold(daily, kinds, size, at_once) for at_once in (1, count)}
    warm, memory = await _warm(daily, kinds, size)
    return Section(
        "The session server",
        _TEXT.format(count=count),
        [
            _times("Answer", "answer", kinds, cold, warm),
            _times("The bot runs", "bot", kinds, cold, warm),
            _times("Both", "whole", kinds, cold, warm),
            _memories(kinds, memory, count),
        ],
        _checks(warm, memory, count),
        [_bars(kinds, warm)],
    )


async def _cold(daily: Daily, kinds: dict[str, Kind], size: Size, at_once: int) -> _Found:
    """The first sessions of fresh servers."""
    found: _Found = {}
    for name in in_turns(["package", "fastapi"], size.servers):
        await daily.reset(connect=CONNECT)
        async with Server(kinds[name], daily.account) as server:
            found.setdefault(name, []).append(await server.start(at_once))
            await server.end()
    return found


async def _warm(
    daily: Daily, kinds: dict[str, Kind], size: Size
) -> tuple[dict[int, _Found], dict[str, _Memory]]:
    """Servers that have run sessions before: one at a time, many at once, what they weigh."""
    found: dict[int, _Found] = {}
    memory: dict[str, _Memory] = {}
    await daily.reset()
    async with AsyncExitStack() as stack:
        servers = {
            name: await stack.enter_async_context(Server(kind, daily.account))
            for name, kind in kinds.items()
        }
        for name, server in servers.items():
            memory[name] = await _weigh(daily, server, size.together)
        for at_once, rounds in ((1, size.starts), (size.together, size.crowds)):
            for name in in_turns(list(kinds), rounds):
                started = await servers[name].start(at_once)
                found.setdefault(at_once, {}).setdefault(name, []).append(started)
                await servers[name].end()
                await _quiet(daily)
    return found, memory


async def _weigh(daily: Daily, server: Server, count: int) -> _Memory:
    await _quiet(daily)
    waiting = server.waiting
    rest, each = server.memory(), memory_of(waiting)
    await server.start(count)
    await server.join()
    await server.at_rest()
    await asyncio.sleep(_QUIET)
    weighed = _Memory(
        rest=rest / _MB,
        waiting=each / len(waiting) / _MB if waiting else None,
        running=memory_of(server.running) / count / _MB,
        all=server.memory() / _MB,
    )
    await server.end()
    await _quiet(daily)
    return weighed


async def _quiet(daily: Daily) -> None:
    """Wait until no server sends requests: rooms are deleted, and a pool is full again."""
    before = None
    while (now := await daily.stats()) != before:
        before = now
        await asyncio.sleep(_QUIET)


def _middle(rounds: list[list[Started]], what: str) -> float:
    return median(getattr(each, what) for starts in rounds for each in starts)


def _last(rounds: list[list[Started]], what: str) -> float:
    return median(max(getattr(each, what) for each in starts) for starts in rounds)


def _times(
    title: str,
    what: str,
    kinds: dict[str, Kind],
    cold: dict[int, _Found],
    warm: dict[int, _Found],
) -> Table:
    _, many = warm
    base = {at_once: _middle(warm[at_once]["package"], what) for at_once in warm}
    compared = what != "bot"  # which may be nothing
    rows = []
    for name, kind in kinds.items():
        cells = [kind.label]
        for at_once, found in warm.items():
            first = cold[at_once].get(name)
            cells += [
                _shown(_middle(first, what)) if first else "",
                _shown(_middle(found[name], what)),
            ]
            if at_once == many:
                cells.append(_shown(_last(found[name], what)))
            if compared:
                cells.append(_ratio(_middle(found[name], what), base[at_once]))
        rows.append(cells)
    ratio = ("ratio",) if compared else ()
    one_by_one = ("cold", "warm", *ratio)
    at_once = (f"{many} at once, cold", f"{many} at once, warm", "the last", *ratio)
    return Table((title, *one_by_one, *at_once), rows)


def _shown(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms"


def _ratio(value: float, base: float) -> str:
    return f"{value / base:.2g} ×" if value < 10 * base else f"{value / base:.0f} ×"


def _memories(kinds: dict[str, Kind], memory: dict[str, _Memory], count: int) -> Table:
    base = memory["package"]
    rows = [
        (
            kind.label,
            f"{found.rest:.0f} MB",
            "" if found.waiting is None else f"{found.waiting:.1f} MB",
            f"{found.running:.1f} MB",
            f"{found.all:.0f} MB",
            f"{found.all / base.all:.2g} ×",
        )
        for name, kind in kinds.items()
        for found in (memory[name],)
    ]
    columns = ("Memory", "at rest", "a waiting process", "a running bot")
    return Table((*columns, f"all, with {count} running", "ratio"), rows)


def _checks(warm: dict[int, _Found], memory: dict[str, _Memory], count: int) -> list[Check]:
    def told(name: str, what: str) -> str:
        one, many = (_shown(_middle(warm[n][name], what)) for n in warm)
        return f"{one}, {many} with {count} at once"

    def holds(name: str, what: str, most: float) -> bool:
        return _middle(warm[1][name], what) <= most

    waiting = memory["ready"].waiting or 0.0
    return [
        Check(
            f"A server's answer to one visitor: 1.1 round trips plus 10 ms at most ({_shown(_ANSWER)})",
            f"{told('package', 'answer')} (FastAPI: {told('fastapi', 'answer')})",
            holds("package", "answer", _ANSWER),
        ),
        Check(
            "A server's answer to one visitor, from a pool: 10 ms at most",
            told("ready", "answer"),
            holds("ready", "answer", _NO_REQUEST),
        ),
        Check(
            "The bot runs within 50 ms of the answer, in a process that waited",
            f"{told('ready', 'bot')} (FastAPI: {told('fastapi', 'bot')})",
            all(_middle(found["ready"], "bot") <= _BOT for found in warm.values()),
        ),
        Check(
            "A process that waits for a session: 15 MB at most",
            f"{waiting:.1f} MB (a bot of FastAPI: {memory['fastapi'].running:.0f} MB)",
            waiting <= _WAITING,
        ),
    ]


def _bars(kinds: dict[str, Kind], warm: dict[int, _Found]) -> Bars:
    found = {name: _middle(rounds, "whole") for name, rounds in warm[1].items()}
    return Bars(
        "From POST /start to the bot's first line, warm",
        [
            Bar(
                kinds[name].label.replace("`", ""),
                found[name],
                _shown(found[name]),
                name != "fastapi",
            )
            for name in ("ready", "package", "fastapi")
        ],
    )
