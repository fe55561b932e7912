# SPDX-License-Identifier: BSD-2-Clause
import asyncio
import os
from types import SimpleNamespace

import pytest

from drift.report import Report
from drift.target import LIVE_URL, Target
from pipecat_daily_rest import DailyRESTHelper
from pipecat_daily_rest.local import LocalDaily

# Read before a fixture removes the developer's account from the environment.
LIVE = {"url": os.environ.get("DAILY_API_URL") or LIVE_URL, "key": os.environ.get("DAILY_API_KEY")}
REPORT = Report()


@pytest.fixture(scope="session")
def live_daily(request):
    """The real Daily, or with DAILY_API_URL another one; at the end it deletes the tests' rooms."""
    if not request.config.getoption("--daily-live"):
        pytest.skip("needs a real account: run with --daily-live and DAILY_API_KEY")
    if not LIVE["key"]:
        pytest.fail("--daily-live needs DAILY_API_KEY")
    if hasattr(request.config, "workerinput"):
        pytest.fail("--daily-live paces itself and reports in one process: run it without -n")
    target = Target(**LIVE)
    yield target
    REPORT.swept = asyncio.run(target.sweep())


@pytest.fixture(params=["local", "live"])
def live(request):
    """The real Daily in the second round, None in the first."""
    return request.getfixturevalue("live_daily") if request.param == "live" else None


@pytest.fixture
def report():
    return REPORT


@pytest.fixture
async def account(live):
    """A Daily account: of a local Daily, or with --daily-live the one of DAILY_API_KEY."""
    if live is not None:
        yield SimpleNamespace(api_key=live.key, api_url=live.url, prefix=live.prefix)
        return
    async with LocalDaily() as daily:
        yield SimpleNamespace(api_key=daily.api_key, api_url=daily.api_url, prefix="contract")


@pytest.fixture
async def helper(account):
    async with DailyRESTHelper(
        daily_api_key=account.api_key, daily_api_url=account.api_url
    ) as helper:
        yield helper


def pytest_terminal_summary(terminalreporter):
    if REPORT.questions:
        terminalreporter.section("what the real Daily does otherwise than the local one")
        for line in REPORT.lines():
            terminalreporter.write_line(line)
