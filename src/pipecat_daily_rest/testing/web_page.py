# SPDX-License-Identifier: BSD-2-Clause
"""What the pages of pytest-playwright and pytest-playwright-asyncio need to join local rooms."""

import importlib
import re
import shutil
from typing import Any

import pytest

OPTION = "chromium_executable_path"
# Where the versions of daily-js load their call machine from.
BUNDLE = re.compile(
    r"https://c\.(daily\.co|dailywebrtc\.com|dailywebrtc\.net)/call-machine/.*/"
    r"call-machine-object-bundle\.js"
)
_FLAGS = (
    "--use-fake-device-for-media-stream",  # its microphone beeps, its camera shows a clock
    "--use-fake-ui-for-media-stream",  # nobody is there to allow them
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",  # for a machine without any network interface
)


# The plugins for Playwright, only one of which can be there, and what is added beside each.
_PLUGINS = {
    "playwright": "playwright_page",
    "playwright-asyncio": "playwright_asyncio_page",
}


def add_local_page(config: pytest.Config) -> None:
    """Add `local_page` beside the plugin for Playwright, and after it: its fixtures are extended."""
    for plugin, module in _PLUGINS.items():
        if config.pluginmanager.has_plugin(plugin):
            added = importlib.import_module(f"pipecat_daily_rest.testing.{module}")
            config.pluginmanager.register(added)


def machine() -> dict[str, Any]:
    """Give Playwright's answer to the request for the call machine: that of a local Daily."""
    from pipecat_daily_rest.local.browser.routes import call_machine

    headers = {"Access-Control-Allow-Origin": "*"}
    return {"body": call_machine(), "content_type": "text/javascript", "headers": headers}


@pytest.fixture(scope="session")
def browser_type_launch_args(
    request: pytest.FixtureRequest, browser_type_launch_args: dict[str, Any], browser_name: str
) -> dict[str, Any]:
    """Those of the Playwright plugin, and those of `local_page` where a test of this run has it."""
    used = any("local_page" in getattr(item, "fixturenames", ()) for item in request.session.items)
    if not used or browser_name != "chromium":
        return browser_type_launch_args
    options = {**browser_type_launch_args}
    options["args"] = [*_FLAGS, *options.get("args", ())]
    if given := request.config.getini(OPTION):
        options["executable_path"] = _found(given)
    return options


def _found(given: str) -> str:
    path = shutil.which(given)
    if path is None:
        msg = (
            f"{OPTION} = {given}: there is no such program. Name a Chromium, or leave it out for "
            "Playwright's own."
        )
        pytest.fail(msg, pytrace=False)
    return path
