# SPDX-License-Identifier: BSD-2-Clause
"""What a server of bots goes through in production, on a local Daily in this process.

Imports `local` and what that imports. The commands import it when a drill begins.
"""

from pipecat_daily_rest.drill.outcome import Outcome
from pipecat_daily_rest.drill.plan import DRILLS, Plan
from pipecat_daily_rest.drill.running import run

__all__ = ["DRILLS", "Outcome", "Plan", "run"]
