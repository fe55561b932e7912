# SPDX-License-Identifier: BSD-2-Clause
"""The oldest Pipecat that this package works with, and the error for an older one."""

from importlib import metadata
from typing import Any

from pipecat_daily_rest.errors import DailyConfigError

LOWEST = "1.2.0"


def runner_arguments() -> Any:
    """Give Pipecat's ``DailyRunnerArguments``."""
    try:
        from pipecat.runner.types import DailyRunnerArguments
    except ImportError:
        found = None
    else:
        found = DailyRunnerArguments
    if "session_id" not in getattr(found, "__dataclass_fields__", {}):
        msg = (
            f"pipecat-ai {metadata.version('pipecat-ai')} is too old for pipecat-daily-rest: "
            f"pip install 'pipecat-ai>={LOWEST}'."
        )
        raise DailyConfigError(msg)
    return found
