# SPDX-License-Identifier: BSD-2-Clause
"""A job that is measured in a fresh process: ``python -m benchmarks.worker JOB OPTIONS``.

It answers in JSON lines on stdout, and waits for a line on stdin where the parent acts in between.
"""

import asyncio
import gc
import json
import os
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.account import Account
from benchmarks.contenders import CONTENDERS, LIFETIME, PIPECATS, Session, Start
from benchmarks.processes import in_turns, median

_STEADY_AFTER = 0.3  # of the time: the limits let a burst through before they bind
_UNCOUNTED = 4  # sessions before the first that counts
_ROUNDS = 200
_HAND_OUTS = 20


def _say(**members: Any) -> None:
    print(json.dumps(members), flush=True)


async def _listen() -> str:
    return await asyncio.to_thread(sys.stdin.readline)


def _check(session: Session) -> None:
    """Refuse a session without a room or a token: its time must not count."""
    if not session.url or len({session.bot_token, session.user_token, ""}) != 3:
        msg = f"{session.url} has not got both tokens."
        raise RuntimeError(msg)


async def first(account: Account, *, contender: str, warm: bool) -> None:
    """The first session of a process."""
    async with CONTENDERS[contender](account, warm=warm) as start:
        began = time.perf_counter()
        async with start() as session:
            seconds = time.perf_counter() - began
            _check(session)
    _say(seconds=seconds)


async def warm(account: Account, *, contenders: list[str], rounds: int) -> None:
    """Sessions on warm connections, the contenders in turns."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    async with AsyncExitStack() as stack:
        starts = {
            name: await stack.enter_async_context(CONTENDERS[name](account)) for name in contenders
        }
        for _ in range(_UNCOUNTED):
            for start in starts.values():
                async with start():
                    pass
        for name in in_turns(contenders, rounds):
            began = time.perf_counter()
            async with starts[name]() as session:
                seconds[name].append(time.perf_counter() - began)
                _check(session)
    _say(**seconds)


async def burst(account: Account, *, contender: str, count: int) -> None:
    """Many starts at once; all sessions end together when the parent says so."""
    ended = asyncio.Event()
    ready = 0

    async def one(start: Start, done: asyncio.Semaphore) -> None:
        nonlocal ready
        try:
            async with start() as session:
                _check(session)
                ready += 1
                done.release()
                await ended.wait()
        except BaseException:
            done.release()
            raise

    async with CONTENDERS[contender](account) as start:
        done = asyncio.Semaphore(0)
        began = time.perf_counter()
        tasks = [asyncio.create_task(one(start, done)) for _ in range(count)]
        for _ in tasks:
            await done.acquire()
        _say(seconds=time.perf_counter() - began, ready=ready)
        await _listen()
        began = time.perf_counter()
        ended.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        _say(seconds=time.perf_counter() - began)


@asynccontextmanager
async def _owning(account: Account, names: list[str]) -> AsyncIterator[None]:
    """Own these rooms as if this process had made them."""
    from pipecat_daily_rest import DailyRESTHelper, DailyRoomObject, drain_on_exit
    from pipecat_daily_rest._rooms.owned import OwnedRoom

    expires_at = datetime.now(UTC) + timedelta(seconds=LIFETIME)
    async with DailyRESTHelper(daily_api_key=account.key, daily_api_url=account.url) as daily:
        for name in names:
            room = OwnedRoom(daily.api, name, expires_at=expires_at)
            room.confirm(DailyRoomObject(name=name, url=f"http://127.0.0.1/{name}"))
        async with drain_on_exit(30):
            yield


async def shutdown(account: Account, *, contender: str) -> None:
    """The end of a process with many rooms, whose names come on stdin."""
    names = json.loads(await _listen())
    if contender == "package":
        async with _owning(account, names):
            began = time.perf_counter()
    else:
        import aiohttp
        from pipecat.transports.daily.utils import DailyRESTHelper

        async with aiohttp.ClientSession() as session:
            helper = DailyRESTHelper(
                daily_api_key=account.key, daily_api_url=account.url, aiohttp_session=session
            )
            began = time.perf_counter()
            deletions = (helper.delete_room_by_name(name) for name in names)
            await asyncio.gather(*deletions, return_exceptions=True)
    _say(seconds=time.perf_counter() - began)


async def sustained(account: Account, *, contender: str, seconds: float, at_once: int) -> None:
    """Sessions one after the other, many at a time, for a while."""
    began = time.perf_counter()
    counted = {"steady": 0, "failed": 0}

    async def again(start: Start) -> None:
        while (passed := time.perf_counter() - began) < seconds:
            try:
                async with start() as session:
                    _check(session)
            except Exception:
                counted["failed"] += 1
                await asyncio.sleep(0.1)  # a refused client does not ask again at once
                continue
            passed = time.perf_counter() - began
            counted["steady"] += _STEADY_AFTER * seconds < passed <= seconds

    async with CONTENDERS[contender](account) as start:
        await asyncio.gather(*(again(start) for _ in range(at_once)))
    _say(rate=counted["steady"] / (seconds * (1 - _STEADY_AFTER)), failed=counted["failed"])


def _without_limits(account: Account) -> None:
    """Switch the account's pacing off: the local Daily has no limits here."""
    from pipecat_daily_rest import DailyRESTHelper, RateLimits

    pace = RateLimits(
        default=(10**6, 1.0), slow=(10**6, 1.0)
    )  # holds for the account's other helpers, too
    DailyRESTHelper(daily_api_key=account.key, daily_api_url=account.url, pace=pace)


async def cpu(account: Account, *, contender: str, count: int, at_once: int) -> None:
    """CPU time of sessions, in turns with bare aiohttp in the same process."""
    if contender not in PIPECATS:
        _without_limits(account)
    spent = {contender: 0.0, "bare": 0.0}

    async def one(start: Start) -> None:
        async with start():
            pass

    async with AsyncExitStack() as stack:
        starts = {
            name: await stack.enter_async_context(CONTENDERS[name](account)) for name in spent
        }
        for start in starts.values():
            await asyncio.gather(*(one(start) for _ in range(at_once)))
            for _ in range(_UNCOUNTED):
                await one(start)
        gc.collect()
        for _ in range(count // at_once):
            for name, start in starts.items():
                began = time.process_time()
                await asyncio.gather(*(one(start) for _ in range(at_once)))
                spent[name] += time.process_time() - began
    _say(seconds=spent[contender] / count, bare=spent["bare"] / count)


async def memory(account: Account, *, contender: str, count: int) -> None:
    """Memory of sessions that are open, as Python's allocator counts it."""
    if contender not in PIPECATS:
        _without_limits(account)
    async with CONTENDERS[contender](account) as start, AsyncExitStack() as stack:
        async with start():
            pass
        gc.collect()
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        held = [await stack.enter_async_context(start()) for _ in range(count)]
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        _say(bytes=(after - before) / len(held))


async def grow(account: Account, *, count: int) -> None:
    """What one more room costs beside many: in the registry, the pool and the sweep."""
    from pipecat_daily_rest import DailyRESTHelper, RoomPool, owned_rooms, sweep_rooms
    from pipecat_daily_rest._rooms.owned import OwnedRoom

    async with DailyRESTHelper(daily_api_key=account.key, daily_api_url=account.url) as daily:
        end = datetime.now(UTC) + timedelta(seconds=LIFETIME)
        owned = [OwnedRoom(daily.api, f"other-{n}", expires_at=end) for n in range(count)]
        began = time.perf_counter()
        for _ in range(_ROUNDS):
            OwnedRoom(daily.api, "one", expires_at=end).release()
        opened = (time.perf_counter() - began) / _ROUNDS
        began = time.process_time()
        report = await sweep_rooms(daily=daily, dry_run=True, pause=0)
        swept = (time.process_time() - began) / count
        if len(report.deleted) != count or len(owned_rooms()) != count:
            msg = f"The sweep found {len(report.deleted)} rooms of {count}."
            raise RuntimeError(msg)
        for room in owned:
            room.release()
        handed: list[float] = []
        async with RoomPool(size=count, daily=daily) as pool:
            for _ in range(_HAND_OUTS):
                began = time.perf_counter()
                async with pool.room():
                    handed.append(time.perf_counter() - began)
    _say(opened=opened, swept=swept, handed=median(handed))


def _main(job: str, options: str) -> None:
    jobs = (first, warm, burst, shutdown, sustained, cpu, memory, grow)
    table = {each.__name__: each for each in jobs}
    chosen = json.loads(options)
    # Imports are measured apart.
    if chosen.get("contender") in PIPECATS:
        import pipecat.runner.daily  # noqa: F401
    else:
        import pipecat_daily_rest  # noqa: F401
    account = Account(os.environ["DAILY_API_URL"], os.environ["DAILY_API_KEY"])
    asyncio.run(table[job](account, **chosen))


if __name__ == "__main__":
    _main(*sys.argv[1:])
