# SPDX-License-Identifier: BSD-2-Clause
"""A person's call over a network that loses 5 % and delays by up to 200 ms, and recovers."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import aioice.ice
import pytest

from peers import WAIT, Peer
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.browser import webrtc
from relay import Relay

LOSS, JITTER = 0.05, 0.2


@pytest.fixture
async def relay(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Relay]:
    monkeypatch.setattr(aioice.ice, "get_host_addresses", aioice.ice.get_host_addresses)
    webrtc.stay_on_this_machine()  # the peer of the test, too
    async with Relay(seed=6) as relay:
        yield relay


@pytest.fixture
async def ana(local_daily: LocalDaily, relay: Relay) -> AsyncIterator[Peer]:
    local_daily.state.rooms.create("demo", "public", {})
    async with aiohttp.ClientSession() as session:
        peer = Peer(local_daily, session, "demo", relay=relay)
        yield peer
        await peer.close()


async def test_the_call_survives_a_bad_network_and_recovers(
    local_daily: LocalDaily, relay: Relay, ana: Peer
) -> None:
    bo = local_daily.join("demo", user_name="Bo", keep=2.0)
    bo.tone(3000, 100)
    id = await ana.join(hz=500, userName="Ana")

    async def talk() -> None:
        """Check that each hears the other from here on."""
        bo.forget()
        ana.heard.clear()
        await asyncio.gather(ana.hears(3000), bo.hears(500, voice=id, timeout=WAIT))

    await talk()
    assert relay.passed > 0
    assert relay.lost == relay.late == 0

    relay.impair(loss=LOSS, jitter=JITTER)
    for number in range(30):
        ana.send({"event": "app-message", "message": {"of Ana": number}})
        bo.send({"of Bo": number})
    await ana.until(lambda: relay.lost >= 30 and relay.late >= 30)
    await talk()
    # Messages come late, but all of them, and in order.
    await bo.message(lambda m: m == {"of Ana": 29}, timeout=WAIT)
    await ana.event("app-message", message={"of Bo": 29})
    assert bo.received == [{"of Ana": number} for number in range(30)]
    messages = [event["message"] for event in ana.events if event["event"] == "app-message"]
    assert messages == [{"of Bo": number} for number in range(30)]

    relay.impair()
    lost = relay.lost
    await talk()
    assert relay.lost == lost
    assert id in local_daily.rooms["demo"].participants  # it is the same call
    assert "person left" not in [entry.what for entry in local_daily.state.log.entries]
