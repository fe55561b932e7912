# SPDX-License-Identifier: BSD-2-Clause
"""The log handler of the commands, beside the program's own handlers.

`--help` needs the names of the levels and no handler, so loguru is imported with the handler.
"""

import json
import sys
import traceback
from typing import Any, cast

LOG_LEVELS = ("TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL")
_DEFAULT = 0  # the id of the handler that loguru begins with


FORMATS = ("text", "json")
_TEXT = (
    "<green>{time:YYYY-MM-DD HH:mm:ss.SSS}</green> | <level>{level: <8}</level> | "
    "<cyan>{extra[session_id]}</cyan> {extra[room]} | {name}:{function}:{line} - "
    "<level>{message}</level>\n{exception}"
)


def _text(record: Any) -> str:
    """Format a record of a server: with the session's id and room, where it has them."""
    if "session_id" not in record["extra"]:
        return _TEXT.replace("<cyan>{extra[session_id]}</cyan> {extra[room]} | ", "")
    if record["extra"].get("room") is None:
        return _TEXT.replace("{extra[room]} | ", "| ")
    return _TEXT


def _json(record: Any) -> str:
    """Format a record as one line of JSON."""
    line = {
        "time": record["time"].isoformat(),
        "level": record["level"].name,
        "logger": record["name"],
        "message": record["message"],
        **{name: value for name, value in record["extra"].items() if name != "_line"},
    }
    if (raised := record["exception"]) is not None:
        line["exception"] = "".join(traceback.format_exception(raised.value))
    record["extra"]["_line"] = json.dumps(line, default=str)
    return "{extra[_line]}\n"


def to_stderr(level: str, log_format: str | None = None) -> None:
    """Log to stderr in the place of loguru's own default handler, and touch no other handler.

    The new handler has the id of the default one, so that a bot's `logger.remove(0)` finds it.
    A program that has removed the default handler gets none. ``log_format`` is "text" or "json",
    both with the session of a server, or None for loguru's own.
    """
    from loguru import _defaults, logger

    core = cast(Any, logger)._core
    # Without a default handler the program's first handler has that id.
    if not _defaults.LOGURU_AUTOINIT or _DEFAULT not in core.handlers:
        return
    logger.remove(_DEFAULT)
    # A traceback that shows values would show tokens too.
    formats: dict[str | None, Any] = {"text": {"format": _text}, "json": {"format": _json}}
    added = logger.add(sys.stderr, level=level, diagnose=False, **formats.get(log_format, {}))
    with core.lock:
        handlers = core.handlers.copy()
        handlers[_DEFAULT] = handlers.pop(added)
        core.handlers = handlers
