# SPDX-License-Identifier: BSD-2-Clause
"""The log handler of the commands, beside the program's own handlers."""

import sys
from typing import Any, cast

from loguru import _defaults, logger

LOG_LEVELS = ("TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL")
_DEFAULT = 0  # the id of the handler that loguru begins with


def to_stderr(level: str) -> None:
    """Log to stderr in the place of loguru's own default handler, and touch no other handler.

    The new handler has the id of the default one, so that a bot's `logger.remove(0)` finds it.
    A program that has removed the default handler gets none.
    """
    core = cast(Any, logger)._core
    # Without a default handler the program's first handler has that id.
    if not _defaults.LOGURU_AUTOINIT or _DEFAULT not in core.handlers:
        return
    logger.remove(_DEFAULT)
    # A traceback that shows values would show tokens too.
    added = logger.add(sys.stderr, level=level, diagnose=False)
    with core.lock:
        handlers = core.handlers.copy()
        handlers[_DEFAULT] = handlers.pop(added)
        core.handlers = handlers
