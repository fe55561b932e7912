# SPDX-License-Identifier: BSD-2-Clause
"""What bots print: each line becomes a log record that carries the session's id and room."""

import sys
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
        while len(rest) > _LONGEST:
            whole.append(rest[:_LONGEST])
            rest = rest[_LONGEST:]
        for line in whole:
            if line.strip():
                logger.opt(depth=2).log("INFO", "{}", line)
        if rest:
            self.parts[stream] = rest


_lines: ContextVar[_Lines | None] = ContextVar("lines of a session", default=None)


class _Stream:
    """A text stream that logs what is written within a session and passes on the rest."""

    def __init__(self, name: str, stream: TextIO) -> None:
        self._name = name
        self._stream = stream

    def write(self, text: str) -> int:
        lines = _lines.get()
        if lines is None:
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

    def install(self) -> None:
        """Take its place."""
        if self._before is None:
            self._before = sys.stdout
            self._ours = _Stream("stdout", sys.stdout)
            sys.stdout = self._ours

    def enter(self) -> None:
        """Log what the current task, and what it starts, prints from now on."""
        _lines.set(_Lines())

    def remove(self) -> None:
        """Put back what was there, unless somebody else has taken the place since."""
        if self._before is not None and sys.stdout is self._ours:
            sys.stdout = self._before
        self._before = None
