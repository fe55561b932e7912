# SPDX-License-Identifier: BSD-2-Clause
"""Finds keys and tokens in everything that is printed, logged, warned or raised."""

import asyncio
import io
import json
import logging
import re
import traceback
import warnings
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from loguru import logger

import pipecat_daily_rest

PACKAGE = str(Path(pipecat_daily_rest.__file__).parent)
_PIECE = 12  # characters of a secret that tell too much
_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{10,}")


def leaks(text: str, *secrets: str) -> list[str]:
    """Give the lines with a secret, with a piece of one, or with anything that looks like a token.

    Args:
        text: What was printed.
        *secrets: The keys and tokens; of a token its signature is looked for in pieces.

    Returns:
        The lines.
    """
    pieces = {
        unique[start : start + _PIECE]
        for unique in (str(secret).rpartition(".")[2] for secret in secrets)
        for start in range(len(unique) - _PIECE + 1)
    }
    pieces = {piece for piece in pieces if piece in text}
    return [
        line
        for line in text.splitlines()
        if _TOKEN.search(line) or any(piece in line for piece in pieces)
    ]


class _Relay(logging.Handler):
    """What many Pipecat programs do: everything goes to loguru, with the frames' values."""

    def emit(self, record: logging.LogRecord) -> None:
        logger.opt(exception=record.exc_info).log(record.levelno, record.getMessage())


class Net:
    """Catches everything that this process says while the block runs.

    loguru at TRACE with ``diagnose``, ``backtrace`` and ``serialize``, the standard library's
    logging as text and passed on to loguru, warnings, and asyncio's debug mode with every callback
    counted as slow, so that it shows each task and handle.
    """

    def __init__(self) -> None:
        self._said: list[str] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        sink = logger.add(self._hear, level=0, diagnose=True, backtrace=True, serialize=True)
        self._stack.callback(logger.remove, sink)
        root, stream = logging.getLogger(), io.StringIO()
        self._stack.callback(root.setLevel, root.level)
        root.setLevel(logging.NOTSET)
        for handler in (logging.StreamHandler(stream), _Relay()):
            root.addHandler(handler)
            self._stack.callback(root.removeHandler, handler)
        self._stack.callback(lambda: self._said.append(stream.getvalue()))
        warned = self._stack.enter_context(warnings.catch_warnings(record=True))
        warnings.simplefilter("always")
        self._stack.callback(lambda: self._said.extend(f"{w} {w.source!r}" for w in warned))
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return self
        self._stack.callback(loop.set_debug, loop.get_debug())
        self._stack.callback(setattr, loop, "slow_callback_duration", loop.slow_callback_duration)
        loop.set_debug(True)
        loop.slow_callback_duration = 0
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _hear(self, serialized: str) -> None:
        """Note a record as JSON, and the text that is in it: to make either takes loguru long."""
        self._said += [serialized, json.loads(serialized)["text"]]

    @property
    def said(self) -> str:
        """All of it; complete once the block has ended."""
        return "\n".join(self._said)

    def show(self, *values: Any) -> None:
        """Print values as a debugger, a log line or a test report would."""
        for value in values:
            self._said += [repr(value), f"{vars(value)!r}" if hasattr(value, "__dict__") else ""]
            if not isinstance(value, str):
                self._said.append(str(value))

    def tell(self, error: BaseException) -> None:
        """Log an error in every way, and print what it and its whole chain hold."""
        for each in _chain(error):
            self._said += [str(each), repr(each), repr(each.args), repr(vars(each))]
            self._said += map(str, vars(each).values())  # what a program would print of it
            self._said += getattr(each, "__notes__", [])
            self._said += [
                f"{name} = {value}"
                for frame in traceback.TracebackException.from_exception(
                    each, capture_locals=True, compact=True
                ).stack
                if frame.filename.startswith(PACKAGE)
                for name, value in (frame.locals or {}).items()
            ]
        logger.opt(exception=error).error("It failed")
        try:
            raise error
        except BaseException:
            logger.exception("It failed")


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        each = todo.pop()
        if each is not None and each not in found:
            found.append(each)
            todo += [each.__cause__, each.__context__]
            todo += getattr(each, "exceptions", [])
    return found
