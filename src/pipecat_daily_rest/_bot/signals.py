# SPDX-License-Identifier: BSD-2-Clause
"""The signals that tell a process to stop: taken at its first instant, kept whatever a bot does.

A command takes them before it imports anything else, so nothing of the package is imported here.
"""

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn, TextIO

_LOOK = 0.1  # seconds between two looks whether a handler has got round us


def _numbers(*names: str) -> tuple[signal.Signals, ...]:
    return tuple(getattr(signal, name) for name in names if hasattr(signal, name))


STOP = _numbers("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK")
# nohup and a shell's background jobs mean it when these are ignored. The one that ignores SIGINT
# is often a shell that nobody asked, so a SIGINT that is sent to it counts.
_UNLESS_IGNORED = _numbers("SIGHUP", "SIGQUIT")
# They end a process that knows nothing of them. A bot that handles one has another use for it.
_UNLESS_HANDLED = _numbers("SIGUSR1", "SIGUSR2", "SIGALRM", "SIGXCPU")


class Signals:
    """Takes the signals that tell a process to stop.

    Pipecat's ``WorkerRunner()`` installs handlers of its own and never restores what was there. A
    handler that is installed later, by ``signal.signal`` or through the event loop, whichever that
    is, is called as well and not instead.

    Parameters:
        on_signal: Called at each signal with its number, in the main thread, between two bytecodes.
        raised: What a handler of the bot's raised first. It must not tear the end apart, so it is
            kept until that is over.
    """

    def __init__(self, on_signal: Callable[[int], None]) -> None:
        """Initialize; nothing is taken yet."""
        self.on_signal = on_signal
        self.raised: BaseException | None = None
        self._install = signal.signal
        self._before: dict[int, Any] = {}
        self._also: dict[int, Any] = {}
        self._handling = False

    # -- For a whole process, or for a block -------------------------------------------------

    def take(self, *, earlier: bool) -> None:
        """Take the signals; not in a thread, where Python allows no handlers."""
        if not _in_main_thread():
            return
        for number in (*STOP, *_UNLESS_HANDLED):
            handler = signal.getsignal(number)
            if number in _UNLESS_IGNORED and handler in (signal.SIG_IGN, None):
                continue
            if number in _UNLESS_HANDLED and handler is not signal.SIG_DFL:
                continue
            self._before[number] = handler
            if earlier and number in STOP:
                self._also[number] = handler
            self._install(number, self._handle)
        signal.signal = self._keep
        _taken.append(self)

    def release(self, *, also: bool = False) -> None:
        """Put back what was there."""
        if self not in _taken:
            return
        _taken.remove(self)
        signal.signal = self._install
        before, self._before = self._before, {}
        for number, handler in before.items():
            handler = self._also.get(number, handler) if also else handler
            if signal.getsignal(number) == self._handle and handler is not None:
                self._install(number, handler)

    def ignore(self) -> None:
        """Ignore them from now on."""
        for number in self._before:
            with suppress(ValueError):  # in a thread
                self._install(number, signal.SIG_IGN)

    @contextmanager
    def within_loop(self) -> Iterator[None]:
        """Keep them while the running event loop runs the bot.

        uvloop installs handlers past ``signal.signal``, and so does who has imported that before.
        """
        if not self._before:
            yield
            return
        import asyncio  # here, since that takes a while

        loop = asyncio.get_running_loop()
        doors = ("add_signal_handler", "remove_signal_handler")
        for door in doors:
            self._watch(loop, door)

        async def look() -> None:
            while True:
                # Under uvloop this also lets Python see a signal after a bot's set_wakeup_fd().
                await asyncio.sleep(_LOOK)
                self._take_again()

        looking = asyncio.create_task(look(), name="look after the signals")
        try:
            yield
        finally:
            looking.cancel()
            self._take_again()
            for door in doors:
                with suppress(AttributeError):
                    delattr(loop, door)

    def _watch(self, loop: Any, door: str) -> None:
        method = getattr(loop, door)

        def through(*args: Any) -> Any:
            try:
                return method(*args)
            finally:
                self._take_again()

        with suppress(AttributeError):  # a loop that takes no attributes
            setattr(loop, door, through)

    def _take_again(self) -> None:
        if not _in_main_thread():
            return
        for number in self._before:
            handler = signal.getsignal(number)
            if number in STOP and handler is not None and handler != self._handle:
                self._also[number] = handler
                self._install(number, self._handle)

    # -- At a signal -------------------------------------------------------------------------

    def _keep(self, signalnum: int, handler: Any) -> Any:
        """What ``signal.signal`` is meanwhile."""
        known = callable(handler) or handler in (signal.SIG_DFL, signal.SIG_IGN)
        if signalnum not in self._before or signalnum not in STOP or not known:
            return self._install(signalnum, handler)
        if not _in_main_thread():
            return self._install(signalnum, handler)  # which says that it cannot
        before = self._also.get(signalnum, self._before[signalnum])
        self._also[signalnum] = None if handler == self._handle else handler
        return before

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._handling:  # as when a bot's handler calls the one that it has replaced
            self.on_signal(number)
            return
        self._handling = True
        try:
            self.on_signal(number)
        finally:
            self._tell(self._also.get(number), number, frame)
            self._handling = False

    def _tell(self, also: Any, number: int, frame: FrameType | None) -> None:
        if not callable(also) or also is signal.default_int_handler:
            return
        try:
            also(number, frame)
        except KeyboardInterrupt:
            return
        except BaseException as exc:
            self.raised = self.raised or exc


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


_held: Signals | None = None
_taken: list[Signals] = []


def _in_child() -> None:
    """After a fork: what ends the runner is its parent's business."""
    for each in reversed(_taken[:]):
        each.release(also=True)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def hold(on_signal: Callable[[int], None]) -> Signals:
    """Take the signals for the whole life of this process, once, however often this is called.

    In the interpreter's own exit, where Python runs no handlers any more, they are ignored.
    """
    global _held
    if _held is None:
        _open_streams()
        _held = Signals(on_signal)
        _held.take(earlier=True)
        atexit.register(_held.ignore)
    return _held


def _open_streams() -> None:
    """Open what was closed before Python began (`>&-`): it is None then, and nothing can print."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, os.O_RDWR)  # the lowest that is free: the closed one's
            os.set_inheritable(number, True)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))


def stop_early(_: int) -> NoReturn:
    """End a runner that has no room yet."""
    raise SystemExit(0)


def not_run(number: int) -> NoReturn:
    """End a command that was to run another one, as if the signal had ended that."""
    raise SystemExit(128 + number)


def say(*words: str, file: TextIO | None = None) -> None:
    """Print a line at once; nobody may be there to read it, after a terminal was closed.

    Args:
        *words: What is printed.
        file: Where to; stdout when None.
    """
    stream = file or sys.stdout
    try:
        print(*words, file=stream, flush=True)
    except (OSError, ValueError):
        # What is left in the buffer would fail once more at the interpreter's exit.
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
