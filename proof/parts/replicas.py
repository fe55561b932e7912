# SPDX-License-Identifier: BSD-2-Clause
"""Replicas stop each other's sessions, go on without Redis, and leave no room when one is killed.

Two and then five servers run behind a load balancer on 127.0.0.1, with one Redis, each as on a machine
of its own. Sessions start through the balancer, and half of them are stopped by another server than
their own. Redis is killed: calls go on and sessions start. It comes back without its data. Then one
server is killed by SIGKILL while sessions start. A caller is alone in one of its rooms, and a bot is in
another one, as if it ran elsewhere. All of its rooms have to be gone within two minutes, but for the
bot's, which goes when the bot has left.
"""

import asyncio
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from balancer import balanced
from pipecat_daily_rest import DailyRESTHelper
from pipecat_daily_rest._core import room_names
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.models import DailyMeetingTokenParams, DailyMeetingTokenProperties
from pipecat_daily_rest.server.bot_user import bot_user_id
from programs import Program, processes
from proof.figures import Check, Figures
from redis_server import RedisServer
from serving import BEHAVE, until

LIMIT = 120.0  # seconds in which the rooms of a server that was killed are gone
_START = {"createDailyRoom": True, "body": {"do": "stay"}}
_OPTIONS = (
    *("--port", "0", "--launcher", "task", "--pool", "2", "--max-sessions", "200"),
    *("--join-timeout", "0"),  # nobody joins
)
_SETTLE = 300.0  # seconds that anything may take that has no limit of its own


@dataclass
class Found:
    """What was seen.

    Parameters:
        replicas: How many servers there were.
        stopped: How the sessions ended that were stopped through the balancer.
        elsewhere: How many of them another server was asked to stop.
        cut: Calls that ended while Redis was away.
        started: Sessions that started while Redis was away.
        left: Rooms that the killed server left.
        seconds: After how many seconds they were gone, but for the bot's.
        spared: Whether the bot's room was there then.
        wrong: Rooms of the other servers that were deleted.
        rooms: Rooms that are left at the end.
        codes: The exit codes of the other servers.
    """

    replicas: int
    stopped: Counter[str] = field(default_factory=Counter)
    elsewhere: int = 0
    cut: int = 0
    started: int = 0
    left: int = 0
    seconds: float = 0.0
    spared: bool = False
    wrong: int = 0
    rooms: int = 0
    codes: list[int] = field(default_factory=list)


class _Fleet:
    """Servers, a balancer in front of them, and who asks."""

    def __init__(self, urls: list[str], url: str, client: aiohttp.ClientSession) -> None:
        self.urls, self._url, self._client = urls, url, client

    async def ask(self, method: str, path: str, data: Any = None, url: str = "") -> tuple[int, Any]:
        async with self._client.request(method, (url or self._url) + path, json=data) as answer:
            return answer.status, await answer.json()

    async def start(self) -> dict[str, str]:
        status, answer = await self.ask("POST", "/start", _START)
        if status != 200:
            msg = f"A start was answered with {status}: {answer}"
            raise RuntimeError(msg)
        found: dict[str, str] = answer
        return found

    async def listed(self) -> list[dict[str, Any]]:
        """Give the sessions that each server knows."""
        lists = [await self.ask("GET", "/sessions?limit=1000", url=url) for url in self.urls]
        return [each for _, listed in lists for each in listed["sessions"]]


@asynccontextmanager
async def _opened(start: Any, daily: LocalDaily, redis: RedisServer, number: int, env: Any) -> Any:
    async with AsyncExitStack() as stack:
        servers: list[Program] = []
        for _ in range(number):
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            given = {**daily.env(), "DAILY_REDIS_URL": redis.url, "PIPECAT_DAILY_STATE": folder}
            command = ("-m", "pipecat_daily_rest", "serve", BEHAVE, *_OPTIONS)
            servers.append(await start(sys.executable, *command, env={**given, **env}))
        urls = [await each.says(r"^(http://\S+)$") for each in servers]
        url = await stack.enter_async_context(balanced(urls))
        client = await stack.enter_async_context(aiohttp.ClientSession())
        yield servers, _Fleet(urls, url, client)


async def run(
    start: Any,
    daily: LocalDaily,
    redis: RedisServer,
    *,
    replicas: int,
    sessions: int,
    away: float,
    env: Mapping[str, str] | None = None,
) -> Found:
    """Run so many servers, each with so many sessions; Redis is away for so many seconds."""
    found = Found(replicas)
    async with (
        asyncio.timeout(_SETTLE + 4 * LIMIT),
        _opened(start, daily, redis, replicas, env or {}) as (servers, fleet),
    ):
        calls = [await fleet.start() for _ in range(replicas * sessions)]
        await _stops(fleet, calls[::2], found)
        calls = calls[1::2]
        redis.stop()
        late = [await fleet.start() for _ in range(2 * replicas)]
        await asyncio.sleep(away)
        ended = {each["sessionId"] for each in await fleet.listed() if each["state"] == "ended"}
        found.cut = len(ended & {each["sessionId"] for each in calls})
        found.started = len({each["sessionId"] for each in late} - ended)
        redis.start()
        # One of those behind the last server is killed with its calls.
        await _killed(servers.pop(), fleet, daily, [*calls, *late], found)
        for server in servers:
            server.signal(signal.SIGTERM)
        found.codes = [await server.ended() for server in servers]
        found.rooms = len(daily.rooms)
    return found


async def _stops(fleet: _Fleet, calls: list[dict[str, str]], found: Found) -> None:
    """Stop sessions through the balancer, and wait for how they end."""
    ids = {each["sessionId"] for each in calls}
    for session_id in ids:
        status, _ = await fleet.ask("DELETE", f"/sessions/{session_id}")
        found.elsewhere += status == 202
    while True:
        over = [each for each in await fleet.listed() if each["sessionId"] in ids]
        if all(each["state"] == "ended" for each in over):
            break
        await asyncio.sleep(0.1)
    found.stopped = Counter(each["reason"] for each in over)


async def _killed(
    server: Program, fleet: _Fleet, daily: LocalDaily, calls: list[dict[str, str]], found: Found
) -> None:
    """Kill a server under load, and wait until its rooms are gone."""
    _, listed = await fleet.ask("GET", "/sessions?limit=1000", url=fleet.urls.pop())
    running = {each["sessionId"] for each in listed["sessions"] if each["state"] == "running"}
    theirs = [each for each in calls if each["sessionId"] in running]
    lonely, with_bot = theirs[:2]
    tag = room_names.session_tag(lonely["sessionId"])

    def left() -> list[str]:
        return [name for name in daily.rooms if f"-s{tag}-" in name]

    daily.join(lonely["dailyRoom"], lonely["dailyToken"], user_name="Caller")
    properties = DailyMeetingTokenProperties(user_id=bot_user_id(with_bot["sessionId"]))
    async with DailyRESTHelper(
        daily_api_key=daily.api_key, daily_api_url=daily.api_url, pace=False
    ) as helper:
        token = await helper.get_token(
            with_bot["dailyRoom"], params=DailyMeetingTokenParams(properties=properties)
        )
    bot = daily.join(with_bot["dailyRoom"], token, user_name="Bot")
    held = daily.fail("POST", "/rooms", times=2, delay=0.3)
    starts = [asyncio.create_task(fleet.start()) for _ in range(20)]
    await held.wait()
    began = time.monotonic()
    server.signal(signal.SIGKILL)
    await server.ended()
    await asyncio.gather(*starts, return_exceptions=True)
    found.left = len(left())
    kept = {f"pipecat-{each['sessionId']}" for each in calls if each not in theirs}
    room = f"pipecat-{with_bot['sessionId']}"
    await until(lambda: set(left()) <= {room})
    found.seconds = time.monotonic() - began
    found.spared = room in daily.rooms
    found.wrong = len(kept - daily.rooms.keys())
    bot.leave()
    await until(lambda: not left())


async def prove() -> Figures:
    """Prove it with two replicas and with five."""
    redis, every = RedisServer(), []
    redis.start()
    try:
        for replicas in (2, 5):
            with tempfile.TemporaryDirectory() as folder:
                async with processes(Path(folder)) as start, LocalDaily() as daily:
                    every.append(
                        await run(start, daily, redis, replicas=replicas, sessions=20, away=30.0)
                    )
    finally:
        redis.stop()
    return Figures([check for found in every for check in checks(found, sessions=20)])


def checks(found: Found, *, sessions: int, limit: float = LIMIT) -> list[Check]:
    """Give what has to hold."""
    stopped = -(-found.replicas * sessions // 2)
    of = f"{found.replicas} replicas: "
    return [
        Check(
            f"{of}sessions stopped through the balancer",
            ", ".join(f"{count} {reason}" for reason, count in found.stopped.items()),
            found.stopped == {"stopped": stopped},
        ),
        Check(f"{of}of these by another server", str(found.elsewhere), found.elsewhere > 0),
        Check(f"{of}calls that ended while Redis was away", str(found.cut), found.cut == 0),
        Check(
            f"{of}sessions that started while Redis was away",
            str(found.started),
            found.started == 2 * found.replicas,
        ),
        Check(f"{of}rooms that a killed one left", str(found.left), found.left > 0),
        Check(f"{of}seconds until they were gone", f"{found.seconds:.0f}", found.seconds <= limit),
        Check(f"{of}a room with a bot stayed", "yes" if found.spared else "no", found.spared),
        Check(f"{of}rooms of others that were deleted", str(found.wrong), found.wrong == 0),
        Check(f"{of}rooms left at the end", str(found.rooms), found.rooms == 0),
        Check(
            f"{of}exit codes at SIGTERM",
            ", ".join(map(str, found.codes)),
            set(found.codes) == {0},
        ),
    ]
