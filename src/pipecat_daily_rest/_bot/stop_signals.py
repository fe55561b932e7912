# SPDX-License-Identifier: BSD-2-Clause
"""The signals that tell a program with a bot to stop, from its first instant on.

A command takes them before it imports anything else, so this module imports nothing slow.
"""

import atexit
from collections.abc import Callable
from typing import NoReturn

from pipecat_daily_rest._bot.output import open_streams
from pipecat_daily_rest._core.signals import Listener, is_ignored, numbers_of

# The one that ignores SIGINT is often a shell that nobody asked, so a SIGINT that is sent counts.
_ALWAYS = numbers_of("SIGINT", "SIGTERM", "SIGBREAK")
_UNLESS_IGNORED = numbers_of("SIGHUP", "SIGQUIT")  # by nohup, for a reason
# They end a process that knows nothing of them. A bot that handles one has another use for it.
_UNLESS_HANDLED = numbers_of("SIGUSR1", "SIGUSR2", "SIGALRM", "SIGXCPU")


class StopSignals(Listener):
    """Takes every signal that tells a program to stop; the bot's handlers are called as well.

    Pipecat's ``WorkerRunner()`` installs handlers of its own and never restores what was there.
    What a handler raises must not tear the end apart, so it is kept in ``raised``.
    """

    in_charge = True

    def __init__(self, on_signal: Callable[[int], None], *, calls_found: bool) -> None:
        """Take the signals; ``calls_found``: until a handler is replaced, it is called as well."""
        self.calls_found = "replaceable" if calls_found else "never"
        numbers = (*_ALWAYS, *(each for each in _UNLESS_IGNORED if not is_ignored(each)))
        super().__init__(on_signal, numbers, unhandled=_UNLESS_HANDLED)


_held: StopSignals | None = None


def hold(on_signal: Callable[[int], None]) -> StopSignals:
    """Take the signals for the rest of this process; called again, only ``on_signal`` changes.

    In the interpreter's own exit, where Python runs no handlers any more, they are ignored.
    """
    global _held
    if _held is None or not _held.numbers:
        open_streams()
        _held = StopSignals(on_signal, calls_found=True)
        atexit.register(_held.ignore)
    _held.on_signal = on_signal
    return _held


def stop_early(_: int) -> NoReturn:
    """End a runner that has no room yet."""
    raise SystemExit(0)


def not_run(number: int) -> NoReturn:
    """End a command that was to run another one, as if the signal had ended that."""
    raise SystemExit(128 + number)
