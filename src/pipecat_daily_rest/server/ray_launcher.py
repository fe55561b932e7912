# SPDX-License-Identifier: BSD-2-Clause
"""Bots on the machines of a Ray cluster, which runs already or is started with the server.

Each machine gets one host when the server starts: an actor that runs bots as `ProcessLauncher` does.
The server asks a host whether it takes a bot, then starts it there once. Ray repeats nothing.
"""

import asyncio
import os
import sys
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import ray
from loguru import logger
from ray.exceptions import ActorUnavailableError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.server.error_line import one_line
from pipecat_daily_rest.server.errors import StartFailed
from pipecat_daily_rest.server.launcher import Ended, SessionSpec, Told
from pipecat_daily_rest.server.ray_connection import HEAD_IS_LOST, LOCAL, Ray
from pipecat_daily_rest.server.ray_host import RayHost, draining_nodes

RESOURCE = "pipecat"  # of nodes that run bots: how many at once
_BOOT = 120.0  # seconds in which a host has to start and to load the bots
_ASK = 5.0  # seconds in which a host has to answer
_AGAIN = 0.5  # seconds after which a host that was out of reach is asked again
_KILL = 8.0  # seconds that the end of a killed bot may take
_THEIR_OWN = frozenset(  # variables that each machine has its own values of
    "HOME HOSTNAME LD_LIBRARY_PATH LOGNAME OLDPWD PATH PWD SHELL TMPDIR USER VIRTUAL_ENV".split()
)


class _Host:
    """A host, as its server sees it."""

    def __init__(self, actor: Any, node: str, most: int | None) -> None:
        self.actor = actor
        self.node = node
        self.most = most
        self.life = ""  # Ray may start its process anew
        self.seen = 0  # the number of the last news
        self.takes = False
        self.bots: dict[str, asyncio.Future[Ended]] = {}

    async def control(self, order: str, *arguments: Any, within: float = _ASK) -> Any:
        """Have it do something; raise `RayError` or `TimeoutError` where it does not answer."""
        return await asyncio.wait_for(self.actor.control.remote(order, *arguments), within)

    def lose(self) -> None:
        """Note that its bots are gone."""
        for end in self.bots.values():
            if not end.done():
                end.set_result(Ended(outcome="lost", error="The Ray host of the bot died."))


class RayLauncher:
    """Runs each bot in a process on one of the machines of a Ray cluster.

    Nodes that were started with ``--resources='{"pipecat": 25}'`` run so many bots each; where no node
    has the resource, all of them run bots, without a limit.
    """

    def __init__(self, **options: Any) -> None:
        """Initialize; nothing is connected or started yet.

        ``RAY_ADDRESS`` is Ray's head as ``host:port``. Without it Ray is started on this machine
        alone, and ends with the server.

        Args:
            options: What each host does with its processes: see `ProcessLauncher`.
        """
        self._options = options
        self._bots: Mapping[str, str] = {}
        self._running: Callable[[str], None] = lambda session_id: None
        self._told: Told = lambda session_id, what: None
        self._ray = Ray()
        self._hosts: list[_Host] = []
        self._where: dict[str, _Host] = {}
        self._following: list[asyncio.Task[None]] = []
        self._draining = False

    @property
    def capacity(self) -> int | None:
        """How many bots the hosts run at once; None when they set no limit."""
        taking = [each for each in self._hosts if each.takes]
        limits = [each.most for each in taking if each.most is not None]
        if len(limits) < len(taking):
            return None
        return sum(limits) + sum(len(each.bots) for each in self._hosts if not each.takes)

    def listen(self, told: Told) -> None:
        """Pass on what bots measure. See `Launcher`."""
        self._told = told

    async def open(self, bots: Mapping[str, str], running: Callable[[str], None]) -> None:
        """Connect to Ray, and make a host on each node that runs bots.

        Raises:
            DailyConfigError: There is no such cluster, it is open to everybody, or no host of it
                can load a bot.
        """
        self._bots, self._running = bots, running
        try:
            await self._ray.__aenter__()
            if self._ray.address != LOCAL and not await self._ray.is_behind_redis():
                logger.warning("Ray's head has no Redis behind it: {}", HEAD_IS_LOST)
            await self._ray.call(self._make_hosts)
            wrong = await asyncio.gather(*map(self._open, self._hosts))
            if all(wrong):
                raise DailyConfigError(wrong[0] if wrong else "The Ray cluster has no node.")
            await self._end([each for each in self._hosts if not each.takes])
        except BaseException:
            await self.drain(0.0)
            raise
        logger.info("Ray at {} runs bots on {} node(s)", self._ray.address, len(self._hosts))
        self._following = [
            asyncio.create_task(self._follow(each), name=f"Ray host on node {each.node}")
            for each in self._hosts
        ]

    def _make_hosts(self) -> None:
        """Make them. It is done once: to make an actor while Ray's head is away may block."""
        drained = draining_nodes()  # where Ray places nothing any more
        nodes = [each for each in ray.nodes() if each["Alive"] and each["NodeID"] not in drained]
        marked = [each for each in nodes if each["Resources"].get(RESOURCE)]
        for node in marked or nodes:
            most = int(node["Resources"][RESOURCE]) if marked else None
            made = RayHost.options(
                name=f"host of bots {uuid.uuid4().hex}",
                namespace="pipecat-daily-rest",
                lifetime="detached",
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
            ).remote(most)
            self._hosts.append(_Host(made, node["NodeID"], most))

    async def _open(self, host: _Host) -> str | None:
        """Have it load the bots; tell, and log, what is wrong."""
        env = {
            name: value
            for name, value in os.environ.items()
            if name not in _THEIR_OWN and not name.startswith("RAY_")
        }
        options = {**self._options, "path": sys.path}
        try:
            wrong: str | None = await host.control(
                "open", dict(self._bots), options, env, os.getcwd(), within=_BOOT
            )
        except (RayError, TimeoutError) as exc:
            wrong = f"The Ray host does not start: {one_line(exc)}"
        host.takes = not wrong
        if wrong:
            logger.error("Ray node {} runs no bots: {}", host.node, wrong)
        return wrong

    async def _follow(self, host: _Host) -> None:
        """Hear what happens on a host, until it is gone for good."""
        while True:
            try:
                life, draining, news = await host.actor.news.remote(host.seen)
            except ActorUnavailableError:  # it is started anew, or out of reach for a moment
                host.takes = False
                await asyncio.sleep(_AGAIN)
                continue
            except RayError as exc:
                host.takes = False
                logger.error("Ray node {} is gone: {}", host.node, one_line(exc))
                host.lose()
                return
            if life != host.life:
                if host.life:
                    logger.error("The host on Ray node {} died: its bots are lost", host.node)
                    host.lose()
                    if await self._open(host):
                        await asyncio.sleep(_ASK)
                        continue
                host.life, host.seen = life, 0
            host.takes = not draining
            for number, kind, session_id, what in news:
                host.seen = number
                self._hear(host, kind, session_id, what)

    def _hear(self, host: _Host, kind: str, session_id: str, what: Any) -> None:
        end = host.bots.get(session_id)
        if end is None:
            return
        if kind == "running":
            self._running(session_id)
        elif kind == "measured":
            self._told(session_id, what)
        elif not end.done():
            end.set_result(Ended(**what))

    async def ready(self) -> bool:
        """Ask the bots' own ``readyz()`` on every host that takes bots; without one it is not."""
        try:
            said = [each.control("ready") for each in self._hosts if each.takes]
            return bool(said) and all(await asyncio.gather(*said))
        except (RayError, TimeoutError):
            return False

    async def start(self, spec: SessionSpec) -> None:
        """Offer the bot to the hosts, the emptiest first, and start it where it is taken."""
        if self._draining:
            msg = "The launcher is shutting down."
            raise StartFailed(msg)
        taking = [each for each in self._hosts if each.takes]
        for host in sorted(taking, key=lambda host: len(host.bots) / (host.most or 1)):
            if await self._started(host, spec):
                return
        msg = "No Ray host takes the bot: they are full, drained or out of reach."
        raise StartFailed(msg)

    async def _started(self, host: _Host, spec: SessionSpec) -> bool:
        """Start a bot on a host, if it takes it. Whoever may have started it is the last one asked."""
        session_id = spec.session_id
        # It counts at once, for starts at the same time, and its news may come before the answer.
        self._where[session_id] = host
        host.bots[session_id] = asyncio.get_running_loop().create_future()
        offered: bool = False
        started: bool = False
        try:
            try:
                offered = await host.control("offer", session_id)
                started = offered and await host.control("start", spec.to_json())
            except (RayError, TimeoutError) as exc:
                if not offered:
                    return False
                msg = "The Ray host did not say whether the bot started: it is not started again."
                raise StartFailed(msg) from exc
        finally:
            if not started:
                self._forget(session_id)
                if offered:
                    host.actor.control.remote("stop", session_id, 0.0)
        return started

    def _forget(self, session_id: str) -> None:
        if (host := self._where.pop(session_id, None)) is not None:
            host.bots.pop(session_id, None)

    async def stop(self, session_id: str, grace: float) -> None:
        """Tell a bot to end; its host kills it after ``grace`` seconds."""
        host = self._where.get(session_id)
        if host is None or (end := host.bots[session_id]).done():
            return
        with suppress(RayError, TimeoutError):
            await host.control("stop", session_id, grace)
        await asyncio.wait({end}, timeout=grace + _KILL)

    async def ended(self, session_id: str) -> Ended:
        """Wait for the end of a bot."""
        try:
            return await asyncio.shield(self._where[session_id].bots[session_id])
        finally:
            self._forget(session_id)

    async def drain(self, grace: float) -> None:
        """End every bot and every host, and Ray, where it was started or connected here."""
        self._draining = True
        await asyncio.gather(*(self.stop(each, grace) for each in list(self._where)))
        for task in self._following:
            task.cancel()
        await self._end(self._hosts)
        try:
            async with asyncio.timeout(_KILL):
                await self._ray.__aexit__(None, None, None)
        except (RayError, TimeoutError) as exc:
            logger.warning("The connection to Ray did not end: {}", one_line(exc))

    async def _end(self, hosts: list[_Host]) -> None:
        self._hosts = [each for each in self._hosts if each not in hosts]
        ends = [each.control("drain", 0.0, within=_KILL) for each in hosts]
        await asyncio.gather(*ends, return_exceptions=True)
        try:
            async with asyncio.timeout(_KILL):
                for host in hosts:
                    await self._ray.call(partial(ray.kill, host.actor, no_restart=True))
        except (RayError, TimeoutError) as exc:
            logger.warning("Ray does not end hosts; they end themselves: {}", one_line(exc))
