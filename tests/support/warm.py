# SPDX-License-Identifier: BSD-2-Clause
"""Programs that begin with their imports done: forks of a Python that has them.

To import Pipecat takes most of a second of CPU. A warm Python has imported it and other packages,
and nothing of ours. Each program is a fork of it, with the process id, session, signals, streams,
environment and exit code of a program that was started in the usual way. So are our own processes
that a program starts, a local Daily and the template of a server's bots: each is a fork that waits
from before the program's first line, as a child of it.
"""

import asyncio
import builtins
import fcntl
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import types
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

IMPORTED = (
    "aiohttp.web",
    "dotenv",
    "fastapi",
    "jwt",
    "loguru",
    "numpy",
    "pipecat.pipeline.worker",
    "pipecat.transports.base_output",
    "pipecat.workers.runner",
    "pydantic",
    "typer",
    "uvicorn",
)
LIMIT = 1 << 20  # bytes of a line
# What is read when Python or a package of those starts, if anything is set.
AT_START = ("PYTHON", "LOGURU_", "PIPECAT_")
FREELY = ("PYTHONPATH", "PYTHONUNBUFFERED", "PIPECAT_DAILY_")  # the last are our own
# What is behind ``python`` of our own processes.
LOCAL = ("-P", "-m", "pipecat_daily_rest.local")
TEMPLATE = ("-c", "from pipecat_daily_rest.server.process_template import main; main()")
HIGH = 500  # above the descriptors that a program gives to its child


def may_be(command: Sequence[Any], env: Mapping[str, str]) -> bool:
    """Whether a program is the same as a fork."""
    path = env.get("PYTHONPATH", "").split(os.pathsep)
    return (
        command[0] == sys.executable
        and (command[1] in ("-P", "-c", "-m") or not str(command[1]).startswith("-"))
        and not any(name.startswith(AT_START) and not name.startswith(FREELY) for name in env)
        and all(Path(folder).name in ("", "stand_in") for folder in path)
    )


class Forked:
    """A program, as `asyncio.subprocess.Process` is one."""

    def __init__(self, pid: int, streams: list[Any], status: asyncio.StreamReader) -> None:
        self.pid = pid
        self.stdin, self.stdout, self.stderr = streams
        self.returncode: int | None = None
        self._end = asyncio.create_task(self._ends(status))

    async def _ends(self, status: asyncio.StreamReader) -> None:
        self.returncode = int(await status.readline())
        if self.stdin is not None:
            self.stdin.close()

    async def wait(self) -> int:
        await asyncio.shield(self._end)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            with suppress(ProcessLookupError):  # it has ended just now
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Warm:
    """A warm Python, started when the first program is."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._at = str(Path(self._folder.name) / "socket")
        self._python: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._python is not None:
            self._python.communicate()  # it ends with its stdin
        self._folder.cleanup()

    def _connect(self) -> socket.socket:
        if self._python is None:
            self._python = subprocess.Popen(
                [sys.executable, __file__, self._at],
                env={**os.environ, "PYTHONPATH": "", "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            assert self._python.stdout.readline() == b"warm\n"
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self._at)
        return connection

    async def start(
        self, *command: Any, env: dict[str, str], cwd: Path | None = None, stdin: bool = True
    ) -> Forked:
        """Start what `command` would be behind ``python``; `stdin` whether it has a pipe there."""
        theirs, from_us = os.pipe() if stdin else (os.open(os.devnull, os.O_RDONLY), -1)
        pipes = [os.pipe(), os.pipe()]
        request = {"command": list(map(str, command)), "env": env, "cwd": str(cwd or Path.cwd())}
        connection = self._connect()
        given = [theirs, *(write for _, write in pipes)]
        socket.send_fds(connection, [json.dumps(request).encode() + b"\n"], given)
        for each in given:
            os.close(each)
        status, writer = await asyncio.open_unix_connection(sock=connection)
        pid = int(await status.readline())
        streams = [await _writer(from_us) if stdin else None]
        streams += [await _reader(read) for read, _ in pipes]
        program = Forked(pid, streams, status)
        program._end.add_done_callback(lambda _: writer.close())
        return program


async def _reader(number: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=LIMIT)
    loop, file = asyncio.get_running_loop(), os.fdopen(number, "rb", 0)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
    return reader


async def _writer(number: int) -> asyncio.StreamWriter:
    loop, file = asyncio.get_running_loop(), os.fdopen(number, "wb", 0)
    make = asyncio.streams.FlowControlMixin
    transport, protocol = await loop.connect_write_pipe(make, file)
    return asyncio.StreamWriter(transport, protocol, None, loop)


def _serve(at: str) -> list[str]:
    """Fork for each request; return, in the program, its command."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(at)
        listener.listen()
        print("warm", flush=True)
        while True:
            ended = sys.stdin in select.select([listener, sys.stdin], [], [])[0]
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            if ended:  # the tests
                os._exit(0)
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    listener.close()
                    return _attend(connection)


def _attend(connection: socket.socket) -> list[str]:
    """Fork the program, and tell its process id and its exit code."""
    request, given = _receive(connection)
    if pid := os.fork():
        for each in given:
            os.close(each)
        connection.sendall(b"%d\n" % pid)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        connection.sendall(b"%d\n" % code)
        os._exit(0)
    connection.close()
    os.setsid()
    _take(given, range(3))
    return _settle(request)


def _receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Receive what a process is to be, and its descriptors; nothing if nobody asks any more."""
    text, given, *_ = socket.recv_fds(connection, 1 << 16, 16)
    while text and not text.endswith(b"\n"):
        text += connection.recv(1 << 16)
    return json.loads(text or b"{}"), given


def _take(given: Sequence[int], numbers: Iterable[int]) -> None:
    high = [fcntl.fcntl(each, fcntl.F_DUPFD, HIGH) for each in given]
    for each in given:
        os.close(each)
    for each, number in zip(high, numbers, strict=True):
        os.dup2(each, number)
        os.close(each)


def _settle(request: dict[str, Any]) -> list[str]:
    """Take over folder and environment; give the command."""
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    return request["command"]


_started = getattr(subprocess, "_fork_exec", None)  # not on Windows
_waiting: list[tuple[int, socket.socket]] = []  # the children of this program that are nothing yet


def _have_child() -> list[str] | None:
    """Fork a child, which waits until this program starts it; give it its command then."""
    ours, theirs = socket.socketpair()
    if pid := os.fork():
        theirs.close()
        _waiting.append((pid, ours))
        return None
    for _, other in (*_waiting, (0, ours)):
        other.close()
    _waiting.clear()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    os.close(nothing)
    request, given = _receive(theirs)
    if not request:  # the program has ended
        os._exit(0)
    if request["session"]:
        os.setsid()
    told = fcntl.fcntl(theirs, fcntl.F_DUPFD, 2 * HIGH)
    theirs.close()
    _take(given, request["numbers"])
    os.write(told, b"1")
    os.close(told)
    return _settle(request)


def _fork_exec(args: Sequence[Any], *how: Any) -> int:
    """Start a process, as Python's function of this name; one of our own is a child that waits."""
    _, _, keep, cwd, env, stdin, _, _, stdout, _, stderr, _, errors, _, session, *_ = how
    command = [os.fsdecode(each) for each in args]
    pairs = (os.fsdecode(each).partition("=") for each in env or ())
    variables = {name: value for name, _, value in pairs} or dict(os.environ)
    ours = any(tuple(command[1 : 1 + len(kind)]) == kind for kind in (LOCAL, TEMPLATE))
    if not (_waiting and ours and may_be(command, variables)):
        return _started(args, *how)
    kept = [each for each in keep if each != errors]
    streams = [
        number if each == -1 else each for number, each in enumerate((stdin, stdout, stderr))
    ]
    request = {
        "command": command[1:],
        "env": variables,
        "cwd": os.fsdecode(cwd or Path.cwd()),
        "numbers": [0, 1, 2, *kept],
        "session": session,
    }
    pid, connection = _waiting.pop()
    with connection, suppress(OSError):
        socket.send_fds(connection, [json.dumps(request).encode() + b"\n"], [*streams, *kept])
        if connection.recv(1):
            return pid
    return _started(args, *how)  # a signal to the whole group has ended the child


def _children(command: Sequence[str]) -> int:
    """Tell how many processes of our own a program starts, at most."""
    serves = "serve" in command
    local = "--local" in command or command[1:3] in (
        ["pipecat_daily_rest", "local"],
        ["pipecat_daily_rest", "run"],
    )
    return serves + local


def _become(command: list[str]) -> None:
    """Run what is behind ``python`` in this process, as Python would."""
    for _ in range(_children(command)):
        if (child := _have_child()) is not None:
            command = child
            break
    subprocess._fork_exec = _fork_exec
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    sys.path[1:1] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.orig_argv = [sys.executable, *command]
    kind, *rest = command
    if kind == "-P":
        kind, *rest = rest
    if kind == "-m":
        sys.argv = rest
        if command[0] == "-P":
            del sys.path[0]
        else:
            sys.path[0] = str(Path.cwd())
        runpy._run_module_as_main(rest[0])
    elif kind == "-c":
        sys.path[0], sys.argv = "", ["-c", *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), main.__dict__)  # noqa: S102
    else:
        sys.path[0], sys.argv = str(Path(kind).resolve().parent), command
        main.__dict__["__file__"] = kind
        code = compile(Path(kind).read_bytes(), kind, "exec")
        exec(code, main.__dict__)  # noqa: S102


if __name__ == "__main__":
    for name in IMPORTED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    with warnings.catch_warnings():
        # numpy has threads, which live through a fork.
        warnings.simplefilter("ignore", DeprecationWarning)
        program = _serve(sys.argv[1])
    _become(program)
