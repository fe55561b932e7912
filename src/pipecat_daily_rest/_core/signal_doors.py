# SPDX-License-Identifier: BSD-2-Clause
"""Listens to signals beside whoever handles them, however a handler comes in: both are called.

A server installs its handlers before or after us, by ``signal.signal`` or through the event loop;
uvloop does not use ``signal.signal``. The order is always the same: who listens here, the handler
that was there before, the one that was installed since.
"""

import asyncio
import inspect
import os
import signal
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

_LOOK = 0.5  # seconds between two looks whether a handler came in by none of these doors

_Loop = asyncio.AbstractEventLoop


@dataclass(eq=False)
class _Taken:
    """One signal: who handles it beside those who listen."""

    before: Any
    later: Any = None
    in_loops: dict[_Loop, tuple[Callable[..., Any], tuple[Any, ...]]] = field(default_factory=dict)
    standing: Any = None  # what Python calls; another one's door may stand in front of ours


class Listener:
    """Listens to signals until it is closed.

    Parameters:
        numbers: The signals that it hears: not those that are ignored, none outside the main thread.
    """

    def __init__(self, numbers: Iterable[int], on_signal: Callable[[int], None]) -> None:
        """Begin to listen, in the running event loop."""
        self.on_signal = on_signal
        self.numbers: frozenset[int] = frozenset()
        if not _in_main_thread():
            return
        self.numbers = frozenset(filter(_take, numbers))
        self._loop = asyncio.get_running_loop()
        _listeners.append(self)
        _stand_before(self._loop)
        self._look()

    def close(self) -> None:
        """Listen no longer. The last one leaves everything as it would be without."""
        if self not in _listeners:
            return
        _listeners.remove(self)
        self._timer.cancel()
        if all(each._loop is not self._loop for each in _listeners):
            for door in _DOORS:
                vars(self._loop).pop(door, None)
        for number in self.numbers:
            if not any(number in each.numbers for each in _listeners):
                _give_back(number)
        if not _listeners:
            _let_signal_go()

    def _look(self) -> None:
        for number in self.numbers:
            taken, stands = _taken[number], signal.getsignal(number)
            if stands not in (taken.standing, None):
                taken.later = stands
                _stand(number)
        self._timer = self._loop.call_later(_LOOK, self._look)


_install = signal.signal
_in_place = False
_listeners: list[Listener] = []
_taken: dict[int, _Taken] = {}
_DOORS = ("add_signal_handler", "remove_signal_handler")


def is_default(number: int) -> bool:
    """Tell whether nobody else handles a signal, so that it ends the process."""
    taken = _taken[number]
    handler = taken.before if taken.later is None else taken.later
    return bool(handler == signal.SIG_DFL) and not taken.in_loops


def act_by_default(number: int) -> None:
    """Let a signal do what it does when nobody handles it. In the main thread."""
    _install(number, signal.SIG_DFL)
    stands = signal.getsignal(number)
    signal.raise_signal(number)
    if stands == signal.SIG_DFL:  # a container's first process is spared
        os._exit(128 + number)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _take(number: int) -> bool:
    """Take a signal, unless it is ignored or handled outside Python."""
    global _install, _in_place
    if number in _taken:
        return True
    if signal.getsignal(number) in (signal.SIG_IGN, None):
        return False
    if not _in_place:
        _install, signal.signal, _in_place = signal.signal, _signal, True
    # Asked by installing: another one's door may stand in front of what was there.
    _taken[number] = _Taken(_install(number, _handle), standing=_handle)
    _taken[number].standing = signal.getsignal(number)
    return True


def _stand(number: int) -> None:
    _install(number, _handle)
    _taken[number].standing = signal.getsignal(number)


def _give_back(number: int, *, with_loops: bool = True) -> None:
    taken = _taken.pop(number)
    if signal.getsignal(number) == taken.standing:
        with suppress(ValueError):  # thrown away in another thread
            _install(number, taken.before if taken.later is None else taken.later)
            for loop, (callback, args) in taken.in_loops.items():
                if with_loops and not loop.is_closed():
                    loop.add_signal_handler(number, callback, *args)


def _let_signal_go() -> None:
    global _in_place
    if signal.signal is _signal:
        signal.signal, _in_place = _install, False


def _handle(number: int, frame: FrameType | None) -> None:
    for listener in _listeners[::-1]:
        if number in listener.numbers:
            listener.on_signal(number)
    taken = _taken.get(number)
    if taken is None:
        return
    for loop, (callback, args) in taken.in_loops.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(callback, *args)
    try:
        if callable(taken.before):
            taken.before(number, frame)
    finally:
        if callable(taken.later):
            taken.later(number, frame)


def _signal(signalnum: int, handler: Any) -> Any:
    """What ``signal.signal`` is meanwhile."""
    taken = _taken.get(signalnum)
    known = callable(handler) or handler in (signal.SIG_DFL, signal.SIG_IGN)
    if taken is None or not known or not _in_main_thread():
        return _install(signalnum, handler)  # which says what is wrong
    stood = taken.before if taken.later is None else taken.later
    taken.later = None if handler in (taken.before, _handle) else handler
    return stood


def _stand_before(loop: _Loop) -> None:
    """Stand before an event loop's own doors: the last handler would push out a server's."""
    add, remove = loop.add_signal_handler, loop.remove_signal_handler

    def add_signal_handler(sig: int, callback: Callable[..., Any], *args: Any) -> None:
        taken = _taken.get(sig)
        wrong = inspect.iscoroutinefunction(callback) or not callable(callback)
        if taken is None or wrong or loop.is_closed() or not _in_main_thread():
            add(sig, callback, *args)  # which says what is wrong
        else:
            taken.in_loops[loop] = callback, args

    def remove_signal_handler(sig: int) -> bool:
        taken = _taken.get(sig)
        if taken is not None and taken.in_loops.pop(loop, None) is not None:
            return True
        removed = remove(sig)
        if removed and taken is not None:
            default: Any = signal.SIG_DFL
            taken.later = signal.default_int_handler if sig == signal.SIGINT else default
            _stand(sig)
        return removed

    if _DOORS[0] not in getattr(loop, "__dict__", {_DOORS[0]: None}):
        vars(loop).update(zip(_DOORS, (add_signal_handler, remove_signal_handler), strict=True))


def _in_child() -> None:
    """After a fork: a child that is told to stop stops."""
    _listeners.clear()
    for number in list(_taken):
        _give_back(number, with_loops=False)
    _let_signal_go()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
