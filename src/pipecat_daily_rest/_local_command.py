# SPDX-License-Identifier: BSD-2-Clause
"""``pipecat-daily-rest local``: a local Daily for one command, or until Ctrl-C."""

import asyncio
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from typing import Any

from pipecat_daily_rest import _log
from pipecat_daily_rest._child import LocalChild
from pipecat_daily_rest.errors import DailyError

_PASSED_ON = (signal.SIGINT, signal.SIGTERM)


def main(command: Sequence[str], *, log_level: str, **options: Any) -> int:
    """Start a local Daily, and a command with it if there is one.

    Args:
        command: The command and its arguments; none to stay up until SIGINT or SIGTERM.
        log_level: One of loguru's levels.
        **options: The local Daily's, as for `LocalChild`.

    Returns:
        The exit code: the command's, or 128 and the signal's number if a signal ended it.
    """
    _log.to_stderr(log_level)
    try:
        return asyncio.run(_main(command, log_level=log_level, **options))
    except DailyError as exc:
        print(f"Error: {exc}", file=sys.stderr)
        return 2


async def _main(command: Sequence[str], **options: Any) -> int:
    signals: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for number in _PASSED_ON:
        signal.signal(number, lambda n, _: loop.call_soon_threadsafe(signals.put_nowait, n))
    async with LocalChild(**options) as child:
        environment = child.env()
        if not command:
            print(f"A local Daily answers at {child.api_url}. In another terminal:\n", flush=True)
            for name, value in environment.items():
                print(f"export {name}={shlex.quote(value)}", flush=True)
            print("\nCtrl-C ends it.", flush=True)
            return await _stay(child, signals)
        return await _run(command, environment, child, signals)


async def _stay(child: LocalChild, signals: "asyncio.Queue[int]") -> int:
    stopped = asyncio.create_task(signals.get())
    died = asyncio.create_task(child.died())
    await asyncio.wait({stopped, died}, return_when=asyncio.FIRST_COMPLETED)
    ended = stopped.done()
    for task in (stopped, died):
        task.cancel()
    if not ended:
        print("Error: The local Daily ended by itself.", file=sys.stderr)
    return 0 if ended else 1


async def _run(
    command: Sequence[str],
    environment: dict[str, str],
    child: LocalChild,
    signals: "asyncio.Queue[int]",
) -> int:
    try:
        process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **environment})
    except OSError as exc:
        print(f"Error: cannot run {command[0]!r}: {exc.strerror}.", file=sys.stderr)
        return 127
    ended = asyncio.create_task(process.wait())
    while not ended.done():
        passed = asyncio.create_task(signals.get())
        await asyncio.wait({ended, passed}, return_when=asyncio.FIRST_COMPLETED)
        if passed.done():
            if not _reached_already(passed.result()) and process.returncode is None:
                process.send_signal(passed.result())
        else:
            passed.cancel()
    code = ended.result()
    return code if code >= 0 else 128 - code


def _reached_already(number: int) -> bool:
    """A Ctrl-C in a terminal reaches every process of the foreground group by itself."""
    if number != signal.SIGINT or os.name == "nt":
        return False
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False
