# SPDX-License-Identifier: BSD-2-Clause
"""Listeners to signals. The handlers of servers and bots are called as well.

Servers and bots install handlers before or after a listener, by ``signal.signal`` or by methods of
the event loop; uvloop's do not use ``signal.signal``. The order of the calls is always the same:
the listeners, the handlers that were there before, the handler that was installed since.

A command listens before it imports anything else, so this module imports nothing slow.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from types import FrameType
from typing import Any

_LOOK = 0.1  # seconds between two looks for a handler that was installed past our wrappers
_LOOP_METHODS = ("add_signal_handler", "remove_signal_handler")


def numbers_of(*names: str) -> tuple[signal.Signals, ...]:
    """The signals of these names that this platform has."""
    return tuple(getattr(signal, name) for name in names if hasattr(signal, name))


def server_stops() -> list[int]:
    """The signals that stop a server: SIGQUIT does where it has a handler, else it dumps core."""
    quits = getattr(signal, "SIGQUIT", None)
    return [
        number
        for number in numbers_of("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK")
        if not is_ignored(number)
        and (number != quits or signal.getsignal(number) != signal.SIG_DFL)
    ]


class Listener:
    """Listens to signals until it is closed. Many may listen at once.

    Parameters:
        numbers: The signals that it hears; empty outside the main thread, where Python allows no
            handlers.
        on_signal: Called in the main thread, between two bytecodes, with the signal's number.
        in_charge: Whether it alone decides how the program ends. Python's own Ctrl-C is not called
            then, and what other handlers raise is kept in ``raised``.
        calls_found: Whether the handler that it found is called as well: "always", or "replaceable"
            until another one is installed, or "never".
        raised: What a handler raised first, for one in charge.
    """

    in_charge = False
    calls_found = "always"

    def __init__(
        self,
        on_signal: Callable[[int], None],
        numbers: Iterable[int],
        *,
        unhandled: Iterable[int] = (),
    ) -> None:
        """Begin to listen; to ``unhandled`` only as long as they have no other handler."""
        self.on_signal = on_signal
        self.numbers: frozenset[int] = frozenset()
        self.raised: BaseException | None = None
        self._loop: Any = None
        if not _in_main_thread():
            return
        numbers = frozenset(numbers)
        free = frozenset(number for number in unhandled if _is_free(number))
        self.numbers = numbers | free
        _listeners.append(self)
        _wrap_signal()
        for number in numbers:
            self._take(number)
        for number in free:
            _install(number, _handle)

    def _take(self, number: int) -> None:
        heard = _heard.get(number)
        if heard is None:
            heard = _heard[number] = _Heard(signal.getsignal(number))
            # Not what getsignal() gave: a program may have its own wrapper of signal.signal.
            heard.found = _install(number, _handle)
            heard.installed = signal.getsignal(number)
            if self.calls_found != "never":
                heard.later = heard.found
        if self.calls_found == "always" and heard.always is None:
            heard.always, heard.later = heard.later, None

    def attach(self) -> None:
        """Also call the handlers that are installed through the running event loop."""
        if not self.numbers:
            return
        from asyncio import get_running_loop  # here, since that takes a while

        self._loop = get_running_loop()
        _wrap_loop(self._loop)
        self._look()

    def _look(self) -> None:
        # Under uvloop this also lets Python see a signal after a bot's set_wakeup_fd().
        for number in self.numbers & _heard.keys():
            heard, found = _heard[number], signal.getsignal(number)
            if found not in (heard.installed, None):
                heard.later = found
                _install_again(number)
        self._timer = self._loop.call_later(_LOOK, self._look)

    def close(self) -> None:
        """Listen no longer. The last one leaves everything as it would be without."""
        if self not in _listeners:
            return
        _listeners.remove(self)
        if self._loop is not None:
            self._timer.cancel()
            if all(each._loop is not self._loop for each in _listeners):
                for method in _LOOP_METHODS:
                    vars(self._loop).pop(method, None)
        for number in self.numbers:
            if not any(number in each.numbers for each in _listeners):
                _give_back(number, found=self.in_charge)
        _unwrap_signal()

    def ignore(self) -> None:
        """Ignore its signals from now on."""
        for number in self.numbers:
            with suppress(ValueError):  # in a thread
                _install(number, signal.SIG_IGN)


class _Heard:
    """A signal that is listened to, and the handlers that are called after the listeners."""

    def __init__(self, found: Any) -> None:
        self.found = found  # what Python called before
        self.always: Any = None  # is called also after another one was installed
        self.later: Any = None  # is called until another one is installed
        self.in_loops: dict[Any, tuple[Callable[..., Any], tuple[Any, ...]]] = {}
        self.installed: Any = None  # what Python calls now: `_handle`, or a wrapper of it
        self.calling = False

    def current(self) -> Any:
        """Give the handler that the signal would have without us."""
        for handler in (self.later, self.always):
            if handler is not None:
                return handler
        return self.found

    def call_others(self, number: int, frame: FrameType | None, *, but: Any) -> None:
        """Call the other handlers, each also when one before it raises."""
        for loop, (callback, args) in self.in_loops.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(callback, *args)
        self.calling = True
        try:
            with ExitStack() as calls:  # the last one that is pushed is called first
                for handler in (self.later, self.always):
                    if callable(handler) and handler is not but:
                        calls.callback(handler, number, frame)
        finally:
            self.calling = False


_install = signal.signal
_wrapped = False  # whether `_signal_wrapper` is in its place, or behind a later wrapper
_listeners: list[Listener] = []
_heard: dict[int, _Heard] = {}


def is_default(number: int) -> bool:
    """Tell whether a signal that is listened to has no other handler, so it ends the process."""
    heard = _heard[number]
    in_charge = any(each.in_charge and number in each.numbers for each in _listeners)
    return not in_charge and not heard.in_loops and bool(heard.current() == signal.SIG_DFL)


def act_by_default(number: int) -> None:
    """Let a signal do what it does without a handler. In the main thread."""
    _install(number, signal.SIG_DFL)
    installed = signal.getsignal(number)
    signal.raise_signal(number)
    if installed == signal.SIG_DFL:  # the kernel spares a container's first process
        os._exit(128 + number)


def is_ignored(number: int) -> bool:
    """Tell whether a signal is ignored, or handled outside Python, by all but the listeners."""
    return number not in _heard and signal.getsignal(number) in (signal.SIG_IGN, None)


def _is_free(number: int) -> bool:
    return signal.getsignal(number) in (signal.SIG_DFL, _handle)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _handle(number: int, frame: FrameType | None) -> None:
    listening = [each for each in reversed(_listeners) if number in each.numbers]
    in_charge = next((each for each in listening if each.in_charge), None)
    heard = _heard.get(number)
    try:
        for each in listening:
            each.on_signal(number)
    finally:
        # A handler may call the one that it replaced: this function.
        if heard is not None and not heard.calling:
            if in_charge is None:
                heard.call_others(number, frame, but=None)
            else:
                try:
                    heard.call_others(number, frame, but=signal.default_int_handler)
                except KeyboardInterrupt:
                    pass
                except BaseException as exc:
                    in_charge.raised = in_charge.raised or exc


def _install_again(number: int) -> None:
    _install(number, _handle)
    _heard[number].installed = signal.getsignal(number)


def _give_back(number: int, *, found: bool = False, with_loops: bool = True) -> None:
    """Put back the handler that was found, or the one that the signal would have without us."""
    heard = _heard.pop(number, None)
    if signal.getsignal(number) != (_handle if heard is None else heard.installed):
        return
    handler: Any = signal.SIG_DFL
    if heard is not None:
        handler = heard.found if found else heard.current()
    with suppress(ValueError):  # in a thread, where an abandoned block was garbage-collected
        if handler is not None:
            _install(number, handler)
        if heard is not None and with_loops and not found:
            for loop, (callback, args) in heard.in_loops.items():
                if not loop.is_closed():
                    loop.add_signal_handler(number, callback, *args)


# -- Wrappers of what installs a handler: signal.signal, and the event loop's methods --------------


def _wrap_signal() -> None:
    global _install, _wrapped
    if not _wrapped:
        _install, signal.signal, _wrapped = signal.signal, _signal_wrapper, True


def _unwrap_signal() -> None:
    global _wrapped
    if not _listeners and signal.signal is _signal_wrapper:
        signal.signal, _wrapped = _install, False


def _signal_wrapper(signalnum: int, handler: Any) -> Any:
    """Replaces ``signal.signal`` as long as there is a listener."""
    heard = _heard.get(signalnum)
    known = callable(handler) or handler in (signal.SIG_DFL, signal.SIG_IGN)
    if heard is None or not known or not _in_main_thread():
        return _install(signalnum, handler)  # which raises if something is wrong
    before = heard.current()
    heard.later = None if handler in (heard.always, _handle) else handler
    return before


def _wrap_loop(loop: Any) -> None:
    """An event loop has one handler for each signal: a bot's would replace a server's."""
    if any(method in getattr(loop, "__dict__", _LOOP_METHODS) for method in _LOOP_METHODS):
        return  # they are wrapped already, or the loop takes no attributes
    from inspect import iscoroutinefunction

    add, remove = loop.add_signal_handler, loop.remove_signal_handler

    def add_signal_handler(sig: int, callback: Callable[..., Any], *args: Any) -> None:
        heard = _heard.get(sig)
        wrong = iscoroutinefunction(callback) or not callable(callback)
        if heard is None or wrong or loop.is_closed() or not _in_main_thread():
            add(sig, callback, *args)  # which raises if something is wrong
        else:
            heard.in_loops[loop] = callback, args

    def remove_signal_handler(sig: int) -> bool:
        heard = _heard.get(sig)
        if heard is not None and heard.in_loops.pop(loop, None) is not None:
            return True
        removed: bool = remove(sig)
        if removed and heard is not None:
            default: Any = signal.SIG_DFL
            heard.later = signal.default_int_handler if sig == signal.SIGINT else default
            _install_again(sig)
        return removed

    vars(loop).update(zip(_LOOP_METHODS, (add_signal_handler, remove_signal_handler), strict=True))


# -- A fork: signals do to the child what they would without us ------------------------------------

_forking = threading.local()


def _all_numbers() -> set[int]:
    return {number for each in _listeners for number in each.numbers}


def _before_fork() -> None:
    """Block the signals: the child has its parent's handlers until `_after_fork_in_child`."""
    _forking.mask = None
    # Python only prints what is raised in here. A listener that raises has noted its signal.
    with suppress(SystemExit):
        _forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        signal.pthread_sigmask(signal.SIG_BLOCK, _all_numbers())


def _after_fork() -> None:
    if _forking.mask is not None:
        with suppress(SystemExit):
            signal.pthread_sigmask(signal.SIG_SETMASK, _forking.mask)


def _after_fork_in_child() -> None:
    for number in _all_numbers():
        _give_back(number, with_loops=False)
    for listener in _listeners:
        listener.numbers = frozenset()
    _listeners.clear()
    _unwrap_signal()
    _after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child
    )
