# SPDX-License-Identifier: BSD-2-Clause
"""Which launcher a server uses."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.server import bots as bot_sources
from pipecat_daily_rest.server.bots import BotSource
from pipecat_daily_rest.server.launcher import Launcher
from pipecat_daily_rest.server.process_launcher import ProcessLauncher
from pipecat_daily_rest.server.task_launcher import TaskLauncher

_METHODS = ("open", "start", "stop", "ended", "drain")


def launcher_of(
    launcher: "str | Launcher", bot: BotSource | Mapping[str, BotSource]
) -> tuple[Launcher, dict[str, str]]:
    """Give the launcher, and every bot by its name as a string.

    Raises:
        DailyConfigError: There is no such launcher, or another process cannot import a bot.
    """
    sources = bot_sources.sources(bot)
    if launcher == "task":
        # Its bots need not be importable, as a function in a test is not.
        return TaskLauncher(sources), {name: str(bot) for name, bot in sources.items()}
    references = {name: bot_sources.reference(bot) for name, bot in sources.items()}
    if launcher == "process":
        return ProcessLauncher(), references
    if launcher == "ray":
        return ray_launcher(), references
    chosen: Launcher = _imported(launcher)() if isinstance(launcher, str) else launcher
    if not hasattr(chosen, "capacity") or not all(
        callable(getattr(chosen, method, None)) for method in _METHODS
    ):
        msg = f"launcher: {type(chosen).__name__} has not all of capacity, {', '.join(_METHODS)}."
        raise DailyConfigError(msg)
    return chosen, references


def ray_launcher(**options: Any) -> Launcher:
    """Give a launcher for the machines of a Ray cluster; ``options`` are those of `RayLauncher`.

    Raises:
        DailyConfigError: Ray is not installed.
    """
    try:
        from pipecat_daily_rest.server.ray_launcher import RayLauncher
    except ImportError as exc:
        msg = "launcher 'ray' needs Ray: pip install 'pipecat-daily-rest[ray]'."
        raise DailyConfigError(msg) from exc
    return RayLauncher(**options)


def _imported(name: str) -> Callable[[], Any]:
    module, colon, kind = name.partition(":")
    msg = f"launcher must be 'process', 'task', 'ray' or 'module:Class', not {name!r}."
    if not colon:
        raise DailyConfigError(msg)
    try:
        found = getattr(importlib.import_module(module), kind)
    except (ImportError, AttributeError, ValueError) as exc:
        msg = f"launcher {name!r} cannot be imported: {type(exc).__name__}: {exc}."
        raise DailyConfigError(msg) from exc
    if not callable(found):
        raise DailyConfigError(msg)
    made: Callable[[], Any] = found
    return made
