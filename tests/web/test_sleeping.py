# SPDX-License-Identifier: BSD-2-Clause
"""Tabs in the background, whose timers Chromium slows down, and tabs that it freezes."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from chromium import WAIT
from daily_app import page_of
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.browser import webrtc
from tabs import Tab, Tabs
from web_app import NO_NAMES

PING_TIMEOUT = webrtc.PING_TIMEOUT  # before the tests' patience
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def joined(tabs: Tabs, daily: LocalDaily, page: str, **options: str) -> tuple[Tab, Any]:
    tab = await tabs.open(page)
    await tab.until("typeof make === 'function'")
    given = ", ".join(f"{name}: {value}" for name, value in options.items())
    await tab.run(
        f"(window.call = make()).join({{ url: '{daily.url}/demo', startVideoOff: true, {given} }})"
        ".then(() => {})"
    )
    return tab, [*daily.rooms["demo"].participants.values()][-1]


async def signs_of_life(connection: Any, count: int) -> None:
    """Wait for so many of them: pings, and the packets of a microphone."""
    async with asyncio.timeout(WAIT):
        for _ in range(count):
            before = connection._seen
            while connection._seen == before:  # noqa: ASYNC110
                await asyncio.sleep(0.02)


async def test_a_tab_behind_stays_and_a_frozen_one_has_left_once_it_says_nothing(
    daily: LocalDaily, web_apps: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await page_of(web_apps, daily.url)
    here = daily.rooms["demo"].participants
    async with Tabs.running(tmp_path, NO_NAMES) as tabs:
        silent, listener = await joined(tabs, daily, page, startAudioOff="true")
        speaking, speaker = await joined(tabs, daily, page)
        bo = daily.join("demo", user_name="Bo")
        await tabs.open("about:blank")
        for tab in (silent, speaking):
            await tab.until("document.visibilityState === 'hidden'")
        # Its pings come each second still, although that is all that it says.
        await signs_of_life(listener.seat, round(PING_TIMEOUT) + 2)
        await bo.hears(500, voice=speaker.id)
        assert {listener.id, speaker.id} <= here.keys()

        # The tests' patience is ten times a user's; from here on somebody is to be missed.
        monkeypatch.setattr(webrtc, "PING_TIMEOUT", 2 * PING_TIMEOUT)
        await silent.freeze()
        await speaking.freeze()
        entry = await daily.state.log.wait_for("person left")
        assert entry.detail == f"{listener.id}: vanished"
        bo.forget()
        await bo.hears(500, voice=speaker.id)  # a microphone goes on without a script

        await silent.freeze(False)
        lost = await silent.until("call.seen.find((event) => event.name === 'error')")
        assert lost["text"].startswith("The connection to the room was lost.")
        await speaking.freeze(False)
        assert await speaking.run("call.meetingState()") == "joined-meeting"
        assert here.keys() == {speaker.id, bo.id}
