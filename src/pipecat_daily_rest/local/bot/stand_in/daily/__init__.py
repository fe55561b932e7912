# SPDX-License-Identifier: BSD-2-Clause
"""A stand-in for daily-python that joins local rooms: Pipecat's DailyTransport runs unchanged.

Only processes that a local run starts have it on their path. It needs what Pipecat brings:
aiohttp, numpy and loguru. Not made or endorsed by Daily. Only this module has
``daily.__stand_in__``.
"""

from daily import _block_daily, daily
from daily.daily import *  # noqa: F403

__all__ = daily.__all__
__version__ = "0.36.0"  # the version of daily-python that it stands in for
__stand_in__ = True

_block_daily.block()
