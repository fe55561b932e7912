# SPDX-License-Identifier: BSD-2-Clause
"""`local_page` beside pytest-playwright."""

from typing import TYPE_CHECKING

import pytest

from pipecat_daily_rest.testing.daily_fixture import LocalDailyFixture
from pipecat_daily_rest.testing.web_page import BUNDLE, browser_type_launch_args, machine

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["browser_type_launch_args", "local_page"]


@pytest.fixture
def local_page(local_daily: LocalDailyFixture, page: "Page") -> "Page":
    """pytest-playwright's page, whose daily-js joins the rooms of `local_daily`.

    Playwright occupies the event loop of this process, so start the bot in another one.
    """
    answer = machine()
    page.context.route(BUNDLE, lambda route: route.fulfill(**answer))
    return page
