# SPDX-License-Identifier: BSD-2-Clause
"""The server that is drilled: a process of its own on a local Daily of its own."""

import asyncio
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterable
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from pipecat_daily_rest._core.secret import Secret, masked
from pipecat_daily_rest.drill.answer import Answer
from pipecat_daily_rest.drill.call import Call
from pipecat_daily_rest.drill.outcome import DrillError
from pipecat_daily_rest.drill.plan import PORT, Plan
from pipecat_daily_rest.drill.process_tree import ProcessTree
from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local import LocalDaily

_LISTENS = 120.0  # seconds in which the server has to listen
_ANSWER = 60.0  # seconds in which it has to answer a start
REFUSES = (429, 503)  # statuses of a server that is full, or shuts down
_AGAIN = 0.5  # seconds between two starts of which the first was refused
_QUIET = 0.5  # seconds without a request to Daily after which a server is at rest
_REST = 15.0  # seconds in which it has to come to rest
_GRACE = 5.0  # seconds that it has to end where its end is not what is drilled
_POLL = 0.05  # seconds between two looks at what tells nobody that it has happened
_SHOWN = 2_000  # characters of its output that an error shows
_PORTS = range(10_000, 32_000)  # below those that systems give by themselves
_LONGEST = 1 << 20  # bytes of an answer that are read
_STATE = "PIPECAT_DAILY_STATE"


class Server:
    """A server, while the block runs. Its processes end with the block."""

    def __init__(self, plan: Plan) -> None:
        """Initialize a server that is not started."""
        self.plan = plan
        self.daily = LocalDaily(api_key=plan.api_key)
        self.idle = 0  # rooms that it keeps ready while it has no call
        self.calls: list[Call] = []  # since its start
        port = str(_free_port())
        self._command = [word.replace(PORT, port) for word in plan.command]
        self._url = plan.url.replace(PORT, port)
        parts = urlsplit(self._url)
        where = parts.netloc.rpartition("@")[2]
        self._shown = urlunsplit((parts.scheme, where, parts.path, "", ""))  # the rest may be a key
        values = plan.headers.values()
        keys = (part for each in values for part in (each, each.partition(" ")[2]))
        self._secrets = [self.daily.api_key, *filter(None, keys)]
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start it, and wait until it listens; a `DailyConfigError` says why it does not."""
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        parts = urlsplit(self._url)
        where = (parts.hostname or "", parts.port or 80)
        if await _listens(*where):
            msg = (
                f"Something else listens on port {where[1]}: end it, or use {PORT} in the command."
            )
            raise DailyConfigError(msg)
        folder = self._stack.enter_context(tempfile.TemporaryDirectory())
        self._output = self._stack.enter_context(tempfile.TemporaryFile())
        self._stack.callback(self._keep_output)
        await self._stack.enter_async_context(self.daily)
        timeout = aiohttp.ClientTimeout(total=_ANSWER)
        self._http = await self._stack.enter_async_context(
            aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0))
        )
        env = {**os.environ, **self.daily.env(), _STATE: folder}
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._output,
                env=env,
                start_new_session=True,
            )
        except OSError as exc:
            msg = f"Cannot run {self._command[0]!r}: {exc.strerror}."
            raise DailyConfigError(msg) from exc
        self.tree = ProcessTree(self._process.pid, mark=f"{_STATE}={folder}")
        self._stack.push_async_callback(self._end)
        loop = asyncio.get_running_loop()
        late = loop.time() + _LISTENS
        while not await self._is_up(*where):
            if self.ended or loop.time() > late:
                why = f"ended with code {self._process.returncode}" if self.ended else "runs"
                what = f"and nothing listens on port {where[1]}."
                if self._process.returncode == 0 and self.tree.look():
                    what = "but what it has started runs on: have it stay in the foreground."
                msg = f"The server {why}, {what}{self._last_words()}"
                raise DailyConfigError(msg)
            await asyncio.sleep(_POLL)
        self.idle = len(self.daily.rooms)

    async def _is_up(self, host: str, port: int) -> bool:
        """Tell whether it listens and has made the rooms that wait ready."""
        if self.ended or not await _listens(host, port):
            return False
        await self._come_to_rest()
        # Somebody else may have had the port for a moment, or still have it.
        return not self.ended and await _listens(host, port)

    async def _come_to_rest(self) -> None:
        """Wait until it sends no requests: rooms that wait ready are made."""
        journal = self.daily.parts.requests
        with suppress(TimeoutError):
            async with asyncio.timeout(_REST):
                before = None
                while before != (before := journal.version):  # noqa: ASYNC110
                    await asyncio.sleep(_QUIET)

    # -- Its process -----------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """Whether its process has ended."""
        return self._process.returncode is not None

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self._process.pid

    def terminate(self) -> None:
        """Send SIGTERM to its process, and to no other one, as a platform does."""
        self.tree.look()  # what loses its parent by it is known then
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    async def has_ended(self, within: float) -> bool:
        """Wait so many seconds for the end of its process, and tell whether it has ended."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), within)
        return self.ended

    async def _end(self) -> None:
        """End all of it."""
        for call in self.calls:
            call.hang_up()
        if not self.ended:
            self.terminate()
            await self.has_ended(_GRACE)
        await self.tree.kill()
        await self._process.wait()

    # -- Its calls -------------------------------------------------------------------------

    async def ask(self) -> Answer:
        """Ask it to start a call, as a web app does."""
        body = {"createDailyRoom": True, "transport": "daily", "body": self.plan.body}
        try:
            async with self._http.post(
                self._url, json=body, headers=dict(self.plan.headers), allow_redirects=False
            ) as response:
                raw = bytearray()
                async for some in response.content.iter_any():
                    raw += some
                    if len(raw) > _LONGEST:
                        return Answer(None, f"more than {_LONGEST} bytes")
                return Answer.read(response.status, bytes(raw), self._secrets)
        except TimeoutError:
            return Answer(None, f"within {_ANSWER:.0f} s")
        except aiohttp.ClientError as exc:
            return Answer(None, type(exc).__name__)

    async def ask_again_and_again(self, seconds: float) -> list[Answer]:
        """Ask it to start calls for so long, one after the other."""
        late = asyncio.get_running_loop().time() + seconds
        answers = [await self.ask()]
        while asyncio.get_running_loop().time() + _AGAIN < late:
            await asyncio.sleep(_AGAIN)
            answers.append(await self.ask())
        return answers

    async def call(self, answer: Answer) -> Call:
        """Join the call that an answer is about, and wait for its bot."""
        if not answer.started:
            msg = f"POST {self._shown} gave {answer}."
            raise DrillError(msg)
        if not (name := answer.room):
            msg = f"POST {self._shown} gave no room: {answer}."
            raise DrillError(msg)
        if not any(each.room == name for each in self.daily.state.log.entries):
            msg = (
                "The server makes its rooms elsewhere, not on the drill's local Daily. "
                "Does it set DAILY_API_URL by itself, as from a file?"
            )
            raise DailyConfigError(msg)
        call = Call(self.daily, name, Secret(answer.token) if answer.token else None)
        self.calls.append(call)
        await call.begin()
        return call

    async def start(self, count: int) -> list[Call]:
        """Start so many calls at once; a slot of an earlier call may be free a moment later."""
        asked = (self.ask_until_started(REFUSES) for _ in range(count))
        return await self.join(await asyncio.gather(*asked))

    async def start_again(self) -> Call:
        """Start a call once the server does so, whatever it answers before."""
        answer = await self.ask_until_started()
        if not answer.started:
            msg = f"It starts no call any more: POST {self._shown} gave {answer}."
            raise DrillError(msg)
        return await self.call(answer)

    async def ask_until_started(self, refuses: Collection[int] = ()) -> Answer:
        """Start a call, and try again after a refusal; any error is one where none are given."""
        loop = asyncio.get_running_loop()
        late = loop.time() + self.plan.within
        while not (answer := await self.ask()).started:
            if self.ended or loop.time() > late or (refuses and answer.status not in refuses):
                break
            await asyncio.sleep(_AGAIN)
        return answer

    async def join(self, answers: Iterable[Answer]) -> list[Call]:
        """Join the calls that so many answers are about."""
        done = await asyncio.gather(
            *(self.call(answer) for answer in answers), return_exceptions=True
        )
        for each in done:
            if isinstance(each, BaseException):
                raise each
        return [each for each in done if isinstance(each, Call)]

    def left(self) -> list[str]:
        """Give the rooms that ought to be gone: of calls that are over, and of none."""
        rooms = set(self.daily.rooms)
        live = {call.name for call in self.calls if not call.over}
        over = {call.name for call in self.calls if call.over} & rooms
        ready = sorted(rooms - live - over)
        return [*sorted(over), *ready[self.idle :]]

    async def until(self, condition: Callable[[], Any]) -> bool:
        """Wait for something in the rooms; tell whether it came as soon as it has to."""
        changed = asyncio.Event()
        watchers = self.daily.state.log.watchers
        watch = lambda _: changed.set()
        watchers.append(watch)
        try:
            async with asyncio.timeout(self.plan.within):
                while not condition():
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            return False
        finally:
            watchers.remove(watch)
        return True

    # -- Its output ------------------------------------------------------------------------

    def _last_words(self) -> str:
        file = self._output.fileno()
        # By pread: the server writes where this file is read otherwise. The first word may be the
        # rest of a secret.
        start = max(0, os.fstat(file).st_size - 4 * _SHOWN)
        raw = os.pread(file, 4 * _SHOWN, start).decode("utf-8", "replace").strip()
        whole = raw.split(None, 1)[-1] if start and raw else raw
        said = masked(whole, *self._secrets)[-_SHOWN:]
        said = "".join(each if each.isprintable() or each == "\n" else " " for each in said)
        return f"\n{said}" if said else ""

    def _keep_output(self) -> None:
        if self.plan.log is not None:
            self._output.seek(0)
            with self.plan.log.open("ab") as file:
                shutil.copyfileobj(self._output, file)


async def _listens(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except (OSError, UnicodeError):  # the latter by what is no host's name
        return False
    writer.close()
    return True


def _free_port() -> int:
    """Give a port that nobody gets by asking for any free one while the server starts."""
    while True:
        port = _PORTS[secrets.randbelow(len(_PORTS))]
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
