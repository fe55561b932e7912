# SPDX-License-Identifier: BSD-2-Clause
"""The process that bots are forked from: it has imported what they need, and holds no thread.

Run as a program by `ProcessLauncher`, with the descriptor of its socket.
"""

import gc
import importlib
import json
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pipecat_daily_rest._bot.output import say

TEMPLATE = "pipecat_daily_rest.server.process_template"
CHILD = "pipecat_daily_rest.server.process_child"
_PR_SET_PDEATHSIG = 1
_PRELOAD = (
    *("pipecat.runner.types", "pipecat.transports.daily.transport", "daily"),
    *("pipecat.pipeline.pipeline", "pipecat.pipeline.worker", "pipecat.workers.runner"),
)


def main() -> None:
    """Import, then fork a child for each pair of descriptors, until the server is gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)  # the server sees to its end
    _end_with_the_server()
    wire = socket.socket(fileno=int(sys.argv[1]))
    orders = _orders(wire)
    sys.path[:] = orders["path"]
    from pipecat_daily_rest.server.bot_program import BotProgram, begin_log

    program = BotProgram(**orders["program"]) if orders["program"] else None
    if program is None:
        with suppress(OSError):
            os.dup2(2, 1)  # the server's stdout is not for bots
        begin_log(None)
    else:
        begin_log(replace(program, log_level="WARNING"))  # Pipecat's greeting comes once
    _tell(wire, _prepare(orders))
    gc.collect()
    gc.freeze()  # no collection writes to what is shared with the children
    if (descriptors := _serve(wire)) is not None:
        from pipecat_daily_rest.server import process_child

        process_child.main_on(*descriptors)


def _end_with_the_server() -> None:
    """Have the kernel kill this process when the server dies, also in an import that never ends."""
    import ctypes

    with suppress(OSError, AttributeError):  # not on Linux
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _prepare(orders: dict[str, Any]) -> dict[str, Any]:
    for name in (*_PRELOAD, *orders["preload"]):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as exc:
            if name in _PRELOAD and name.partition(".")[0] in {exc.name, "pipecat"}:
                continue  # a bot that needs it says so itself
            return {"error": _import_error(name, exc)}
        except BaseException as exc:
            return {"error": _import_error(name, exc)}
    from pipecat_daily_rest.server import bots, process_child  # noqa: F401 - imported ahead

    for reference in orders["bots"]:
        try:
            bots.load(reference)
        except BaseException as exc:
            return {"error": _import_error(reference, exc)}
    others = [each.name for each in threading.enumerate() if each is not threading.main_thread()]
    return {"threads": others}


def _import_error(name: str, error: BaseException) -> str:
    from pipecat_daily_rest._bot.bot_traceback import why_not_loaded

    return why_not_loaded(name, error)


def _serve(wire: socket.socket) -> list[int] | None:
    """Fork for each pair of descriptors; give a child its own, and the template None at the end."""
    signal.signal(signal.SIGCHLD, lambda number, frame: _reap())
    while True:
        _, descriptors, _, _ = socket.recv_fds(wire, 1, 2)
        if not descriptors:
            return None
        try:
            pid = os.fork()
        except OSError as exc:
            pid = -1
            say(f"Error: A bot's process could not be forked: {exc.strerror}.", file=sys.stderr)
        if pid == 0:
            wire.close()
            return list(descriptors)
        for each in descriptors:
            os.close(each)
        _reap()


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _orders(wire: socket.socket) -> dict[str, Any]:
    received = b""
    while not received.endswith(b"\n"):
        part = wire.recv(1 << 16)
        if not part:
            sys.exit()
        received += part
    orders: dict[str, Any] = json.loads(received)
    return orders


def _tell(wire: socket.socket, message: dict[str, Any]) -> None:
    try:
        wire.sendall(json.dumps(message).encode() + b"\n")
    except OSError:  # the server is gone
        sys.exit()
    if message.get("error") or message.get("threads"):
        sys.exit()
