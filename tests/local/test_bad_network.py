# SPDX-License-Identifier: BSD-2-Clause
"""A person's call over a network that loses 5 % and delays by up to 200 ms, and recovers."""

import asyncio
from collections.abc import AsyncIterator

import aioice.ice
import aiohttp
import numpy as np
import pytest

from peers import WAIT, Peer
from pipecat_daily_rest.local import LocalDaily, webrtc
from pipecat_daily_rest.local.mixer import SAMPLE_RATE, Block
from pipecat_daily_rest.local.scripted import Scripted, tone_level
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
    local_daily.state.create_room("demo", "public", {})
    async with aiohttp.ClientSession() as session:
        peer = Peer(local_daily, session, "demo", relay=relay)
        yield peer
        await peer.close()


def is_clean(hz: float, seconds: float = 1.0) -> "callable[[Block], bool]":
    """The last second is the tone, without a hole."""

    def check(audio: Block) -> bool:
        last = audio[-round(seconds * SAMPLE_RATE) :]
        if len(last) < seconds * SAMPLE_RATE:
            return False
        parts = last[: len(last) // 9600 * 9600].reshape(-1, 9600)
        return all(tone_level(part, hz) > 0.1 for part in parts)

    return check


async def test_the_call_survives_a_bad_network_and_recovers(
    local_daily: LocalDaily, relay: Relay, ana: Peer
) -> None:
    bo, cy = local_daily.join("demo", user_name="Bo"), local_daily.join("demo", user_name="Cy")
    cy.tone(3000, 100)
    id = await ana.join(hz=500, userName="Ana")
    await asyncio.gather(ana.hears(3000), bo.hears(is_clean(500), voice=id), bo.hears(3000))
    assert (relay.lost, relay.late) == (0, 0)
    assert relay.passed > 0
