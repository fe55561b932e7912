# SPDX-License-Identifier: BSD-2-Clause
"""What the helpers of one API URL and key share, and when it is freed."""

import asyncio
import gc
import os
import subprocess
import sys
import threading
import tracemalloc
import weakref

import pytest

from helpers import QUICK, helper_of
from pipecat_daily_rest import (
    DailyAuthenticationError,
    DailyRESTHelper,
    RateLimits,
    provisioned_room,
)
from pipecat_daily_rest._http import account as accounts
from pipecat_daily_rest._http.account import account_of
from pipecat_daily_rest.local import LocalDaily

LONG = 1000.0  # seconds; a window that no test outlasts


def key_of(number):
    return f"{number:064d}"


def others(count=accounts._RECENT):
    """Use so many other accounts that the earlier ones are no longer among the recent."""
    for number in range(count):
        account_of("https://other.test/v1", key_of(number))


def test_one_account_for_a_url_and_a_key():
    account = account_of("https://a.test/v1", key_of(1))
    assert account_of("https://a.test/v1", key_of(1)) is account
    assert account_of("https://a.test/v1", key_of(2)) is not account
    assert account_of("https://b.test/v1", key_of(1)) is not account
    assert key_of(1) not in str([vars(account), list(accounts._recent), list(accounts._accounts)])


async def test_the_memory_stays_bounded_with_thousands_of_keys(local_daily):
    async def use(numbers):
        for number in numbers:
            async with DailyRESTHelper(
                daily_api_key=key_of(number),
                daily_api_url=local_daily.api_url,
                pace=RateLimits(default=(10, LONG)),
            ) as helper:
                if number % 100 == 0:
                    with pytest.raises(DailyAuthenticationError):
                        await helper.delete_room_by_name("demo")
        gc.collect()
        local_daily.requests.clear()
        return tracemalloc.get_traced_memory()[0]

    of_other_tests = set(accounts._accounts)
    tracemalloc.start()
    try:
        few = await use(range(300))
        many = await use(range(300, 3300))
    finally:
        tracemalloc.stop()
    assert len(accounts._recent) == accounts._RECENT
    assert accounts._accounts.keys() - accounts._recent.keys() <= of_other_tests
    assert many - few < 500_000  # bytes; 3000 accounts have some 35 MB


async def test_an_account_that_is_not_recent_is_freed_with_its_last_user():
    async with LocalDaily() as daily:
        async with helper_of(daily) as first:
            second, account = helper_of(daily), weakref.ref(first.api.account)
            await first.domain_id()
            await asyncio.gather(*(first.delete_room_by_name(name) for name in "abc"))
        others()
        del first
        gc.collect()
        assert account() is second.api.account
        async with second:
            await second.domain_id()
            assert [request.path for request in daily.requests].count("/") == 1
        del second
        gc.collect()
        assert account() is None


async def test_an_owned_room_holds_its_account():
    async with LocalDaily() as daily:
        async with provisioned_room(daily=helper_of(daily)):
            account = weakref.ref(account_of(daily.api_url, daily.api_key))
            others()
            gc.collect()
            assert account() is not None
        gc.collect()
        assert account() is None


async def test_rooms_one_after_the_other_ask_for_the_domain_id_once_and_share_the_rate_windows():
    async with LocalDaily() as daily:
        for _ in range(3):
            async with provisioned_room(daily=helper_of(daily)):
                pass
            gc.collect()
        assert [request.path for request in daily.requests].count("/") == 1
        tiers = account_of(daily.api_url, daily.api_key).pacer.tiers
        assert sum(tier.used for tier in tiers.values()) == len(daily.requests)


async def test_concurrent_users_ask_for_the_domain_id_once_and_again_after_a_failure():
    async with LocalDaily() as daily, helper_of(daily) as helper:
        daily.fail("GET", "/", status=500, times=QUICK.attempts)
        answers = await asyncio.gather(
            *(helper.domain_id() for _ in range(5)), return_exceptions=True
        )
        [failed, *ids] = answers
        assert failed.status == 500
        assert len({*ids}) == 1
        assert len(daily.requests) == QUICK.attempts + 1
        assert not helper.api.account.domain_turn._made


def test_threads_find_the_same_account_and_parts():
    ready, found = threading.Barrier(8), []

    def look():
        ready.wait()
        for number in range(200):
            account = account_of("https://threads.test/v1", key_of(number % 20))
            found.append((number % 20, account, account.part(list)))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len({(number, id(account), id(part)) for number, account, part in found}) == 20


async def test_the_redis_thread_and_connection_end_with_the_account(redis):
    async with LocalDaily() as daily:
        async with helper_of(daily) as helper:
            await helper.domain_id()
            fleet = helper.api.account.pacer.fleet
            thread, client = next(iter(fleet._worker._threads)), fleet._client
        others()
        del helper, fleet
        gc.collect()
        await asyncio.to_thread(thread.join, 30)
        assert not thread.is_alive()
        assert client.connection_pool._in_use_connections == set()
        assert not any(each.is_connected for each in client.connection_pool._available_connections)


FORK = """
import os
from pipecat_daily_rest._http.account import account_of

account = account_of("https://a.test/v1", "key")
account.domain_id = "id"
part, slot = account.part(list), account.pacer.try_take("GET", "/rooms")
tier = account.pacer.tiers["default"]
pid = os.fork()
if pid == 0:
    same = account_of("https://a.test/v1", "key") is account and account.domain_id == "id"
    new = account.part(list) is not part and account.pacer.tiers["default"].used == 0
    os._exit(0 if same and new else 1)
assert os.waitpid(pid, 0)[1] == 0
assert account.part(list) is part and account.pacer.tiers["default"] is tier and tier.used == 1
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_keeps_the_domain_id_and_begins_the_rest_anew():
    subprocess.run([sys.executable, "-c", FORK], check=True)
