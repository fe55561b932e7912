# SPDX-License-Identifier: BSD-2-Clause
"""A local Daily's helper, its raw REST API, and the requests that it got."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from pipecat_daily_rest import DailyRESTHelper, RetryPolicy
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.rest.journal import Request

QUICK = RetryPolicy(attempts=3, backoff=0)  # does not wait before it tries again


def helper_of(daily: LocalDaily) -> DailyRESTHelper:
    return DailyRESTHelper(daily_api_key=daily.api_key, daily_api_url=daily.api_url, retry=QUICK)


@asynccontextmanager
async def calling(daily: LocalDaily) -> AsyncIterator[Callable[..., Awaitable[Any]]]:
    """Give what sends a request to the REST API and gives the status and the JSON."""
    key = {"Authorization": f"Bearer {daily.api_key}"}
    async with aiohttp.ClientSession(headers=key) as http:

        async def call(method: str, path: str, json: Any = None, **options: Any) -> Any:
            url = daily.api_url + path
            async with http.request(method, url, json=json, **options) as response:
                return response.status, await response.json()

        yield call


def asking(daily: LocalDaily) -> aiohttp.ClientSession:
    """A session that sends the key with each request."""
    return aiohttp.ClientSession(headers={"Authorization": f"Bearer {daily.api_key}"})


def sent(daily: LocalDaily, method: str, path: str) -> list[Request]:
    """The requests with this method and path."""
    return [each for each in daily.requests if (each.method, each.path) == (method, path)]


def paths(daily: LocalDaily, method: str) -> list[str]:
    """The paths of the requests with this method."""
    return [each.path for each in daily.requests if each.method == method]


def calls(daily: LocalDaily) -> list[tuple[str, str]]:
    """The method and the path of each request."""
    return [(each.method, each.path) for each in daily.requests]
