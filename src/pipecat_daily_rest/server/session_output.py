# SPDX-License-Identifier: BSD-2-Clause
"""What bots print: each line becomes a log record that carries the session's id and room."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO

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
        # A bot's own log handler may write to stdout: its records are logged already.
        if lines is None or hasattr(text, "record"):
            return self._stream.write(text)
        lines.take(self._name, text)
        return len(text)

    def writelines(self, texts: list[str]) -> None:
        for text in texts:
            self.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class SessionOutput:
    """Takes the place of ``sys.stdout`` while a server runs bots as tasks."""

    def __init__(self) -> None:
        """Initialize; nothing is replaced yet."""
        self._before: TextIO | None = None
        self._ours: _Stream | None = None
        self._all: _Lines | None = None

    def install(self, *, everything: bool = False) -> None:
        """Take its place; ``everything`` that is printed is the session's then, in any thread."""
        if self._before is None:
            self._before = sys.stdout
            self._all = _Lines() if everything else None
            self._ours = _Stream("stdout", sys.stdout, self._all)
            sys.stdout = self._ours

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
        if self._before is not None and sys.stdout is self._ours:
            sys.stdout = self._before
        self._before = None
