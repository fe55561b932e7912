# SPDX-License-Identifier: BSD-2-Clause
"""Telephone transfers and custom tracks, by bots in the shapes of Pipecat's examples."""

from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from pipecat_daily_rest import DailyRESTHelper
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.call.mixer import BLOCK, Block
from pipecat_daily_rest.local.outside.phone import DialIn
from pipecat_daily_rest.local.scripted.hearing import Places, tone_level
from pipecat_daily_rest.local.scripted.person import Scripted
from pipecat_daily_rest.testing import FakeTTS

OPERATOR = "+12125550122"
GREETING, SECRET, TOGETHER = 700, 900, 1100
TONES = {
    "Press 0 for the operator.": GREETING,
    "The customer has lost a parcel.": SECRET,
    "You are connected.": TOGETHER,
}


def loud(heard: Block) -> Places:
    """The blocks with a sound in them."""
    blocks = heard.reshape(-1, BLOCK)
    return np.flatnonzero(np.abs(blocks).max(axis=1) > 300)


@pytest.fixture
def call_in(
    local_daily: LocalDaily,
    helper: DailyRESTHelper,
    tts: FakeTTS,
    start: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], Awaitable[tuple[DialIn, Scripted]]]:
    """Calls a bot behind its server, and waits until it has answered and greeted."""

    async def call_in(name: str) -> tuple[DialIn, Scripted]:
        monkeypatch.setenv("OPERATOR_NUMBER", OPERATOR)
        for text, hz in TONES.items():
            tts.answers(tone=hz, to=text)
        program = await start("phone_server", name)
        url = await program.says(r"running on (http://\S+)", stream="err")
        number = (await helper.buy_phone_number()).number
        await helper.create_dialin_config(phone_number=number, room_creation_api=f"{url}/start")
        phone = local_daily.dial_in(number)
        caller = await phone.connected()
        await caller.hears(GREETING)
        return phone, caller

    return call_in


@pytest.mark.proves("CallClient.sip_call_transfer", "on_dtmf_event")
async def test_a_cold_transfer_by_telephone(local_daily: LocalDaily, call_in: Any) -> None:
    phone, caller = await call_in("cold_transfer")
    phone.press("0")
    assert await caller.left() == "leftCall"
    assert (phone.state, phone.transferred_to) == ("transferred", OPERATOR)
    await local_daily.state.log.wait_for("bot left")


@pytest.mark.proves("CallClient.start_dialout", "on_dialout_answered")
async def test_a_warm_transfer_by_telephone(local_daily: LocalDaily, call_in: Any) -> None:
    phone, customer = await call_in("warm_phone_transfer")
    customer.forget()
    phone.press("0")
    await local_daily.room(phone.room.name).event("dialout-connected")
    (operators_phone,) = local_daily.dialouts
    assert operators_phone.to == OPERATOR
    operators_phone.answer()
    operator = await operators_phone.connected()
    await operator.hears(lambda heard: tone_level(heard, SECRET) > 0 and not heard[-9600:].any())
    operators_phone.press("1")
    await customer.hears(TOGETHER)
    await operator.hears(TOGETHER)
    await local_daily.state.log.wait_for("bot left")
    assert tone_level(customer.heard, SECRET) == 0
    customer.tone(500)
    operator.tone(600)
    await operator.hears(500)
    await customer.hears(600)


async def test_a_mirror_with_three_custom_tracks(local_daily: LocalDaily, start: Any) -> None:
    local_daily.state.rooms.create("demo", "public", {})
    ana = local_daily.join("demo", user_name="Ana")
    ana.mute()
    program = await start("mirror", f"{local_daily.url}/demo")
    joined = await ana.event("participant-joined")
    mirror = joined["participant"]["id"]
    names = [f"{track}-mirror" for track in ("first", "second", "third")]
    await ana.event(
        "participant-updated",
        lambda e: [*names] == sorted(e["participant"]["media"]["customAudio"]),
    )
    hz = {"first": 500, "second": 700, "third": 900}
    for track, tone in hz.items():
        ana.tone(tone, 3, track=track)
    for track, tone in hz.items():
        mirrored = {"voice": mirror, "track": f"{track}-mirror"}
        await ana.hears(lambda heard: len(loud(heard)) > 100, **mirrored)
        heard = ana.heard_from(mirror, f"{track}-mirror")
        assert [other for other in hz.values() if tone_level(heard, other)] == [tone]
        # In one piece: what nobody sends would be silence in between.
        blocks = loud(heard)
        assert len(blocks) > 0.9 * (blocks[-1] - blocks[0])
    ana.leave()
    assert await program.ended() == 0, program.err
