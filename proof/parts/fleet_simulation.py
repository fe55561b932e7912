# SPDX-License-Identifier: BSD-2-Clause
"""Ten thousand calls in 400 replicas stay within Daily's limits.

Virtual time: each row is one or two minutes of a fleet whose replicas share Daily's documented limits
by Redis (20 requests a second, 50 slow ones in 30 s). Calls have an exponential length, ten minutes on the
average, and go to the less busy one of two replicas. Real are what sends requests (the pacer, the
retries, the rooms, the pool with its batches, the deletions that the fleet does together) and the
limits of the local Daily. Modelled are the network (30 to 90 ms for each request), Daily's rooms (a
dictionary), Redis (its scripts in Python), the bots (they wait), and the look at who is in the rooms
(one request in 15 s). There are no processes, sockets and machines: what a server and a bot take is in
the other parts.

A start's wait is from the request until the room and both tokens are there. The limit binds where one
start in twenty waits for more than a second, one gets no room, or Daily answers 429. Daily documents
no rate tier for batches, so both are shown: as ordinary requests (`default`) and as slow ones.
"""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from benchmarks.room_page import put

from proof.figures import Check, Figures, Table
from proof.fleet.traffic import Outcome, Scenario, simulate
from proof.page import command

PAGE = Path(__file__).parents[2] / "docs" / "fleet.md"
CALLS = 10_000
POOL = 10  # rooms that wait in each replica
PER_REPLICA = 25  # calls
_PURPOSES = {
    "rooms made one by one": ("POST /rooms",),
    "batches of rooms made": ("POST /batch/rooms",),
    "batches of rooms deleted": ("DELETE /batch/rooms",),
    "rooms deleted one by one": ("DELETE /rooms/:name",),
    "looks at the pools": ("GET /rooms",),
    "who is in the rooms": ("GET /presence",),
    "the rest": ("GET /", "GET /rooms/:name"),
}


def title(scenario: Scenario) -> str:
    """Say in words what a scenario is."""
    if not scenario.pool:
        return "one by one" + (", batches slow" if scenario.batch_tier == "slow" else "")
    return f"pools of {scenario.pool}, batches {scenario.batch_tier}"


def row(outcome: Outcome) -> tuple[str, ...]:
    """Give a line of the table of waits."""
    scenario = outcome.scenario
    return (
        title(scenario),
        f"{scenario.calls:,}",
        f"{scenario.length / 60:g} min",
        f"{scenario.calls / scenario.length:.1f}",
        f"{outcome.rate():.1f}",
        f"{100 * outcome.load:.0f} %",
        str(outcome.refused),
        " / ".join(f"{outcome.wait(each):.2f}" for each in (50, 95, 99)),
        "yes" if outcome.binds else "no",
    )


def purposes(outcomes: Iterable[Outcome]) -> Table:
    """Give the requests a second by what they are for."""
    found = list(outcomes)
    rows = [
        (what, *(f"{each.rate(*names):.2f}" for each in found)) for what, names in _PURPOSES.items()
    ]
    columns = [f"{each.scenario.calls:,} calls, {title(each.scenario)}" for each in found]
    return Table(("requests a second", *columns), rows)


def until_it_binds(scenarios: Iterable[Scenario]) -> list[Outcome]:
    """Run scenarios, each harder than the last, until the limit binds."""
    outcomes: list[Outcome] = []
    for scenario in scenarios:
        outcomes.append(simulate(scenario))
        if outcomes[-1].binds:
            break
    return outcomes


def first_bound(outcomes: list[Outcome], what: str) -> str:
    """Say between which two values the limit begins to bind."""
    values = [
        f"{each.scenario.calls:,} calls"
        if what == "calls"
        else f"{each.scenario.length / 60:g} min"
        for each in outcomes
    ]
    if not outcomes[-1].binds:
        return f"not down to {values[-1]}" if what == "length" else f"not up to {values[-1]}"
    return f"between {values[-2]} and {values[-1]}" if len(values) > 1 else f"at {values[0]}"


def scenario(calls: int, **more: object) -> Scenario:
    """Give a fleet that is as large as its calls need."""
    return Scenario(calls=calls, replicas=max(1, calls // PER_REPLICA), **more)  # type: ignore[arg-type]


def figures(calls: int = CALLS, seconds: float = 120.0, *, search: bool = True) -> Figures:
    """Simulate a fleet with so many calls; each is counted for so many seconds."""
    pooled = simulate(scenario(calls, pool=POOL, seconds=seconds))
    single = simulate(scenario(calls, seconds=seconds))
    slow = simulate(scenario(calls // 5, pool=POOL, batch_tier="slow", seconds=seconds))
    single_slow = simulate(scenario(calls, batch_tier="slow", seconds=seconds))
    outcomes = [pooled, single, slow, single_slow]
    checks = [
        Check(
            "load on Daily with pooled rooms, under half of the limit",
            f"{100 * pooled.load:.0f} %",
            pooled.load < 0.5 and pooled.rate() > 0,
        ),
        Check("requests that Daily refused then", str(pooled.refused), pooled.refused == 0),
        Check(
            "starts that got a room then, p95 under 100 ms",
            f"{len(pooled.waits):,}, {1000 * pooled.wait(95):.0f} ms; {pooled.failed} got none",
            len(pooled.waits) > 100 and not pooled.failed and pooled.wait(95) < 0.1,
        ),
        Check(
            "rooms that are left at the end",
            str(sum(each.left for each in outcomes)),
            not any(each.left for each in outcomes),
        ),
    ]
    if search:
        short = seconds / 2
        by_calls = until_it_binds(
            scenario(calls * each // 100, seconds=short) for each in (105, 115, 125)
        )
        by_length = [
            single,
            *until_it_binds(
                scenario(calls, length=60 * each, seconds=short) for each in (9.5, 9, 8)
            ),
        ]
        pooled_length = until_it_binds(
            scenario(calls, length=60 * each, pool=POOL, seconds=short) for each in (4, 2)
        )
        slower = scenario(calls * 30 // 100, pool=POOL, batch_tier="slow", seconds=short)
        slow_calls = [slow, *until_it_binds([slower])]
        outcomes += [*by_calls, *by_length[1:], *pooled_length, *slow_calls[1:]]
        checks += [
            Check("one by one, calls of ten minutes: the limit binds", bound, True)
            for bound in (first_bound(by_calls, "calls"),)
        ]
        checks += [
            Check(f"{what}: the call length at which it binds", first_bound(each, "length"), True)
            for what, each in (
                (f"{calls:,} calls, one by one", by_length),
                (f"{calls:,} calls, pools of {POOL}", pooled_length),
            )
        ]
        checks.append(
            Check(
                "pools, batches in the slow tier, ten minutes: it binds",
                first_bound(slow_calls, "calls"),
                True,
            )
        )
        checks.append(
            Check(
                f"one by one, batches in the slow tier, {calls:,} calls of ten minutes: it binds",
                "yes" if single_slow.binds else "no",
                True,
            )
        )
    columns = ("rooms", "calls", "length", "starts/s", "requests/s", "of the default tier")
    waits = Table((*columns, "429s", "wait, p50 / p95 / p99 in s", "binds"), [*map(row, outcomes)])
    return Figures(checks, [purposes([pooled, single, slow]), waits])


def fleet_page(page: str, found: Figures) -> str:
    """Give the page on fleets with these figures."""
    rows = [(each.asked, each.measured) for each in found.checks]
    table = Table(
        ("simulated, calls of ten minutes where nothing else is said", ""), rows
    ).markdown()
    return put(page, f"{table}\n{found.tables[0].markdown()}", command("fleet_simulation"))


async def prove() -> Figures:
    """Simulate ten thousand calls; a loop of its own has the virtual time, in a thread of its own."""
    found = await asyncio.to_thread(figures)
    PAGE.write_text(fleet_page(PAGE.read_text("utf-8"), found), "utf-8")
    return found
