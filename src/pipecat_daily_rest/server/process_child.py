# SPDX-License-Identifier: BSD-2-Clause
"""A process that runs one bot: forked from the template, or started as a program of its own."""

import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from queue import SimpleQueue
from typing import IO, Any

from loguru import logger

from pipecat_daily_rest._bot.bot_file import Bot
from pipecat_daily_rest._bot.bot_traceback import log_failed_thread, why_not_loaded
from pipecat_daily_rest.server import bot_traces, bots
from pipecat_daily_rest.server.bot_program import BotProgram, begin_log
from pipecat_daily_rest.server.error_line import one_line
from pipecat_daily_rest.server.launcher import Ended, SessionSpec
from pipecat_daily_rest.server.run_bot import run_session
from pipecat_daily_rest.server.session_output import SessionOutput

_ORPHAN = 5.0  # seconds that a bot has to leave when its server is gone
_EXIT = 5.0  # seconds that threads of a bot may hold up the end of its process


class _Server:
    """The server at the other end of the wire.

    A thread takes its orders: a bot may block the main thread, also while it is imported.
    """

    def __init__(self, reader: IO[bytes], writer: IO[bytes]) -> None:
        self._reader = reader
        self._writer = writer
        self._lock = threading.Lock()
        self._orders: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self._stopped = False
        self._stop: Callable[[], None] | None = None
        self.gone = False
        threading.Thread(target=self._listen, name="orders of the server", daemon=True).start()

    def order(self) -> dict[str, Any] | None:
        """Wait for the next order; None once the server is gone."""
        return self._orders.get()

    def on_stop(self, stop: Callable[[], None]) -> None:
        """Have it called once, when the bot is to end; at once if it was to end before."""
        with self._lock:
            self._stop, stopped = stop, self._stopped
        if stopped:
            stop()

    def _listen(self) -> None:
        with suppress(OSError, ValueError):  # a bot that closes descriptors may close this one
            for line in self._reader:
                order = json.loads(line)
                if "stop" in order:
                    self._tell_stop()
                else:
                    self._orders.put(order)
        # The server is gone: leave, and be gone soon in any case.
        self.gone = True
        self._orders.put(None)
        self._tell_stop()
        time.sleep(_ORPHAN)
        _end_all()

    def _tell_stop(self) -> None:
        with self._lock:
            again, self._stopped, stop = self._stopped, True, self._stop
        if stop is not None and not again:  # a second one would hit what the bot does at its end
            stop()

    def tell(self, message: dict[str, Any]) -> None:
        # Should the server be gone, the reader sees it.
        with suppress(OSError), self._lock:
            self._writer.write(json.dumps(message).encode() + b"\n")
            self._writer.flush()


def main() -> None:
    """Run as a program: orders come by stdin, answers go to stdout.

    Prints go to stderr, or to the descriptor that is the only argument.
    """
    orders, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # what the bot starts, as ffmpeg, would read the orders
    os.close(nothing)
    os.dup2(int(sys.argv[1]) if sys.argv[1:] else 2, 1)
    _serve(_Server(os.fdopen(orders, "rb"), os.fdopen(answers, "wb")))


def main_on(orders: int, answers: int) -> None:
    """Run in a process that was forked from the template, with these two descriptors."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    if (numpy_random := sys.modules.get("numpy.random")) is not None:
        numpy_random.seed()  # a fork copies its state; Python's own random sees to itself
    _serve(_Server(os.fdopen(orders, "rb"), os.fdopen(answers, "wb")))


def _serve(server: _Server) -> None:
    try:
        _run(server)
    finally:
        if server.gone:
            _end_all()


def _end_all() -> None:
    """End this process with what the bot has started, as the server would have done."""
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _run(server: _Server) -> None:
    server.tell({"pid": os.getpid()})
    if (order := server.order()) is None:
        return
    program = BotProgram(**order["program"]) if order["program"] else None
    if program is not None:
        program.begin()
    begin_log(program)
    bot = _load(server, order, program)
    start = None if bot is None else _start(server, bot)
    if bot is None or start is None:
        return
    spec = SessionSpec(**start["start"])
    with nullcontext() if program is not None else _logged(spec):
        try:
            ended = asyncio.run(_session(server, bot, spec, program))
        except BaseException as exc:  # of a task of the bot, as SystemExit
            ended = Ended(outcome="error", error=one_line(exc))
            _leave_in_time(server, ended)
    bot_traces.flush(spec.traceparent)
    _tell_end(server, ended)
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # the bot has replaced or closed it
            stream.flush()


@contextmanager
def _logged(spec: SessionSpec) -> Iterator[None]:
    """Have all that a session of a server prints and logs carry its id and its room."""
    threading.excepthook = log_failed_thread
    output = SessionOutput()
    output.install(everything=True)
    with logger.contextualize(session_id=spec.session_id, room=spec.room_name):
        logger.configure(extra={"session_id": spec.session_id, "room": spec.room_name})
        yield
        output.remove()


def _load(server: _Server, order: dict[str, Any], program: BotProgram | None) -> Bot | None:
    sys.path[:] = order["path"]
    try:
        bot = bots.load(order["load"])
    except BaseException as exc:
        why = why_not_loaded(order["load"], exc)
        if program is None:
            server.tell({"failed": why})
        else:
            program.tell_error(why)
            _tell_end(server, Ended(outcome="error", error="The bot cannot be loaded."))
        return None
    server.tell({"loaded": True, "readyz": bots.readyz_of(bot) is not None})
    return bot


def _start(server: _Server, bot: Bot) -> dict[str, Any] | None:
    """Wait for the session, and answer whether the bot is ready until then."""
    while (order := server.order()) is not None:
        if "start" in order:
            return order
        server.tell({"readyz": asyncio.run(bots.is_ready(bot))})
    return None


async def _session(
    server: _Server, bot: Bot, spec: SessionSpec, program: BotProgram | None
) -> Ended:
    loop = asyncio.get_running_loop()
    server.tell({"running": True})
    running = asyncio.create_task(
        run_session(bot, spec, program, tell=lambda what: server.tell({"measured": dict(what)})),
        name="bot",
    )
    with suppress(NotImplementedError):  # Windows
        loop.add_signal_handler(signal.SIGTERM, running.cancel)
    server.on_stop(lambda: _cancel(loop, running))
    ended = await running
    _leave_in_time(server, ended)
    return ended


def _cancel(loop: asyncio.AbstractEventLoop, running: asyncio.Task[Ended]) -> None:
    with suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(running.cancel)


def _tell_end(server: _Server, ended: Ended) -> None:
    server.tell({"ended": ended.outcome, "error": ended.error})


def _leave_in_time(server: _Server, ended: Ended) -> None:
    """End the process without order when a task or a thread of the bot does not end."""

    def end() -> None:
        time.sleep(_EXIT)
        _tell_end(server, ended)  # once more does no harm
        os._exit(1)

    threading.Thread(target=end, name="end of the process", daemon=True).start()
