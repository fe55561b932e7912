# SPDX-License-Identifier: BSD-2-Clause
"""Several processes keep within one account's limits together, through a real Redis."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from contextlib import asynccontextmanager, suppress

import pytest
from loguru import logger

from pipecat_daily_rest import DailyConfigError, DailyRESTHelper, DailyTimeoutError, RateLimits
from pipecat_daily_rest._http import redis_slots as fleet_module
from pipecat_daily_rest._http.account import account_of
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.rest.limits import Limits
from redis_server import RedisServer
from timings import set_timings

LONG = 1000.0  # seconds; a window that no test outlasts
QUICK = (20, 1.0)

WORKER = """
import asyncio, sys
from pipecat_daily_rest import DailyRESTHelper, RateLimits

async def main():
    async with DailyRESTHelper.from_env() as helper:
        print("ready", flush=True)
        sys.stdin.readline()
        await asyncio.gather(*(helper.request("GET", "/rooms") for _ in range(20)))

async def paced():
    import os
    async with DailyRESTHelper(
        daily_api_key=os.environ["DAILY_API_KEY"],
        daily_api_url=os.environ["DAILY_API_URL"],
        pace=RateLimits(default=(20, 1.0)),
    ):
        await main()

asyncio.run(paced())
"""


@pytest.fixture
def said():
    messages = []
    sink = logger.add(lambda message: messages.append(message.record), level="INFO")
    yield messages
    logger.remove(sink)


def helper_of(daily, **options):
    return DailyRESTHelper(daily_api_key=daily.api_key, daily_api_url=daily.api_url, **options)


async def ask(helper, times=1):
    return await asyncio.gather(*(helper.request("GET", "/rooms") for _ in range(times)))


async def run_workers(daily, count, **environment):
    workers = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", WORKER),
            env={**os.environ, **daily.env(), **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(count)
    ]
    for worker in workers:
        assert await worker.stdout.readline() == b"ready\n"
    for worker in workers:
        worker.stdin.write(b"\n")
    await asyncio.gather(*(worker.communicate() for worker in workers))
    assert [worker.returncode for worker in workers] == [0] * count


async def test_several_processes_stay_inside_one_accounts_limits(redis):
    async with LocalDaily(limits=Limits(default=QUICK), latency=0.05) as daily:
        await run_workers(daily, 3)
        assert daily.limits.passed == {"default": 60}
        assert daily.limits.refused.total() == 0


async def test_several_processes_without_redis_exceed_the_limits():
    async with LocalDaily(limits=Limits(default=QUICK), latency=0.05) as daily:
        await run_workers(daily, 3, DAILY_REDIS_URL="")
        assert daily.limits.refused.total() > 0


async def test_slots_are_shared_and_freed(redis):
    pace = RateLimits(default=(4, LONG), wait=0.3)
    async with LocalDaily() as daily, helper_of(daily, pace=pace) as helper:
        fleet = account_of(daily.api_url, daily.api_key).pacer.fleet
        other = fleet_module.SharedRedis(redis.url, account_of(daily.api_url, daily.api_key).digest)
        mine = await other.take("default", (3, LONG), 1.0)
        await ask(helper, 2)
        with pytest.raises(DailyTimeoutError, match="too many requests"):
            await ask(helper)
        assert len(daily.requests) == 2
        assert await other.take("default", (3, LONG), 0.0) is None
        mine.end(counted=False)
        await ask(helper)
        assert await other.take("default", (3, LONG), 0.2) is None
        assert await other.take("slow", (1, LONG), 0.0) is not None  # another tier
        # One slot is for teardown, on all machines together.
        assert await other.take("default", (4, LONG), 0.0, teardown=True) is not None
        assert await other.take("default", (4, LONG), 0.0, teardown=True) is None
        stranger = fleet_module.SharedRedis(redis.url, "another account")
        assert await stranger.take("default", (1, LONG), 0.0) is not None
        assert fleet.redis_url == redis.url


async def test_a_slot_is_taken_until_a_window_after_the_response(redis):
    fleet = fleet_module.SharedRedis(redis.url, "account")
    flying = await fleet.take("default", (1, 0.3), 0.0)
    await asyncio.sleep(0.5)
    assert await fleet.take("default", (1, 0.3), 0.0) is None  # no response yet
    flying.end(counted=True)
    answered = time.monotonic()
    assert await fleet.take("default", (1, 0.3), LONG) is not None
    assert time.monotonic() - answered >= 0.3


@asynccontextmanager
async def far_away(redis, seconds):
    """A relay to Redis with a delay; gives its URL and what each read received."""
    came, connections = [], set()

    async def pass_on(reader, writer, note=lambda data: None):
        while data := await reader.read(2**20):
            note(data)
            await asyncio.sleep(seconds)
            writer.write(data)

    async def connected(reader, writer):
        connections.add(asyncio.current_task())
        there, back = await asyncio.open_connection("127.0.0.1", redis.port)
        try:
            await asyncio.gather(pass_on(reader, back, came.append), pass_on(there, writer))
        finally:
            for each in (writer, back):
                each.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=2**20)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"redis://127.0.0.1:{port}/0", came
    finally:
        server.close()
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def test_many_requests_share_a_round_trip(redis, monkeypatch):
    set_timings(monkeypatch, redis_piece=30.0)
    async with far_away(redis, 0.05) as (url, came):
        fleet = fleet_module.SharedRedis(url, "account")
        first = await fleet.take("default", (1, LONG), LONG)
        first.end(counted=False)
        assert await fleet.take("slow", (1, LONG), LONG) is not None
        del came[:]  # it is connected
        tickets = await asyncio.gather(*(fleet.take("default", (50, LONG), 0.0) for _ in range(60)))
        # The first is sent at once, the others together.
        assert len(came) < 10
        assert tickets[50:] == [None] * 10  # in order of arrival
        for ticket in filter(None, tickets):
            ticket.end(counted=False)
        assert await fleet.take("default", (1, LONG), LONG) is not None
        assert len(came) < 20


async def test_the_slot_of_a_dead_process_is_freed(redis, monkeypatch):
    set_timings(monkeypatch, redis_flight=0.2)
    fleet = fleet_module.SharedRedis(redis.url, "account")
    await fleet.take("default", (1, 0.2), 0.0)
    assert await fleet.take("default", (1, 0.2), LONG) is not None


async def test_slots_are_freed_when_the_clock_is_set_back(redis):
    from redis import Redis

    fleet = fleet_module.SharedRedis(redis.url, "account")
    await fleet.take("default", (2, LONG), 0.0)
    with Redis.from_url(redis.url) as client:
        [key] = client.keys()
        [(_, free)] = client.zrange(key, 0, 0, withscores=True)
        client.zadd(key, {"of an hour later": free + 3600_000})
    assert await fleet.take("default", (2, LONG), 0.0) is not None
    assert await fleet.take("default", (2, LONG), 0.0) is None


async def test_a_cancelled_wait_takes_no_slot(redis):
    fleet = fleet_module.SharedRedis(redis.url, "account")
    held = await fleet.take("default", (1, LONG), 0.0)
    waiting = [asyncio.create_task(fleet.take("default", (1, LONG), LONG)) for _ in range(3)]
    await asyncio.sleep(0.05)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    held.end(counted=False)
    assert await fleet.take("default", (1, LONG), 5.0) is not None


@pytest.mark.parametrize("bound", [LONG, 0.0])
async def test_a_wait_cancelled_while_redis_responds_gives_its_slot_back(redis, monkeypatch, bound):
    fleet = fleet_module.SharedRedis(redis.url, "account")
    taken, go_on = threading.Event(), threading.Event()
    send = fleet._send

    def slowly(*arguments):
        answers = send(*arguments)
        taken.set()
        go_on.wait()
        return answers

    monkeypatch.setattr(fleet, "_send", slowly)
    waiting = asyncio.create_task(fleet.take("default", (1, LONG), bound))
    await asyncio.to_thread(taken.wait)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    go_on.set()
    assert await fleet.take("default", (1, LONG), 5.0) is not None


async def test_redis_stops_and_starts_again(redis, said, monkeypatch):
    set_timings(monkeypatch, redis_retry=0.1)
    async with LocalDaily() as daily, helper_of(daily) as helper:
        await ask(helper, 3)
        redis.stop()
        for _ in range(3):
            await ask(helper, 5)
            await asyncio.sleep(0.15)  # the next attempt to reach it
        assert [each["level"].name for each in said].count("WARNING") == 1
        assert "Redis does not respond" in said[0]["message"]
        redis.start()
        fleet = account_of(daily.api_url, daily.api_key).pacer.fleet
        async with asyncio.timeout(60):
            while not any("Redis responds again" in each["message"] for each in said):
                await ask(helper)
                await asyncio.sleep(0.05)
        await ask(helper)  # a new server, which does not know the scripts
        assert await fleet.take("default", (1, 5.0), 0.0) is None
        assert {request.status for request in daily.requests} == {200}


async def test_without_a_redis_server_requests_are_sent(said, monkeypatch):
    server = RedisServer()
    monkeypatch.setenv("DAILY_REDIS_URL", server.url)
    async with LocalDaily() as daily, helper_of(daily) as helper:
        await ask(helper, 20)
        assert [each["level"].name for each in said] == ["WARNING"]
        # The process counts for itself now.
        tight = RateLimits(default=(4, LONG), wait=0.1)
        async with helper_of(daily, pace=tight) as second:
            with pytest.raises(DailyTimeoutError):
                await ask(second)


async def test_a_hanging_redis_delays_requests_only_briefly(redis, said):
    async with LocalDaily() as daily, helper_of(daily) as helper:
        await ask(helper)
        redis.signal(signal.SIGSTOP)
        async with asyncio.timeout(30):
            await ask(helper, 40)
        assert [each["level"].name for each in said] == ["WARNING"]


async def drip(writer):
    writer.write(b"*")
    while True:
        writer.write(b"1")
        await writer.drain()
        await asyncio.sleep(0.05)


NONSENSE = {
    "a text": b"$5\r\nhello\r\n",
    "nothing": b"$-1\r\n",
    "a negative number": b":-5\r\n",
    "a number of letters": b":five\r\n",
    "a list": b"*2\r\n:1\r\n:2\r\n",
    "a list in lists": b"*1\r\n" * 5000 + b":1\r\n",
    "a length of letters": b"$five\r\nhello\r\n",
    "an error": b"-WRONGTYPE no\r\n",
    "an error in latin-1": b"-ERR \xe9\xff\r\n",
    "another protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "binary": bytes(range(256)) * 9,
    "a truth value": b"#t\r\n",
    "an end": b"",
    "a drip": drip,
}


@pytest.mark.parametrize("what", NONSENSE)
async def test_a_request_is_sent_whatever_redis_replies(said, monkeypatch, what):
    set_timings(monkeypatch, redis_reply=1.0)
    reply = NONSENSE[what]

    serving = []

    async def serve(reader, writer):
        serving.append(asyncio.current_task())
        with suppress(OSError):
            while await reader.read(65536):
                await reply(writer) if callable(reply) else writer.write(reply)
                if not reply:
                    break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    monkeypatch.setenv("DAILY_REDIS_URL", f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with LocalDaily() as daily, helper_of(daily) as helper:
        async with asyncio.timeout(60):
            await ask(helper, 3)
            await ask(helper)
        fleet = account_of(daily.api_url, daily.api_key).pacer.fleet
        await asyncio.to_thread(fleet._worker.shutdown)  # its thread is free, and
        fleet._client.close()
    server.close()
    await asyncio.wait(serving, timeout=30)
    assert all(each.done() for each in serving)  # no connection is left
    assert [each["level"].name for each in said] == ["WARNING"]
    assert "Redis does not respond" in said[0]["message"]


async def test_redis_hangs_with_requests_in_flight(redis, said):
    async with LocalDaily() as daily, helper_of(daily) as helper:
        await ask(helper)
        held = daily.fail("GET", "/rooms", delay=0.5, times=80)
        flying = asyncio.create_task(ask(helper, 80))
        await held.wait(80)
        redis.signal(
            signal.SIGSTOP
        )  # before their responses, after which their slots are given back
        await flying
        async with asyncio.timeout(30):
            await ask(helper)
        assert [each["level"].name for each in said] == ["WARNING"]


async def test_several_loops_share_one_connection(redis):
    async with LocalDaily(limits=Limits(default=QUICK)) as daily:

        async def work():
            async with helper_of(daily, pace=RateLimits(default=QUICK)) as helper:
                await ask(helper, 12)

        await asyncio.gather(*(asyncio.to_thread(asyncio.run, work()) for _ in range(3)))
        assert daily.limits.refused.total() == 0


def test_a_closed_loop_is_freed(redis):
    fleet, loops = fleet_module.SharedRedis(redis.url, "account"), []

    async def work():
        loops.append(weakref.ref(asyncio.get_running_loop()))
        takes = [fleet.take("slow", (1, LONG), 0.3) for _ in range(3)]  # in one queue
        assert sum(each is not None for each in await asyncio.gather(*takes)) == (len(loops) == 1)

    for _ in range(3):
        asyncio.run(work())
    gc.collect()
    assert [loop() for loop in loops[:-1]] == [None, None]


@pytest.mark.parametrize("url", ["nonsense://:hunter2@host", "redis://:hunter2@host:port/0"])
def test_an_impossible_redis_url(url, monkeypatch):
    with pytest.raises(DailyConfigError, match="must look like redis://") as exc:
        DailyRESTHelper(daily_api_key="k" * 32, pace=RateLimits(redis_url=url))
    assert "hunter2" not in str(exc.value)
    assert exc.value.__cause__ is None
    assert exc.value.__context__ is None
    monkeypatch.setenv("DAILY_REDIS_URL", url)
    with pytest.raises(DailyConfigError, match="DAILY_REDIS_URL"):
        DailyRESTHelper(daily_api_key="l" * 32)
    assert "hunter2" not in repr(RateLimits(redis_url=url))


def test_the_redis_package_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(DailyConfigError, match=r"pip install 'pipecat-daily-rest\[redis\]'"):
        DailyRESTHelper(daily_api_key="m" * 32, pace=RateLimits(redis_url="redis://127.0.0.1/0"))


def test_redis_keys_do_not_hold_the_api_key(redis):
    from redis import Redis

    async def main():
        account = account_of("https://api.daily.co/v1", "the-secret-key")
        fleet = fleet_module.SharedRedis(redis.url, account.digest)
        await fleet.take("default", (1, LONG), 0.0)

    asyncio.run(main())
    with Redis.from_url(redis.url) as client:
        [key] = client.keys()
        assert key.startswith(b"pipecat-daily-rest:")
        assert b"secret" not in key
        assert 0 < client.pttl(key) <= 3 * LONG * 1000
