# SPDX-License-Identifier: BSD-2-Clause
"""A local Daily as a process of its own: ``python -m pipecat_daily_rest.local``.

It writes one JSON line to stdout, ``{"api_url", "api_key", "script_tag", "face_url"}`` or
``{"error"}``, and runs until its stdin closes or its parent ends. It ignores signals: after a
Ctrl-C in a terminal, the bot must still be able to delete its room.
"""

import argparse
import asyncio
import contextlib
import functools
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn

from loguru import logger

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.callers import Callers
from pipecat_daily_rest.local.rest.limits import Limits
from pipecat_daily_rest.local.server import LocalDaily

_END_WITHIN = 0.7  # seconds from the end of the parent to the exit, whatever still runs
_POLL = 0.2  # seconds between two checks whether the parent is alive
_IGNORED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise DailyConfigError(f"The local Daily cannot start: {message}.")


def main() -> int:
    """Run a local Daily until stdin closes; gives the exit code."""
    parent = os.getppid()
    for name in _IGNORED:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    # Only that one line goes to stdout, whatever else prints.
    stdout, sys.stdout = sys.stdout, sys.stderr

    def say(**members: str) -> None:
        with contextlib.suppress(OSError):  # the parent has ended, and so will this process
            print(json.dumps(members), file=stdout, flush=True)

    try:
        arguments = _arguments()
        with contextlib.suppress(ValueError):  # LOGURU_AUTOINIT may have added no handler
            logger.remove(0)
        logger.add(sys.stderr, level=arguments.log_level, backtrace=False, diagnose=False)
        asyncio.run(_serve(arguments, say, parent))
    except DailyConfigError as exc:
        say(error=str(exc))
        return 1
    except Exception as exc:
        say(error=f"The local Daily failed: {type(exc).__name__}: {exc}")
        raise
    return 0


def _arguments() -> argparse.Namespace:
    parser = _Parser(prog="python -m pipecat_daily_rest.local", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    port = parser.add_mutually_exclusive_group()
    port.add_argument("--port", type=int, default=0, help="the TCP port; 0 is a free one")
    port.add_argument("--prefer-port", type=int, help="a TCP port; a free one when it is taken")
    parser.add_argument(
        "--log-level",
        default="WARNING",
        type=str.upper,
        choices=["TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL"],
        help="the lowest level that is logged to stderr",
    )
    parser.add_argument(
        "--control",
        action="store_true",
        help="let other processes inject faults, at /.faults, and the page at / change things",
    )
    parser.add_argument(
        "--limits", action="store_true", help="apply Daily's documented rate limits"
    )
    parser.add_argument(
        "--latency", type=float, default=0.0, help="seconds that every request takes at least"
    )
    parser.add_argument(
        "--speech-model",
        default=os.environ.get("LOCAL_DAILY_SPEECH_MODEL") or "tiny.en",
        help="the Whisper model of transcriptions, where faster-whisper is installed",
    )
    parser.add_argument(
        "--recordings",
        default=os.environ.get("LOCAL_DAILY_RECORDINGS") or None,
        help="the folder in which recordings stay; else they go with the local Daily",
    )
    parser.add_argument(
        "--question",
        action="append",
        default=[],
        help="a WAV file that callers say, which another process lets in at /.callers",
    )
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace, say: Callable[..., None], parent: int) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=_watch_parent, args=(parent, end), daemon=True).start()
    daily = await _start(arguments)
    try:
        say(
            api_url=daily.api_url,
            api_key=daily.api_key,
            script_tag=daily.script_tag,
            face_url=daily.face_url,
        )
        await ended.wait()
    finally:
        await daily.aclose()


async def _start(arguments: argparse.Namespace) -> LocalDaily:
    make = functools.partial(
        LocalDaily,
        host=arguments.host,
        api_key=os.environ.get("LOCAL_DAILY_API_KEY") or None,
        limits=Limits() if arguments.limits else None,
        latency=arguments.latency,
        control=arguments.control,
        speech_model=arguments.speech_model,
        recordings=arguments.recordings,
    )
    if arguments.prefer_port is not None:
        with contextlib.suppress(DailyConfigError):
            daily = make(port=arguments.prefer_port)
            await daily.start()
            return daily
    daily = make(port=arguments.port)
    if arguments.question:
        callers = Callers(daily, daily.mixer, daily.api_key, arguments.question)
        daily.more_routes += callers.routes()
        daily.closers.append(callers.aclose)
    await daily.start()
    return daily


def _watch_parent(parent: int, end: Callable[[], object]) -> None:
    """Wait until stdin closes, or the parent ends: a fork of the parent may hold the pipe open."""
    ended = threading.Event()

    def read() -> None:
        # Not sys.stdin: a thread that holds its lock makes the interpreter's exit fail. Only a
        # blocking thread also works for a pipe on Windows.
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    while os.getppid() == parent and not ended.wait(_POLL):
        pass
    with contextlib.suppress(RuntimeError):  # the loop has ended already
        end()
    time.sleep(_END_WITHIN)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
