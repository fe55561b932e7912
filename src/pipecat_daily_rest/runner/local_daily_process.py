# SPDX-License-Identifier: BSD-2-Clause
"""A local Daily as a child process, which ends with this one."""

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TextIO

from pipecat_daily_rest._bot.output import say
from pipecat_daily_rest._core import arguments, daily_module
from pipecat_daily_rest._core.secret import Secret
from pipecat_daily_rest.errors import DailyConfigError

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 7880
_START = 30.0  # seconds that it has to start
_END = 2.0  # seconds that it has to end, then it is killed


class LocalDailyProcess:
    """``python -m pipecat_daily_rest.local`` while the block runs.

    It has a process group of its own, so that a Ctrl-C does not reach it. It ends when the pipe on
    its stdin is closed, also by the end of this process.

    Parameters:
        api_url: The URL of its API.
        api_key: The key that it accepts.
        script_tag: The line of HTML with which a web app joins its rooms.
        face_url: The link to the page that shows its rooms; it holds a secret.
    """

    api_url: str
    api_key: str
    script_tag: str
    face_url: str

    def __init__(
        self,
        *,
        host: str = DEFAULT_HOST,
        port: int | None = None,
        log_level: str = "WARNING",
        limits: bool = False,
        latency: float = 0.0,
        control: bool = False,
        api_key: str | None = None,
        questions: Sequence[str] = (),
    ) -> None:
        """Initialize; the arguments are those of ``pipecat-daily-rest local``, and the key.

        With ``questions``, WAV files, it lets in callers who say them.
        """
        if importlib.util.find_spec("aiortc") is None:
            msg = (
                "The local Daily needs aiortc to let people in: "
                "pip install 'pipecat-daily-rest[local]'."
            )
            raise DailyConfigError(msg)
        if not isinstance(host, str) or not host:
            msg = "host must be an address of this machine, as 127.0.0.1."
            raise DailyConfigError(msg)
        arguments.whole("port", port, 0, 65535)
        self._arguments = ["--host", host, "--log-level", log_level]
        self._arguments += ["--limits"] if limits else []
        self._arguments += ["--latency", str(latency)] if latency else []
        self._arguments += ["--control"] if control else []
        self._arguments += [each for path in questions for each in ("--question", path)]
        self._arguments += (
            ["--prefer-port", str(DEFAULT_PORT)] if port is None else ["--port", str(port)]
        )
        self._environment = {"LOCAL_DAILY_API_KEY": api_key or ""}
        self._process: asyncio.subprocess.Process | None = None
        self._pipe: int | None = None

    async def __aenter__(self) -> Self:
        """Start it; a `DailyConfigError` says why it cannot."""
        own: dict[str, Any] = {"start_new_session": True}
        if os.name == "nt":
            own = {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
        stdin, self._pipe = os.pipe()
        _running.add(self)
        try:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", "-m", "pipecat_daily_rest.local", *self._arguments),
                    stdin=stdin,
                    stdout=subprocess.PIPE,
                    env={**os.environ, **self._environment},
                    **own,
                )
            finally:
                os.close(stdin)
            await asyncio.wait_for(self._answer(), _START)
        except BaseException as exc:
            await self._end()
            if isinstance(exc, TimeoutError):
                msg = f"The local Daily did not start within {_START:.0f} s."
                raise DailyConfigError(msg) from exc
            raise
        return self

    async def _answer(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._read(await self._process.stdout.readline())

    def _read(self, line: bytes) -> None:
        try:
            answer = json.loads(line)
        except ValueError:
            answer = {"error": "The local Daily ended before it answered: see its output above."}
        if "error" in answer:
            raise DailyConfigError(str(answer["error"]))
        self.api_url, self.api_key = answer["api_url"], Secret(answer["api_key"])
        self.script_tag = answer["script_tag"]
        self.face_url = Secret(answer["face_url"])

    def announce(self, file: TextIO | None = None) -> None:
        """Print its links, to stderr when ``file`` is None: stdout is for other programs."""
        file = file or sys.stderr
        say(f"See the rooms, their timelines and the requests: {self.face_url}", file=file)
        say(f"A web app joins local rooms with this tag: {self.script_tag}", file=file)

    def env(self) -> dict[str, str]:
        """Give the variables with which a program uses it, and the stand-in for ``daily``."""
        return {
            "DAILY_API_URL": self.api_url,
            "DAILY_API_KEY": self.api_key,
            "DAILY_ROOM_URL": "",
            "PYTHONPATH": daily_module.python_path(),
        }

    @property
    def pid(self) -> int:
        """The id of its process, which leads a session of processes; 0 while there is none."""
        return 0 if self._process is None else self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it does not run."""
        return self._process is None or self._process.returncode is not None

    async def died(self) -> None:
        """Wait until it ends by itself."""
        if self._process is not None:
            await self._process.wait()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._end()

    def _close_pipe(self) -> None:
        pipe, self._pipe = self._pipe, None
        _running.discard(self)
        if pipe is not None:
            os.close(pipe)

    async def _end(self) -> None:
        self._close_pipe()
        process = self._process
        if process is None:
            return
        try:
            await asyncio.wait_for(process.wait(), _END)
        except TimeoutError:
            with suppress(ProcessLookupError):  # it has ended just now
                process.kill()
            await process.wait()


_running: set[LocalDailyProcess] = set()


def end_all(seconds: float) -> None:
    """End each, from any thread, when the event loop cannot: this process is about to end."""
    ending = [child._process for child in _running if child._process is not None]
    _close_pipes()
    until = time.monotonic() + min(seconds, _END)
    for process in ending:
        while not _has_ended(process.pid):
            if time.monotonic() > until:
                process.kill()
                break
            time.sleep(0.02)


def _has_ended(pid: int) -> bool:
    """Tell whether a child has ended; the event loop may have heard of it before."""
    if os.name != "posix":
        return False
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def _close_pipes() -> None:
    """With the pipes open a forked child would keep its parent's local Daily running."""
    for child in tuple(_running):
        child._close_pipe()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_pipes)
