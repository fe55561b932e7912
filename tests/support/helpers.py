# SPDX-License-Identifier: BSD-2-Clause
"""Helpers for a local Daily, which do not wait long before they try again."""

from pipecat_daily_rest import DailyRESTHelper, RetryPolicy
from pipecat_daily_rest.local import LocalDaily

QUICK = RetryPolicy(attempts=3, backoff=0)


def helper_of(daily: LocalDaily) -> DailyRESTHelper:
    return DailyRESTHelper(daily_api_key=daily.api_key, daily_api_url=daily.api_url, retry=QUICK)
