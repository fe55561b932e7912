# SPDX-License-Identifier: BSD-2-Clause
"""Rate limits and latency: raw HTTP against a local Daily that applies them."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.rest.limits import Limiter, Limits
from pipecat_daily_rest.local.rules.schema import Refusal

LONG = 1000.0  # seconds; a window that no slow machine outlasts
SMALL = Limits(default=(6, LONG), slow=(2, 6 * LONG), media_start=(1, LONG))


class Asking:
    def __init__(self, daily: LocalDaily, http: aiohttp.ClientSession) -> None:
        self.daily = daily
        self._session = http

    async def __call__(self, method: str, path: str, json: Any = None) -> int:
        async with self._session.request(method, self.daily.api_url + path, json=json) as response:
            self.body, self.headers = await response.json(), response.headers
            return response.status

    async def until_refused(self, method: str, path: str) -> int:
        count = 0
        while await self(method, path) != 429:
            count += 1
        return count


@asynccontextmanager
async def asking(limits: Limits | None = SMALL, **choices: Any) -> AsyncIterator[Asking]:
    async with LocalDaily(limits=limits, choices=Choices(**choices)) as daily:
        # The test begins at the start of a fixed window.
        daily.advance(2 * LONG - daily.state.clock.now() % LONG)
        key = {"Authorization": f"Bearer {daily.api_key}"}
        async with aiohttp.ClientSession(headers=key) as http:
            yield Asking(daily, http)


async def test_without_limits_nothing_is_refused() -> None:
    async with asking(limits=None) as ask:
        assert {await ask("GET", "/") for _ in range(150)} == {200}
        assert ask.daily.limits.passed == {"default": 150}
        assert ask.daily.limits.refused.total() == 0


async def test_the_default_tier_is_refused_above_its_limit_and_opens_again() -> None:
    async with asking() as ask:
        assert await ask.until_refused("GET", "/") == 6
        assert ask.body == {
            "error": "rate-limit-error",
            "info": "more than 6 requests in 1000 seconds",
        }
        assert "Retry-After" not in ask.headers
        assert await ask("POST", "/rooms", {"name": "demo"}) == 429
        assert ask.daily.rooms == {}
        assert [each.status for each in ask.daily.requests] == [200] * 6 + [429] * 2
        ask.daily.advance(LONG)
        assert await ask("POST", "/rooms", {"name": "demo"}) == 200
        assert ask.daily.limits.refused == {"default": 2}
        assert ask.daily.limits.passed == {"default": 7}


async def test_daily_documented_numbers_are_the_default() -> None:
    assert vars(Limits()) == {"default": (100, 5), "slow": (50, 30), "media_start": (5, 5)}


async def test_single_deletes_and_the_list_of_recordings_are_slow() -> None:
    async with asking() as ask:
        assert await ask("DELETE", "/rooms/one") == 404
        await ask("GET", "/recordings")
        assert await ask("DELETE", "/rooms/one") == 429
        assert await ask("GET", "/recordings") == 429
        assert await ask("GET", "/rooms/one") == 404  # another tier
        await ask("DELETE", "/recordings/one")
        await ask("GET", "/recordings/one")
        ask.daily.advance(LONG)
        assert await ask("DELETE", "/rooms/one") == 429  # its window is longer
        ask.daily.advance(5 * LONG)
        assert await ask("DELETE", "/rooms/one") == 404
        assert ask.daily.limits.passed == {"slow": 3, "default": 3}


@pytest.mark.parametrize("what", ["recordings", "live-streaming", "dialOut"])
async def test_starts_of_media_have_a_tier(what: str) -> None:
    async with asking() as ask:
        assert await ask("POST", f"/rooms/one/{what}/start") != 429
        assert await ask("POST", "/rooms/two/dialOut/start") == 429
        assert await ask("POST", f"/rooms/one/{what}/stop") != 429
        assert await ask("POST", "/rooms/one/transcription/start") != 429
        assert ask.daily.limits.refused == {"media_start": 1}


async def test_a_request_with_a_wrong_key_does_not_count() -> None:
    async with asking() as ask, aiohttp.ClientSession() as http:
        for _ in range(8):
            async with http.get(f"{ask.daily.api_url}/") as response:
                assert response.status == 400
        assert await ask.until_refused("GET", "/") == 6


@pytest.mark.parametrize(("scope", "status"), [(False, 429), (True, 200)])
async def test_choice_a_counter_for_each_endpoint(scope: bool, status: int) -> None:
    async with asking(rate_per_endpoint=scope) as ask:
        await ask.until_refused("GET", "/")
        assert await ask("GET", "/rooms") == status
        await ask.until_refused("GET", "/rooms/one")
        assert await ask("GET", "/rooms/two") == 429  # the same endpoint


@pytest.mark.parametrize(("tier", "count"), [("default", 6), ("slow", 2), (None, 10)])
async def test_choice_the_tier_of_the_batches(tier: Any, count: int) -> None:
    async with asking(batch_tier=tier) as ask:
        answers = [await ask("DELETE", "/batch/rooms", {"room_names": ["x"]}) for _ in range(10)]
        assert answers == [400] * count + [429] * (10 - count)


@pytest.mark.parametrize(("counts", "status"), [(False, 200), (True, 429)])
async def test_choice_refused_requests_count(counts: bool, status: int) -> None:
    async with asking(refused_requests_count=counts) as ask:
        await ask.until_refused("GET", "/")
        ask.daily.advance(LONG / 2)
        assert {await ask("GET", "/") for _ in range(6)} == {429}
        ask.daily.advance(LONG / 2 + 1)
        assert await ask("GET", "/") == status


async def test_choice_retry_after_and_text() -> None:
    async with asking(rate_limit_retry_after=True, rate_limit_info=None) as ask:
        await ask.until_refused("GET", "/")
        assert ask.body == {"error": "rate-limit-error"}
        wait = int(ask.headers["Retry-After"])
        assert 0 < wait <= LONG
        ask.daily.advance(wait)
        assert await ask("GET", "/") == 200


class Hands:
    """A clock that a test sets."""

    time = 0.0

    def now(self) -> float:
        return self.time


@pytest.mark.parametrize(
    ("window", "allowed"), [("sliding", [True, True, False, False]), ("fixed", [True] * 4)]
)
def test_choice_sliding_or_fixed_windows(window: Any, allowed: list[bool]) -> None:
    clock = Hands()
    choices = Choices(rate_window=window)
    limiter = Limiter(Limits(default=(2, 10.0)), choices, clock)  # type: ignore[arg-type]

    def passes(at: float) -> bool:
        clock.time = at
        try:
            limiter.check("GET /", "GET /")
        except Refusal:
            return False
        return True

    assert [passes(at) for at in (8, 9, 10, 11)] == allowed
    assert passes(12) is False  # the fixed window from 10 to 20 has had its two
    assert passes(20) is True


async def test_latency_is_half_before_and_half_after_the_commit() -> None:
    async with LocalDaily(latency=2.0) as daily:
        key = {"Authorization": f"Bearer {daily.api_key}"}
        async with aiohttp.ClientSession(headers=key) as http:

            async def create() -> float:
                began = time.monotonic()
                async with http.post(f"{daily.api_url}/rooms", json={"name": "demo"}) as response:
                    assert response.status == 200
                return time.monotonic() - began

            began = time.monotonic()
            creating = asyncio.create_task(create())
            while not daily.rooms:  # noqa: ASYNC110 - the commit is what is looked for
                await asyncio.sleep(0.01)
            assert time.monotonic() - began >= 0.99
            assert not creating.done()
            assert await creating >= 1.99


async def test_a_fault_is_met_with_latency() -> None:
    async with LocalDaily(latency=0.2) as daily:
        daily.fail("GET", "/", status=503)
        key = {"Authorization": f"Bearer {daily.api_key}"}
        began = time.monotonic()
        async with (
            aiohttp.ClientSession(headers=key) as http,
            http.get(f"{daily.api_url}/") as response,
        ):
            assert response.status == 503
        assert time.monotonic() - began >= 0.19


@pytest.mark.parametrize("latency", [-1.0, float("nan"), float("inf")])
def test_wrong_latencies(latency: float) -> None:
    with pytest.raises(DailyConfigError, match="latency"):
        LocalDaily(latency=latency)


@pytest.mark.parametrize("rate", [(0, 5.0), (5, 0.0), (5, float("inf"))])
def test_wrong_limits(rate: tuple[int, float]) -> None:
    with pytest.raises(DailyConfigError, match="media_start"):
        Limits(media_start=rate)


ASK = """
import json, os, time, urllib.error, urllib.request
statuses = []
began = time.monotonic()
for number in range(51):
    request = urllib.request.Request(os.environ["DAILY_API_URL"] + "/rooms/none", method="DELETE")
    request.add_header("Authorization", "Bearer " + os.environ["DAILY_API_KEY"])
    try:
        urllib.request.urlopen(request)
    except urllib.error.HTTPError as exc:
        statuses.append(exc.code)
    if number == 0:
        first = time.monotonic() - began
print(json.dumps([first, statuses]))
"""


def test_the_command_has_both() -> None:
    options = ["--limits", "--latency", "0.01"]
    command = [sys.executable, "-m", "pipecat_daily_rest", "local", *options, "--"]
    done = subprocess.run(
        [*command, sys.executable, "-c", ASK], stdout=subprocess.PIPE, text=True, check=True
    )
    first, statuses = json.loads(done.stdout)
    assert first >= 0.01
    assert statuses == [404] * 50 + [429]
