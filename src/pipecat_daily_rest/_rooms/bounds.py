# SPDX-License-Identifier: BSD-2-Clause
"""How long the end of a room may take."""

from pipecat_daily_rest._core.timings import Timings


class Bounds:
    """How long the end of a room may take. The runner's shrink with its own deadline."""

    def __init__(self, timings: Timings | None = None) -> None:
        """Initialize; the process's timings when None."""
        self.timings = timings or Timings.current()

    def create(self) -> float:
        """Seconds to wait for a create in flight when its caller is cancelled."""
        return self.timings.delete

    def delete(self) -> float:
        """Seconds to wait for a deletion."""
        return self.timings.delete
