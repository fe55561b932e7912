# SPDX-License-Identifier: BSD-2-Clause
"""``pipecat-daily-rest local``: a local Daily for one command, or until Ctrl-C."""

import asyncio
import os
import shlex
import shutil
import signal
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from pipecat_daily_rest._bot.output import say
from pipecat_daily_rest._bot.stop_signals import hold
from pipecat_daily_rest._core import log_handler, settings
from pipecat_daily_rest._core.waiting import unless
from pipecat_daily_rest.errors import DailyError
from pipecat_daily_rest.runner.local_daily_process import LocalDailyProcess

_SHORTEST_KEY = 32  # characters, for a local Daily
_PYTHONS = ("python", "python3")
_PROGRAMS = "Scripts" if os.name == "nt" else "bin"  # of a virtual environment
# A key in a terminal sends these to every process of the foreground group.
_BY_KEY = (signal.SIGINT, getattr(signal, "SIGQUIT", None))


class Signals(deque[int]):
    """The signals that came and were not handled yet."""

    def __init__(self) -> None:
        super().__init__()
        self._filled = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def put(self, number: int) -> None:
        """Add one. Called from a signal handler."""
        self.append(number)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._filled.set)

    async def wait(self) -> None:
        """Wait until there is one."""
        self._loop = asyncio.get_running_loop()
        while not self:
            self._filled.clear()
            if not self:
                await self._filled.wait()


def main(command: Sequence[str], *, log_level: str, **options: Any) -> int:
    """Start a local Daily by ``options``, run a command with it, and give the exit code.

    That is the command's, or 128 and the number of the signal that ended it or came before it was
    started. Without a command it runs until a signal.
    """
    log_handler.to_stderr(log_level)
    signals = Signals()
    hold(signals.put)
    try:
        return asyncio.run(_main(command, signals, log_level=log_level, **options))
    except DailyError as exc:
        say(f"Error: {exc}", file=sys.stderr)
        return 2


async def _main(command: Sequence[str], signals: Signals, **options: Any) -> int:
    async with AsyncExitStack() as stack:
        child = LocalDailyProcess(**options, api_key=key_in_env_file() if command else None)
        await unless(signals.wait(), stack.enter_async_context(child))
        if signals:
            return 128 + signals.popleft()
        if command:
            child.announce()
            return await _run(command, child.env(), signals)
        say(f"A local Daily answers at {child.api_url}. Paste this into another terminal:\n")
        for name, value in child.env().items():
            say(f"export {name}={shlex.quote(value)}")
        say()
        child.announce(sys.stdout)
        say("\nCtrl-C ends it.")
        await unless(signals.wait(), child.died())
        if signals:
            return 0
        say("Error: The local Daily ended by itself.", file=sys.stderr)
        return 1


def key_in_env_file() -> str | None:
    """Give the key in ``.env``, if it is long enough for a local Daily."""
    # Programs load it over their environment (`override=True`), and sign tokens with it.
    key = settings.env_file()[1].get("DAILY_API_KEY")
    return key if key and len(key) >= _SHORTEST_KEY else None


def program(name: str) -> str:
    """Give the program of a command: a Python that has what it needs, where it is just ``python``.

    What no folder of the ``PATH`` has may be beside the Python that runs this.
    """
    if name not in _PYTHONS:
        beside = shutil.which(name, path=os.path.dirname(sys.executable or "."))
        return beside if beside and not shutil.which(name) else name
    active = os.environ.get("VIRTUAL_ENV")
    if active and (own := shutil.which(name, path=os.path.join(active, _PROGRAMS))):
        return own
    return sys.executable or name


async def _run(command: Sequence[str], environment: dict[str, str], signals: Signals) -> int:
    try:
        process = await asyncio.create_subprocess_exec(
            *(program(command[0]), *command[1:]), env={**os.environ, **environment}
        )
    except OSError as exc:
        say(f"Error: cannot run {command[0]!r}: {exc.strerror}.", file=sys.stderr)
        return 127
    while (code := await unless(signals.wait(), process.wait())) is None:
        if not _reached_already(number := signals.popleft()) and process.returncode is None:
            process.send_signal(number)
    return code if code >= 0 else 128 - code


def _reached_already(number: int) -> bool:
    """Whether a Ctrl-C in the terminal reached the command too."""
    if number not in _BY_KEY or os.name == "nt":
        return False
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False
