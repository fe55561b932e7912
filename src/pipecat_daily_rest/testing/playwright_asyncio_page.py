# SPDX-License-Identifier: BSD-2-Clause
"""`local_page` beside pytest-playwright-asyncio."""

from typing import TYPE_CHECKING

import pytest_asyncio

from pipecat_daily_rest.testing.daily_fixture import LocalDailyFixture
from pipecat_daily_rest.testing.web_page import BUNDLE, browser_type_launch_args, machine

if TYPE_CHECKING:
    from playwright.async_api import Page

__all__ = ["browser_type_launch_args", "local_page"]


@pytest_asyncio.fixture(loop_scope="session")
async def local_page(local_daily: LocalDailyFixture, page: "Page") -> "Page":
    """pytest-playwright-asyncio's page, whose daily-js joins the rooms of `local_daily`.

    The bot may run beside it, in `local_room`.
    """
    answer = machine()
    await page.context.route(BUNDLE, lambda route: route.fulfill(**answer))
    return page
