# SPDX-License-Identifier: BSD-2-Clause
"""A stand-in for daily-python that joins local rooms: Pipecat's DailyTransport runs unchanged.

It is on the path only of processes that a local run starts, and needs what Pipecat brings:
aiohttp, numpy and loguru. Not made or endorsed by Daily. ``daily.__stand_in__`` tells it from the
real module.
"""

from daily import _away, daily
from daily.daily import *  # noqa: F403

__all__ = daily.__all__
__version__ = "0.36.0"  # of the daily-python whose surface this has
__stand_in__ = True

_away.keep_here()
