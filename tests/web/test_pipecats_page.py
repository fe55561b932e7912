# SPDX-License-Identifier: BSD-2-Clause
"""Pipecat's own page at /client/, unmodified, in a local run and with no name that resolves."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from chromium import WAIT
from pipecat_daily_rest._core import daily_module
from programs import processes
from pypi import prebuilt
from web_app import PLAYED

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

BUTTON = "[data-slot=connect-button]"  # Connect, later Disconnect
CAN_CONNECT = f"{BUTTON}[data-state=initialized]"  # earlier, the page ignores the click
READY = '() => document.body.innerText.toUpperCase().split("READY").length > 2'  # app and bot
BOT = Path(__file__).parent / "bots" / "either.py"
# Whether a tone is the loudest in a track that the page plays.
HUMS = f"""
(hz) => ({PLAYED})("audio, video").some(({{ peak, loudest }}) => peak(hz) > -60 && peak(hz) >= loudest)
"""


@pytest_asyncio.fixture(loop_scope="session")
async def start(tmp_path: Path) -> Any:
    async with processes(tmp_path) as start:
        yield start


async def test_it_talks_to_the_bot_by_daily_and_by_smallwebrtc(web_apps: Any, start: Any) -> None:
    path = os.pathsep.join([str(daily_module.FOLDER), str(prebuilt())])
    program = await start(
        *(sys.executable, "-m", "pipecat_daily_rest", "local", "--port", "0", "--"),
        *(sys.executable, BOT, "--port", "0"),
        env={"PYTHONPATH": path},
    )
    page = await program.says(r"running on (http://\S+)", stream="err") + "/client/"
    for choice, transport in (("Daily", "Daily"), ("SmallWebRTC", "SmallWebRTC")):
        app = await web_apps.visit(page)
        if choice != "SmallWebRTC":  # which is chosen at first
            await app.page.get_by_text("SmallWebRTC").first.click()
            chosen = f"[{choice} Transport] Initialized"  # the button of the former choice is gone
            async with app.page.expect_console_message(
                lambda message, chosen=chosen: chosen in message.text, timeout=WAIT * 1000
            ):
                await app.page.get_by_text(choice, exact=True).last.click()
        await app.page.locator(CAN_CONNECT).click()
        await program.says(f"^started {transport}Transport")
        await app.until(HUMS, 660)
        await program.says("^heard you$")
        await app.until(READY)
        program.out = ""
        await app.page.locator(BUTTON).click()
        await program.says("^left$")
        assert app.errors == []
        await app.context.close()
    program.signal(signal.SIGTERM)
    await program.ended()
