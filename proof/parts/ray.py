# SPDX-License-Identifier: BSD-2-Clause
"""A thousand sessions on a Ray cluster, and what becomes of calls when its parts die.

First the contract of every launcher runs on a cluster of three nodes. Then the commands of
[server.md](server.md#ray) start a head behind Redis and two nodes on this machine, with 100 bots each.
1,000 sessions are started at 50 a second, if the machine can; a start that finds all slots taken is made
again. Each bot notes its session's id, once. The local Daily has no rate limits. Then the host on one
node is killed, the head is killed and comes back after more than a minute, one node is drained, and at
last a server is killed while it has a call.
"""

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.server import AtCapacity, EndReason, Session, Sessions, StartRequest
from proof import command
from proof.figures import Check, Figures, Table
from proof.suite import failures, run_tests
from serving import state_of, until

_SESSIONS = int(os.environ.get("RAY_SESSIONS", "1000"))
_RATE = 50.0  # starts a second
_MOST = 100  # bots on each node
_AWAY = 75.0  # seconds that the head is away: without a setting of Ray's it would be too late
_LATER = 10.0  # seconds after which calls are looked at again
_BOT = command.ROOT / "proof" / "ray_bot.py"


class _Calls:
    """Sessions whose bots stay until a file is there."""

    def __init__(self, sessions: Sessions, folder: Path) -> None:
        self.sessions = sessions
        self.starts = folder / "starts"
        self.starts.touch()
        self._go = folder / "go"

    @property
    def started(self) -> Counter[str]:
        """How often each session's bot was started."""
        return Counter(self.starts.read_text("utf-8").split())

    async def start(self, number: int) -> list[Session]:
        body = {"starts": str(self.starts), "until": str(self._go)}
        begun = [await self.sessions.start(StartRequest(body=body)) for _ in range(number)]
        await asyncio.gather(*(each.began.wait() for each in begun))
        return begun

    @property
    def hosts(self) -> list[Any]:
        """The hosts, as the launcher sees them."""
        launcher: Any = self.sessions.launcher
        return list(launcher._hosts)

    def on(self, host: Any, sessions: list[Session]) -> list[Session]:
        """Give the sessions on a host."""
        return [each for each in sessions if each.id in host.bots]

    def go(self) -> None:
        self._go.touch()


async def _many(calls: _Calls) -> tuple[list[Session], int, float]:
    """Start all of them, and wait for their ends; give how many starts were refused, too."""
    refused = 0
    began = time.monotonic()
    begun: list[Session] = []

    async def one(number: int) -> None:
        nonlocal refused
        await asyncio.sleep(max(0.0, began + number / _RATE - time.monotonic()))
        while True:
            try:
                begun.append(
                    await calls.sessions.start(StartRequest(body={"starts": str(calls.starts)}))
                )
            except AtCapacity:
                refused += 1
                await asyncio.sleep(0.5)
            else:
                return

    await asyncio.gather(*map(one, range(_SESSIONS)))
    took = time.monotonic() - began
    for each in begun:
        await each.wait()
    return begun, refused, _SESSIONS / took


def _of_many(begun: list[Session], started: Counter[str], rooms: int) -> list[Check]:
    finished = sum(each.end is not None and each.end.reason is EndReason.FINISHED for each in begun)
    ids = {each.id for each in begun}
    twice = sum(count > 1 for count in started.values())
    return [
        Check("sessions that finished", str(finished), finished == len(ids) == _SESSIONS),
        Check("bots that never started", str(len(ids - set(started))), ids == set(started)),
        Check("bots that were started twice", str(twice), not twice),
        Check("rooms that are left", str(rooms), not rooms),
    ]


async def _killed_host(calls: _Calls, daily: LocalDaily) -> list[Check]:
    running = await calls.start(10)
    host = calls.hosts[0]
    there = calls.on(host, running)
    pid = await host.actor.__ray_call__.remote(lambda _: os.getpid())
    os.kill(pid, signal.SIGKILL)
    reasons = {(await each.wait()).reason for each in there}
    names = {each.room_name for each in there}
    await until(lambda: host.takes)  # Ray has started it again
    again = await calls.start(1)
    others = sum(each.end is None for each in running)
    return [
        Check("host killed: reasons of its sessions", _named(reasons), reasons == {EndReason.LOST}),
        Check("their rooms", str(len(names & set(daily.rooms))), not names & set(daily.rooms)),
        Check("calls on the other host that go on", str(others), others == 10 - len(there) > 0),
        Check("the host takes bots again", "yes", calls.on(host, again) == again),
    ]


async def _killed_head(calls: _Calls, daily: LocalDaily, machines: Any, head: Any) -> list[Check]:
    from proof.ray_nodes import HEAD

    running = await calls.start(10)
    await machines.kill(head)
    away = await calls.start(4)
    stopped = await calls.sessions.stop(away[0].id)
    await asyncio.sleep(_AWAY)
    await machines.up(HEAD)
    back = await calls.start(4)
    await asyncio.sleep(_LATER)
    ended = sum(each.end is not None for each in (*running, *away[1:], *back))
    return [
        Check("head killed: calls that ended by that", str(ended), ended == 0),
        Check("starts while it was away, and after it came back", "4 and 4", len(back) == 4),
        Check(
            "a stop meanwhile",
            _named({stopped.end and stopped.end.reason}),
            stopped.end is not None,
        ),
    ]


async def _drained_node(calls: _Calls) -> list[Check]:
    running = await calls.start(10)
    host, other = calls.hosts
    there = calls.on(host, running)
    await command.run(
        Path(sys.executable).with_name("ray"), "drain-node", "--address", os.environ["RAY_ADDRESS"],
        *("--node-id", host.node, "--reason", "DRAIN_NODE_REASON_PREEMPTION"),
        *("--reason-message", "proof", "--deadline-remaining-seconds", "5"),
    )  # fmt: skip
    await until(lambda: not host.takes)
    offered = await host.control("offer", "s1")
    new = await calls.start(4)
    there_too = calls.on(other, new)
    await asyncio.sleep(_LATER)  # past the deadline
    went_on = sum(each.end is None for each in there)
    calls.go()
    reasons = {(await each.wait()).reason for each in running}
    return [
        Check("node drained: its host takes a bot", "yes" if offered else "no", not offered),
        Check("new calls on the other", str(len(there_too)), there_too == new),
        Check("its calls that go on", str(went_on), went_on == len(there) > 0),
        Check("their reasons at last", _named(reasons), reasons == {EndReason.FINISHED}),
    ]


async def _killed_server(machines: Any, daily: LocalDaily, folder: Path) -> list[Check]:
    """The calls of a server that is killed go on. Its command is the page's."""
    from proof.ray_nodes import SERVER

    starts, pid = folder / "of the server", folder / "pid"
    line = SERVER.replace("bot.py", f"{_BOT} --port 0 --daily")
    server = machines.start(line, PIPECAT_DAILY_STATE=str(folder / "state"), **daily.env())
    url = await machines.says(server, r"^(http://127\S+)$")
    body = {"starts": str(starts), "until": str(folder / "never"), "pid": str(pid)}
    await command.run(
        "curl", "-sS", "--fail", "-X", "POST", f"{url}/start",
        "-d", json.dumps({"createDailyRoom": True, "body": body}),
    )  # fmt: skip
    await until(starts.exists)  # the bot has told its process by then
    server.kill()
    server.wait()
    await asyncio.sleep(_LATER)
    lives = state_of(int(pid.read_text("utf-8"))) != "Z"
    return [
        Check("server killed: its call goes on", "yes" if lives else "no", lives),
        Check("its room", str(len(daily.rooms)), len(daily.rooms) == 1),
    ]


def _named(reasons: Any) -> str:
    return ", ".join(sorted(str(each and each.value) for each in reasons)) or "none"


async def prove() -> Figures:
    """Run all of it."""
    from pipecat_daily_rest.server.ray_launcher import RayLauncher
    from proof.ray_nodes import HEAD, NODE, nodes

    contract = await run_tests(
        sys.executable, command.ROOT / "tests" / "server" / "test_ray.py", env={"LARGE": "1"}
    )
    done = f"{contract.passed} passed" + (
        f", failed: {failures(contract)}" if contract.failed else ""
    )
    checks = [Check("the contract of launchers, and tests of Ray's own", done, not contract.failed)]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        async with nodes(folder, _MOST) as machines, LocalDaily() as daily:
            head = await machines.up(HEAD)
            for _ in range(2):
                await machines.up(NODE)
            async with Sessions(
                _BOT,
                max_sessions=2 * _MOST,
                launcher=RayLauncher(),
                start_timeout=300,
                api_key=daily.api_key,
                api_url=daily.api_url,
            ) as sessions:
                calls = _Calls(sessions, folder)
                begun, refused, rate = await _many(calls)
                checks += _of_many(begun, calls.started, len(daily.rooms))
                checks += await _killed_host(calls, daily)
                checks += await _killed_head(calls, daily, machines, head)
                checks += await _drained_node(calls)
            checks.append(Check("rooms that are left", str(len(daily.rooms)), not daily.rooms))
            checks += await _killed_server(machines, daily, folder)
        wrote = [each.name for each in (folder / "home").iterdir()]
        checks.append(Check("files in the home folder", ", ".join(wrote) or "none", not wrote))
    rows = [("starts a second", f"{rate:.0f}"), ("starts that were refused first", str(refused))]
    return Figures(checks, [Table(("the thousand", ""), rows)])
