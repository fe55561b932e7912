# SPDX-License-Identifier: BSD-2-Clause
"""What runs bots on one machine of a Ray cluster: an actor that lives as long as its server.

The server makes it when it starts and talks to it by short calls. No call of Ray's lasts as long as
a session, so none is in the way of another.
"""

import asyncio
import contextlib
import os
import sys
import threading
import uuid
from collections import deque
from collections.abc import Coroutine
from dataclasses import asdict
from typing import Any

import ray
from loguru import logger
from ray._private.state import state

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.server.error_line import one_line
from pipecat_daily_rest.server.launcher import Ended, SessionSpec
from pipecat_daily_rest.server.process_launcher import ProcessLauncher

_KEPT = 30.0  # seconds that an offered slot is kept
_POLL = 10.0  # seconds after which a server that waits for news gets none
_LOOK = 2.0  # seconds between two looks at the node and the server
_GONE = 60.0  # seconds after which a server that asks for no news is gone
_ORPHANS = 3600.0  # seconds that bots may go on whose server is gone


class Host:
    """Runs the bots of one server on this machine, each in a process. One event loop has it all."""

    def __init__(self, most: int | None) -> None:
        """Initialize; ``most`` is how many bots it takes, None for no limit."""
        self._most = most
        self._id = uuid.uuid4().hex  # another one after Ray has started its process anew
        self._node = ray.get_runtime_context().get_node_id()
        self._launcher: ProcessLauncher | None = None
        self._draining = False
        self._offered: dict[str, float] = {}  # until when a slot is kept for a session
        self._starts: dict[str, asyncio.Task[None]] = {}  # of bots that have not ended
        self._news: deque[tuple[int, str, str, Any]] = deque()
        self._number = 0
        self._more = asyncio.Event()
        self._heard = asyncio.get_running_loop().time()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._spawn(self._look())

    async def open(
        self, bots: dict[str, str], options: dict[str, Any], env: dict[str, str], place: str
    ) -> str | None:
        """Load the bots as the server would, and tell what is wrong."""
        os.environ.update(env)
        with contextlib.suppress(OSError):  # this machine has no such folder
            os.chdir(place)
        path = options.pop("path")
        sys.path[:] = [*path, *(each for each in sys.path if each not in path)]
        launcher = ProcessLauncher(**options)
        launcher.listen(lambda session_id, what: self._tell("measured", session_id, dict(what)))
        try:
            await launcher.open(bots, lambda session_id: self._tell("running", session_id))
        except (DailyConfigError, OSError) as exc:
            return str(exc)
        self._launcher = launcher
        return None

    async def offer(self, session_id: str) -> bool:
        """Keep a slot for a session; False when this host is full, or takes no more bots."""
        now = asyncio.get_running_loop().time()
        self._offered = {each: until for each, until in self._offered.items() if until > now}
        taken = len(self._offered) + len(self._starts)
        if self._launcher is None or self._draining:
            return False
        if self._most is not None and taken >= self._most:
            return False
        self._offered[session_id] = now + _KEPT
        return True

    async def start(self, spec: dict[str, Any]) -> bool:
        """Start a bot that was offered; False when the slot is not kept any more."""
        given = SessionSpec(**spec)
        if self._launcher is None or self._offered.pop(given.session_id, None) is None:
            return False
        self._starts[given.session_id] = self._spawn(self._launcher.start(given))
        self._spawn(self._to_end(self._launcher, given.session_id))
        return True

    async def _to_end(self, launcher: ProcessLauncher, session_id: str) -> None:
        try:
            await self._starts[session_id]
            ended = await launcher.ended(session_id)
        except Exception as exc:
            ended = Ended(outcome="error", error=one_line(exc))
        del self._starts[session_id]
        self._tell("ended", session_id, asdict(ended))

    async def stop(self, session_id: str, grace: float) -> None:
        """Tell a bot to end, and kill it after ``grace`` seconds. Waits for nothing."""
        self._offered.pop(session_id, None)
        if self._launcher is not None and (started := self._starts.get(session_id)) is not None:
            self._spawn(self._stop(self._launcher, started, session_id, grace))

    async def _stop(
        self, launcher: ProcessLauncher, started: asyncio.Task[None], session_id: str, grace: float
    ) -> None:
        await asyncio.wait({started})  # a bot that is on its way cannot be told
        await launcher.stop(session_id, grace)

    async def ready(self) -> bool:
        """Ask the bots' own ``readyz()``."""
        return self._launcher is not None and await self._launcher.ready()

    async def news(self, seen: int) -> tuple[str, bool, list[tuple[int, str, str, Any]]]:
        """Wait for what has happened after number ``seen``.

        Gives which life of the host this is, whether it takes no more bots, and what has happened.
        """
        self._heard = asyncio.get_running_loop().time()
        while self._news and self._news[0][0] <= seen:
            self._news.popleft()
        if not self._news:
            self._more.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._more.wait(), _POLL)
        return self._id, self._draining, list(self._news)

    async def drain(self, grace: float) -> None:
        """End every bot."""
        self._draining = True
        if self._launcher is not None:
            await self._launcher.drain(grace)

    def _tell(self, kind: str, session_id: str, what: Any = None) -> None:
        self._number += 1
        self._news.append((self._number, kind, session_id, what))
        self._more.set()

    async def _look(self) -> None:
        """Look whether the node is drained, and whether the server is still there."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOK)
            silent = loop.time() - self._heard
            if silent > _GONE and (not self._starts or silent > _GONE + _ORPHANS):
                await self.drain(0.0)
                ray.kill(ray.get_runtime_context().current_actor, no_restart=True)
            if not self._draining and self._node in await asyncio.to_thread(draining_nodes):
                logger.info("This node is drained: it takes no more bots, and those here go on")
                self._draining = True
                self._more.set()

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def draining_nodes() -> frozenset[str]:
    """Give the nodes that somebody drains; none while Ray's head is away."""
    try:
        return frozenset(state.get_draining_nodes())
    except Exception:
        return frozenset()


class _Actor:
    """A `Host` as an actor. Its loop is not one of Ray's, so that nothing of Ray's can block it."""

    def __init__(self, most: int | None) -> None:
        os.environ.pop("RAY_AUTH_TOKEN", None)  # Ray has read it, and bots need none
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="bots", daemon=True).start()

        async def make() -> Host:
            return Host(most)

        self._host = asyncio.run_coroutine_threadsafe(make(), self._loop).result()

    async def news(self, seen: int) -> Any:
        """Wait for news, in a group of calls of its own. See `Host.news`."""
        return await self._do(self._host.news(seen))

    @ray.method(concurrency_group="control")  # type: ignore[untyped-decorator]
    async def control(self, order: str, *arguments: Any) -> Any:
        """Do what takes no time, beside all that waits: `Host` has a method for each order."""
        return await self._do(getattr(self._host, order)(*arguments))

    async def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))


# No retry: a start is never repeated. A host that dies lives again, without the bots that it had.
RayHost = ray.remote(
    num_cpus=0, max_restarts=-1, max_task_retries=0, concurrency_groups={"control": 1000}
)(_Actor)
