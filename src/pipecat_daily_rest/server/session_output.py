# SPDX-License-Identifier: BSD-2-Clause
"""What bots print: each line becomes a log record that carries the session's id and room."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO, cast

from loguru import logger

_LONGEST = 8192  # characters of a line; what is longer becomes several


class _Lines:
    """The unfinished lines of one session, by stream."""

    def __init__(self) -> None:
        self.parts: dict[str, str] = {}

    def take(self, stream: str, text: str) -> None:
        *whole, rest = (self.parts.pop(stream, "") + text).split("\n")
        cut = len(rest) - len(rest) % _LONGEST
        for line in (*whole, rest[:cut]):
            for begin in range(0, len(line), _LONGEST):
                if (part := line[begin : begin + _LONGEST]).strip():
                    logger.opt(depth=2).log("INFO", "{}", part)
        if rest := rest[cut:]:
            self.parts[stream] = rest

    def end(self) -> None:
        for stream in list(self.parts):
            self.take(stream, "\n")


_lines: ContextVar[_Lines | None] = ContextVar("lines of a session", default=None)


class _Stream:
    """A text stream that logs what is written within a session and passes on the rest."""

    def __init__(self, name: str, stream: TextIO, lines: _Lines | None) -> None:
        self._name = name
        self._stream = stream
        self._all = lines  # of this process's only session

    def write(self, text: str) -> int:
        lines = _lines.get() or self._all
        if lines is None or hasattr(text, "record") or _is_logging():
            return self._stream.write(text)
        lines.take(self._name, text)
        return len(text)

    def writelines(self, texts: list[str]) -> None:
        for text in texts:
            self.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _is_logging() -> bool:
    """Whether a log handler prints, as a bot's own may: its records are logged already.

    Logging them would have no end; loguru refuses to log within a handler.
    """
    if threading.current_thread().name.startswith("loguru-writer"):  # of `enqueue=True`
        return True
    handlers = cast(Any, logger)._core.handlers.values()
    return any(getattr(each._lock_acquired, "acquired", False) for each in handlers)


class SessionOutput:
    """Takes the place of ``sys.stdout`` and ``sys.stderr`` while a server runs bots."""

    def __init__(self) -> None:
        """Initialize; nothing is replaced yet."""
        self._replaced: dict[str, tuple[TextIO, _Stream]] = {}
        self._all: _Lines | None = None

    def install(self, *, everything: bool = False) -> None:
        """Take their place; ``everything`` that is printed is the session's then, in any thread."""
        if self._replaced:
            return
        self._all = _Lines() if everything else None
        for name in ("stdout", "stderr"):
            before = getattr(sys, name)
            ours = _Stream(name, before, self._all)
            self._replaced[name] = before, ours
            setattr(sys, name, ours)

    @contextmanager
    def session(self) -> Iterator[None]:
        """Log what the current task, and what it starts, prints from now on."""
        lines = _Lines()
        _lines.set(lines)
        try:
            yield
        finally:
            lines.end()

    def remove(self) -> None:
        """Put back what was there, unless somebody else has taken the place since."""
        if self._all is not None:
            self._all.end()
        for name, (before, ours) in self._replaced.items():
            if getattr(sys, name) is ours:
                setattr(sys, name, before)
        self._replaced.clear()
