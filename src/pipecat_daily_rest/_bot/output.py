# SPDX-License-Identifier: BSD-2-Clause
"""What a command prints, also where nobody can read it. Imports nothing slow."""

import os
import sys
from contextlib import suppress
from typing import NoReturn, TextIO


def open_streams() -> None:
    """Open what was closed before Python began (`>&-`): it is None then, and nothing can print."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, os.O_RDWR)  # the lowest that is free: the closed one's
            os.set_inheritable(number, True)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))


def say(*words: str, file: TextIO | None = None) -> None:
    """Print a line at once, to stdout when ``file`` is None; the terminal may be closed by now."""
    stream = file or sys.stdout
    try:
        print(*words, file=stream, flush=True)
    except (OSError, ValueError):
        _let_go(stream)


def let_go() -> None:
    """Before the exit, let go of streams that nobody reads: what others printed stays in them."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            _let_go(stream)


def _let_go(stream: TextIO) -> None:
    """What is left in the buffer would fail once more at the interpreter's exit, with a code of 120."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def leave(code: int) -> NoReturn:
    """End the process now, with everything that was printed."""
    try:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
    finally:
        os._exit(code)
