# SPDX-License-Identifier: BSD-2-Clause
"""Programs that begin with their imports done: forks of a Python that has them.

To import Pipecat takes most of a second of CPU. A warm Python has imported it and other packages,
and nothing of ours. Each program is a fork of it, with the process id, session, signals, streams,
environment and exit code of a program that was started in the usual way.
"""

import asyncio
import builtins
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
from collections.abc import Mapping, Sequence
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
    "openai",
    "pipecat.pipeline.worker",
    "pipecat.transports.base_output",
    "pipecat.workers.runner",
    "pydantic",
    "pygments",
    "typer",
    "uvicorn",
)
LIMIT = 1 << 20  # bytes of a line
# What is read when Python or a package of those starts, if anything is set.
AT_START = ("PYTHON", "LOGURU_", "PIPECAT_")
FREELY = (  # the last are our own
    *("PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"),
    "PIPECAT_DAILY_",
)


def may_be(command: Sequence[Any], env: Mapping[str, str]) -> bool:
    """Whether a program is the same as a fork."""
    path = env.get("PYTHONPATH", "").split(os.pathsep)
    return (
        command[0] == sys.executable
        and (command[1] in ("-c", "-m") or not str(command[1]).startswith("-"))
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

    def run(
        self, *command: Any, env: dict[str, str], cwd: Path, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Do what `subprocess.run` would do with what is behind ``python``."""

        async def run() -> subprocess.CompletedProcess[str]:
            program = await self.start(*command, env=env, cwd=cwd, stdin=False)
            streams = (program.stdout.read(), program.stderr.read())
            try:
                async with asyncio.timeout(timeout):
                    code, *texts = await asyncio.gather(program.wait(), *streams)
            finally:
                program.kill()
            return subprocess.CompletedProcess(command, code, *(text.decode() for text in texts))

        return asyncio.run(run())


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
    text, given, *_ = socket.recv_fds(connection, 1 << 16, 3)
    while not text.endswith(b"\n"):
        text += connection.recv(1 << 16)
    if pid := os.fork():
        for each in given:
            os.close(each)
        connection.sendall(b"%d\n" % pid)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        connection.sendall(b"%d\n" % code)
        os._exit(0)
    connection.close()
    os.setsid()
    for number, each in enumerate(given):
        os.dup2(each, number)
        os.close(each)
    request = json.loads(text)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    return request["command"]


def _become(command: list[str]) -> None:
    """Run what is behind ``python`` in this process, as Python would."""
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    sys.path[1:1] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    kind, *rest = command
    sys.orig_argv = [sys.executable, *command]
    if kind == "-m":
        sys.path[0], sys.argv = str(Path.cwd()), rest
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
