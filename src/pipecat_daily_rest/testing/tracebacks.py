# SPDX-License-Identifier: BSD-2-Clause
"""The traceback of a failed test without the frames of this package: it ends in the test, or the bot."""

import contextlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import TracebackType

from pipecat_daily_rest.errors import DailyError

_HERE = Path(__file__).parent
_OURS = str(_HERE.parent)
# What the package raises with a sentence; anything else that it raises is a fault of its own,
# unless it is raised where the exceptions of a bot are raised again.
_SENTENCES = (AssertionError, DailyError, RuntimeError, TimeoutError)
_AGAIN = (str(_HERE / "room_fixture.py"), str(_HERE / "daily_thread.py"))


def shorten(error: BaseException) -> None:
    """Take the package's frames out of the tracebacks of an exception and of those before it."""
    seen: set[int] = set()
    before: BaseException | None = error
    while before is not None and id(before) not in seen:
        seen.add(id(before))
        _shorten(before)
        before = before.__cause__ or (None if before.__suppress_context__ else before.__context__)


def _shorten(error: BaseException) -> None:
    entries = list(_entries(error.__traceback__))
    if not entries:
        return
    last = entries[-1]
    if _is_of(last, _OURS) and not (_is_sentence(error) or _is_of(last, *_AGAIN)):
        return
    inside = [_is_of(entry, _OURS) for entry in entries]
    if not any(inside):
        return
    between = [_is_of(entry, *_between()) for entry in entries]
    for at in range(1, len(entries)):
        inside[at] |= between[at] and inside[at - 1]
    for at in reversed(range(len(entries) - 1)):
        inside[at] |= between[at] and inside[at + 1]
    kept: TracebackType | None = None
    for entry, left_out in reversed(list(zip(entries, inside, strict=True))):
        if not left_out:
            entry.tb_next, kept = kept, entry
    error.__traceback__ = kept


@cache
def _between() -> tuple[str, ...]:
    """Give the files and folders by which the package calls itself."""
    import asyncio
    import concurrent.futures

    folders = (asyncio.__path__[0], concurrent.futures.__path__[0])
    return (contextlib.__file__, *folders)


def _is_sentence(error: BaseException) -> bool:
    if isinstance(error, _SENTENCES):
        return True
    from pipecat_daily_rest.local import JoinRefused

    return isinstance(error, JoinRefused)


def _is_of(entry: TracebackType, *places: str) -> bool:
    return entry.tb_frame.f_code.co_filename.startswith(places)


def _entries(entry: TracebackType | None) -> Iterator[TracebackType]:
    while entry is not None:
        yield entry
        entry = entry.tb_next
