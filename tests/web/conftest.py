# SPDX-License-Identifier: BSD-2-Clause
"""Web apps with unmodified npm packages, in Chromium with name resolution switched off.

The tests of this folder share one event loop, and with it the browsers.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from chromium import Browsers, wait_longer
from pipecat_daily_rest.local import LocalDaily
from web_app import NO_NAMES, WebApps


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_longer(monkeypatch)


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def browsers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browsers]:
    async with Browsers.running(tmp_path_factory.mktemp("browsers"), NO_NAMES) as browsers:
        yield browsers


@pytest_asyncio.fixture(loop_scope="session")
async def web_apps(browsers: Browsers) -> AsyncIterator[WebApps]:
    """Opens web apps; see `web_app`. A request that would leave the machine fails the test."""
    async with WebApps(browsers) as apps:
        yield apps
    assert apps.outside == []


@pytest_asyncio.fixture(loop_scope="session")
async def local_daily() -> AsyncIterator[LocalDaily]:
    async with LocalDaily() as daily:
        yield daily


@pytest_asyncio.fixture(loop_scope="session")
async def daily(local_daily: LocalDaily) -> LocalDaily:
    """A local Daily with a public room ``demo``."""
    local_daily.state.rooms.create("demo", "public", {})
    return local_daily
