# SPDX-License-Identifier: BSD-2-Clause
"""The traceback of a bot's error: it begins at the bot's own first line and shows no secret."""

import asyncio
import importlib
import os
import threading
import traceback
from types import TracebackType

from loguru import logger

from pipecat_daily_rest._core import settings
from pipecat_daily_rest._core.secret import masked
from pipecat_daily_rest.errors import DailyConfigError

_NOT_THE_BOTS = (
    os.path.dirname(os.path.dirname(__file__)) + os.sep,  # this package
    os.path.dirname(asyncio.__file__) + os.sep,
    os.path.dirname(importlib.__file__) + os.sep,
    "<frozen importlib",
)


def shown(error: BaseException) -> str:
    """Give the traceback as text, with ``***`` for the environment's keys and for tokens."""
    ahead: list[BaseException | None] = [error]
    seen: set[int] = set()
    while ahead:
        each = ahead.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            each.__traceback__ = _from_the_bot(each)
            ahead += [each.__cause__, each.__context__]
    text = "".join(traceback.format_exception(error))
    return masked(text, *settings.environment_secrets())


def log_failed_thread(failed: threading.ExceptHookArgs) -> None:
    """Log what a thread of a bot has raised; for ``threading.excepthook``."""
    if failed.exc_value is not None:
        logger.error("A thread of the bot raised.\n{}", shown(failed.exc_value))


def why_not_loaded(name: str, error: BaseException) -> str:
    """Say why a bot or a module was not loaded: a sentence of ours, or what its own code raised."""
    nobodys = all(
        frame.f_code.co_filename.startswith(_NOT_THE_BOTS)
        for frame, _ in traceback.walk_tb(error.__traceback__)
    )
    if nobodys and error.__cause__ is None and not isinstance(error, SyntaxError):
        if isinstance(error, DailyConfigError):
            return str(error)
        # No line of the bot's ran, as of a module that is not there.
        words = masked(f"{type(error).__name__}: {error}", *settings.environment_secrets())
        return f"{name} cannot be loaded: {words}"
    return f"{name} cannot be loaded.\n{shown(error)}"


def _from_the_bot(error: BaseException) -> TracebackType | None:
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(_NOT_THE_BOTS):
        frames = frames.tb_next
    if frames is None and not isinstance(error, SyntaxError):  # which names its own line
        return error.__traceback__
    return frames
