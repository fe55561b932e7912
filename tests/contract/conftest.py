# SPDX-License-Identifier: BSD-2-Clause
import os
from types import SimpleNamespace

import pytest

from pipecat_daily_rest import DailyRESTHelper
from pipecat_daily_rest.local import LocalDaily


@pytest.fixture
async def account(request, monkeypatch, live_key):
    """A Daily account: a local Daily's, or with --daily-live the one of DAILY_API_KEY."""
    if live_key:
        yield SimpleNamespace(api_key=live_key, api_url="https://api.daily.co/v1", local=None)
        return
    async with LocalDaily() as daily:
        yield SimpleNamespace(api_key=daily.api_key, api_url=daily.api_url, local=daily)


@pytest.fixture
async def helper(account):
    async with DailyRESTHelper(
        daily_api_key=account.api_key, daily_api_url=account.api_url
    ) as helper:
        yield helper


@pytest.fixture(params=["local", "live"])
def live_key(request):
    """The key of the real account in the second round, which --daily-live switches on."""
    if request.param == "local":
        return None
    if not request.config.getoption("--daily-live"):
        pytest.skip("needs a real account: run with --daily-live and DAILY_API_KEY")
    key = LIVE_KEY
    if not key:
        pytest.fail("--daily-live needs DAILY_API_KEY")
    return key


LIVE_KEY = os.environ.get("DAILY_API_KEY")
