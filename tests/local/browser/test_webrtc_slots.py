# SPDX-License-Identifier: BSD-2-Clause
"""Voices on tracks of their own; the browser is aiortc in this process."""

import asyncio

import numpy as np

from peers import Peer, Peers
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.scripted.hearing import tone_level


def levels(peer: Peer, slot: int, *tones: float) -> list[bool]:
    """Whether the slot has carried each tone."""
    heard = np.concatenate(peer.voices[slot])
    return [tone_level(heard, hz) > 0 for hz in tones]


async def test_each_voice_has_its_own_track_while_people_come_and_go(
    daily: LocalDaily, peer: Peers
) -> None:
    one, two, three = (daily.join("demo", user_name=str(n)) for n in range(3))
    ana = peer()
    await ana.join(hz=3000, slots=4)
    offers = ana.pc.localDescription.sdp
    ana.send({"event": "listen", "slots": [one.id, two.id, three.id, None]})
    for script, hz in ((one, 500), (two, 1000), (three, 2000)):
        script.tone(hz, 60)
    await asyncio.gather(*(ana.hears(hz, slot=n) for n, hz in enumerate((500, 1000, 2000))))
    one.leave()
    four = daily.join("demo", user_name="4")
    await ana.event("participant-left")
    ana.send({"event": "listen", "slots": [four.id, two.id, three.id, None]})
    four.tone(4000, 60)
    await asyncio.gather(*(ana.hears(hz, slot=n) for n, hz in enumerate((4000, 1000, 2000))))
    tones = (500, 1000, 2000, 3000, 4000)
    assert levels(ana, 0, *tones) == [True, False, False, False, True]
    assert levels(ana, 1, *tones) == [False, True, False, False, False]
    assert levels(ana, 2, *tones) == [False, False, True, False, False]
    assert ana.voices[3] == []  # never used
    assert ana.heard == []  # nothing goes into the mix
    assert ana.pc.localDescription.sdp == offers
