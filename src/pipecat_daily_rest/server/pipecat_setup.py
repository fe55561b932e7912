# SPDX-License-Identifier: BSD-2-Clause
"""A file of `PIPECAT_SETUP_FILES`: Pipecat imports it in each bot's process and calls it."""

from typing import Any

from pipecat_daily_rest.server.bot_measures import watch


async def setup_worker_runner(runner: Any) -> None:
    """Do nothing: Pipecat warns where a setup file has not both functions."""


async def setup_pipeline_worker(worker: Any) -> None:
    """Measure a pipeline."""
    watch(worker)


setup_pipeline_task = setup_pipeline_worker  # its name before Pipecat 1.3
