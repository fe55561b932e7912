# SPDX-License-Identifier: BSD-2-Clause
"""A browser that is killed, and the others in its room."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from chromium import kill
from peers import Peer
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.browser import webrtc

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def bo(daily: LocalDaily) -> AsyncIterator[Peer]:
    """A participant with a WebRTC connection, but without a browser."""
    async with aiohttp.ClientSession() as session:
        peer = Peer(daily, session, "demo")
        yield peer
        await peer.close()


async def test_a_killed_browser_is_noticed_and_the_others_go_on(
    daily: LocalDaily,
    browser_person: Any,
    bo: Peer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webrtc, "PING_TIMEOUT", 5.0)
    cy = daily.join("demo", user_name="Cy")
    cy.tone(3000, 120)
    bo_id = await bo.join(hz=1500, userName="Bo")
    profile = tmp_path / "profile"
    ana = await browser_person(f"{daily.url}/demo", tone_hz=500, name="Ana", profile=profile)
    await ana.join()
    ana_id = next(p.id for p in daily.rooms["demo"].participants.values() if p.user_name == "Ana")
    await asyncio.gather(bo.hears(500), cy.hears(500, voice=ana_id), ana.hears(3000))

    assert kill(profile) > 2
    left = await cy.event("participant-left", lambda e: e["participant"]["id"] == ana_id)
    assert left["reason"] == "leftCall"
    await bo.until(lambda: [e for e in bo.events if e["event"] == "participant-left"])
    # The missing pings tell after 5 s; ICE would take half a minute.
    (entry,) = [entry for entry in daily.state.log.entries if entry.what == "person left"]
    assert entry.detail == f"{ana_id}: vanished"
    bo.heard.clear()
    cy.forget()
    await asyncio.gather(bo.hears(3000), cy.hears(1500, voice=bo_id))
    assert len(cy.heard_from(ana_id)) == 0
