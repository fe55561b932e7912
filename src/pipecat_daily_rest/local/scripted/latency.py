# SPDX-License-Identifier: BSD-2-Clause
"""The latencies of the turns in a room."""

import numpy as np

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.arguments import must_be


class Latency:
    """The latencies of the turns in a room, in seconds.

    Parameters:
        all: Each of them, in order.
    """

    def __init__(self, all: list[float]) -> None:
        """Initialize; use `RoomHandle.latency`."""
        self.all = list(all)

    def percentile(self, percent: float) -> float:
        """Give the latency that so many percent of the turns do not exceed.

        Args:
            percent: From 0 to 100.

        Returns:
            Seconds, interpolated linearly between two turns.

        Raises:
            DailyConfigError: Nobody has asked anything yet, or there is no such percentile.
        """
        must_be(float, percent=percent)
        if not 0 <= percent <= 100:
            msg = f"A percentile is from 0 to 100, not {percent}."
            raise DailyConfigError(msg)
        if not self.all:
            msg = "There was no turn yet, so there is no latency: ask something with asks()."
            raise DailyConfigError(msg)
        return float(np.percentile(self.all, percent))

    @property
    def p50(self) -> float:
        """The median, in seconds."""
        return self.percentile(50)

    @property
    def p95(self) -> float:
        """What 95 % of the turns do not exceed."""
        return self.percentile(95)

    @property
    def p99(self) -> float:
        """What 99 % of the turns do not exceed."""
        return self.percentile(99)

    @property
    def max(self) -> float:
        """The longest, in seconds."""
        return self.percentile(100)

    def __len__(self) -> int:
        return len(self.all)

    def __repr__(self) -> str:
        if not self.all:
            return "<no turn>"
        turns = f"{len(self)} turn{'s' * (len(self) > 1)}"
        figures = f"p50 {self.p50:.3f}, p95 {self.p95:.3f}, max {self.max:.3f} s"
        return f"<{turns}: {figures}>"
