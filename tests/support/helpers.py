# SPDX-License-Identifier: BSD-2-Clause
"""A local Daily's helper and its raw REST API."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from pipecat_daily_rest import DailyRESTHelper, RetryPolicy
from pipecat_daily_rest.local import LocalDaily

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
