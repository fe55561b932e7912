# SPDX-License-Identifier: BSD-2-Clause
"""What a server counts, as plain numbers: `metrics` shows them to Prometheus."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

from pipecat_daily_rest.server.session import EndReason

START = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
DURATION = (10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0)
LATENCY = (0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0)
REFUSED = ("full", "draining", "no_room")


class Histogram:
    """How many seconds things took, by buckets."""

    def __init__(self, bounds: Sequence[float]) -> None:
        """Initialize; ``bounds`` are the buckets' upper ends in seconds."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        """Count something that took so many seconds."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.sum += seconds


class Numbers:
    """The numbers of one `Sessions`, since it was made."""

    def __init__(self) -> None:
        """Initialize; every reason is there from the beginning, at 0."""
        self.started = 0
        self.refused = Counter(dict.fromkeys(REFUSED, 0))
        self.ended = Counter({reason.value: 0 for reason in EndReason})
        self.start = Histogram(START)
        self.duration = Histogram(DURATION)
        self.latency = Histogram(LATENCY)
