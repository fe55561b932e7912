# SPDX-License-Identifier: BSD-2-Clause
"""How long it takes until the room and both tokens are there."""

from benchmarks.contenders import LABELS, PIPECATS
from benchmarks.local_daily import CONNECT, LATENCY, Daily
from benchmarks.processes import answer, in_turns, median
from benchmarks.report import Check, Section, Table
from benchmarks.sizes import Size
from pipecat_daily_rest.load.plot import Bar, Bars

_COLD = ("package", "package_api", *PIPECATS)
_TEXT = f"""\
Every request takes {LATENCY * 1000:.0f} ms. The numbers are round trips of that length until the
room and both tokens are there, as medians. *First* is the first session of a fresh process, without
its imports. *New connection* is the same, but setting up a connection takes
{CONNECT / LATENCY:.0f} round trips more (TCP and TLS). *Warmed* is that after `helper.warm()`; with
Pipecat's helper, after one request by hand. *Warm* are the sessions after that.
"""


async def run(daily: Daily, size: Size) -> Section:
    """Measure it."""
    cases = {"first": (0.0, False), "new": (CONNECT, False), "warmed": (CONNECT, True)}
    cold: dict[tuple[str, str], list[float]] = {}
    for case, contender in in_turns([(c, n) for c in cases for n in _COLD], size.processes):
        connect, warm = cases[case]
        await daily.reset(connect=connect)
        found = await answer(daily.account, "first", contender=contender, warm=warm)
        cold.setdefault((case, contender), []).append(found["seconds"] / LATENCY)
    await daily.reset()
    contenders = [*_COLD, "pool"]
    spent = await answer(daily.account, "warm", contenders=contenders, rounds=size.warm)
    warm = {name: median(seconds) / LATENCY for name, seconds in spent.items()}
    rows = [
        (
            LABELS[name],
            *(f"{median(cold[case, name]):.2f}" if name in _COLD else "" for case in cases),
            f"{warm[name]:.2f}" if warm[name] > 0.1 else f"{warm[name] * LATENCY * 1e3:.2f} ms",
            f"{warm[name] / warm['package']:.2g} ×",
        )
        for name in contenders
    ]
    first, pool = median(cold["first", "package"]), warm["pool"] * LATENCY
    slowest = f"Pipecat in sequence: {warm['sequence']:.2f}"
    return Section(
        "Time to the room and both tokens",
        _TEXT,
        [Table(("", "first", "new connection", "warmed", "warm", "warm, ratio"), rows)],
        [
            Check(
                "Warm connection: 1.1 round trips at most",
                f"{warm['package']:.2f} ({slowest})",
                warm["package"] <= 1.1,
            ),
            Check("First session: 1.25 round trips at most", f"{first:.2f}", first <= 1.25),
            Check("From the pool: less than 1 ms", f"{pool * 1e3:.2f} ms", pool < 0.001),
        ],
        [
            Bars(
                f"Round trips to the room and both tokens, warm ({LATENCY * 1000:.0f} ms each)",
                [
                    Bar(
                        LABELS[name].replace("`", ""),
                        warm[name],
                        f"{warm[name]:.2f}" if name != "pool" else f"{pool * 1e3:.2f} ms",
                        name not in PIPECATS,
                    )
                    for name in ("pool", "package", "gathered", "sequence", "configure")
                ],
            )
        ],
    )
