# SPDX-License-Identifier: BSD-2-Clause
"""How much is measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """One of the sizes; the counts are repetitions unless they say otherwise.

    Parameters:
        processes: Fresh processes for each contender.
        warm: Sessions on a warm connection for each contender.
        bursts: Numbers of starts at once.
        shutdowns: Numbers of rooms at a shutdown.
        sustained: Seconds of sustained load.
        at_once: Sessions at a time in it.
        cpu: Sessions in each process that measures CPU.
        together: Sessions at a time in half of these processes.
        imports: Processes for each import.
        live: Numbers of rooms that are alive.
        servers: Fresh servers for each contender.
        starts: Sessions, one at a time, on servers that are warm.
        crowds: Times that `together` sessions start at once on these.
        fresh: Whether processes are fresh, and not forks.
    """

    processes: int
    warm: int
    bursts: tuple[int, ...]
    shutdowns: tuple[int, ...]
    sustained: float
    at_once: int
    cpu: int
    together: int
    imports: int
    live: tuple[int, ...]
    servers: int
    starts: int
    crowds: int
    fresh: bool = True


SIZES = {
    "smoke": Size(1, 2, (2,), (3,), 0.3, 2, 2, 2, 1, (3, 10), 1, 1, 1, fresh=False),
    "quick": Size(
        *(5, 40, (40, 200, 1000), (200, 1000), 35, 60, 400, 20, 11, (10, 100, 1000, 10_000)),
        *(3, 20, 3),
    ),
    "full": Size(
        *(25, 200, (40, 200, 1000), (200, 1000), 120, 60, 400, 20, 31, (10, 100, 1000, 10_000)),
        *(10, 100, 10),
    ),
}
