# SPDX-License-Identifier: BSD-2-Clause
"""A file of `PIPECAT_SETUP_FILES`: in each bot's process it measures how late the event loop is."""

import asyncio
from typing import Any

from pipecat_daily_rest.load.lag import watch
from pipecat_daily_rest.server.bot_measures import told_to

_TOGETHER = 20  # samples that are told at once

_watching: list[asyncio.Task[None]] = []


async def setup_worker_runner(runner: Any) -> None:
    """Do nothing: Pipecat warns where a setup file has not both functions."""


async def setup_pipeline_worker(worker: Any) -> None:
    """Begin with a bot's first pipeline."""
    if _watching or (tell := told_to()) is None:
        return
    samples: list[float] = []

    def heard(seconds: float) -> None:
        samples.append(round(seconds, 4))
        if len(samples) >= _TOGETHER:
            tell({"lag": samples.copy()})
            samples.clear()

    _watching.append(asyncio.create_task(watch(heard), name="lag of the event loop"))


setup_pipeline_task = setup_pipeline_worker  # its name before Pipecat 1.3
