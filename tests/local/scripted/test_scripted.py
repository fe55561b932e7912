# SPDX-License-Identifier: BSD-2-Clause
import asyncio

import numpy as np
import pytest

from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.call.mixer import BLOCK, SAMPLE_RATE, Mixer
from pipecat_daily_rest.local.call.room import JoinRefused
from pipecat_daily_rest.local.scripted.ear import Moment
from pipecat_daily_rest.local.scripted.hearing import tone_level


def sine(hz: float, amplitude: float = 0.3, seconds: float = 0.5) -> np.ndarray:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return np.sin(2 * np.pi * hz * time) * amplitude * 32767


def test_a_tone_is_distinguished_from_other_tones_noise_and_silence() -> None:
    noise = np.random.default_rng(1).normal(0, 300, SAMPLE_RATE // 2)
    mix = (sine(500) + sine(1500, 0.1) + noise).astype(np.int16)
    assert tone_level(mix, 500) == pytest.approx(0.3, rel=0.1)
    assert tone_level(mix, 1500) == pytest.approx(0.1, rel=0.1)
    for absent in (100, 400, 1000, 3000, 20_000):
        assert tone_level(mix, absent) == 0
    assert tone_level(noise.astype(np.int16), 500) == 0
    assert tone_level(np.zeros(SAMPLE_RATE, np.int16), 500) == 0
    assert tone_level(np.zeros(0, np.int16), 500) == 0


async def test_three_participants_hear_each_other_by_id(daily: LocalDaily) -> None:
    ana, bo, cy = (daily.join("demo", user_name=name) for name in ("Ana", "Bo", "Cy"))
    ana.tone(500)
    bo.tone(1500)
    await asyncio.gather(
        ana.hears(1500),
        bo.hears(500),
        cy.hears(500),
        cy.hears(1500),
        cy.hears(500, voice=ana.id),
        cy.hears(1500, voice=bo.id),
    )
    assert tone_level(ana.heard, 500) == 0
    assert tone_level(cy.heard_from(ana.id), 1500) == 0
    assert cy.heard_from("nobody").size == 0


async def test_joining_by_url_and_refusals(daily: LocalDaily) -> None:
    ana = daily.join(f"{daily.url}/demo", user_name="Ana")
    assert ana.participant.room.name == "demo"
    assert ana.left_reason is None
    with pytest.raises(JoinRefused) as caught:
        daily.join("nowhere")
    assert caught.value.kind == "no-room"


async def test_messages_to_all_and_to_one(daily: LocalDaily) -> None:
    ana, bo, cy = (daily.join("demo") for _ in range(3))
    ana.send({"text": "for all"})
    ana.send("for Bo", bo.id)
    assert await bo.message(lambda message: message == "for Bo") == "for Bo"
    assert await bo.message() == {"text": "for all"}
    assert cy.received == [{"text": "for all"}]
    assert (await cy.event("app-message"))["sender"] == ana.id
    assert ana.received == []


async def test_events_are_waited_for_and_given_once(daily: LocalDaily) -> None:
    ana = daily.join("demo", user_name="Ana")
    waiting = asyncio.create_task(
        ana.event("participant-joined", lambda e: e["participant"]["info"]["userName"] == "Cy")
    )
    daily.join("demo", user_name="Bo")
    cy = daily.join("demo", user_name="Cy")
    assert (await waiting)["participant"]["id"] == cy.id
    first = await ana.event("participant-joined")
    assert first["participant"]["info"]["userName"] == "Bo"
    with pytest.raises(TimeoutError, match="Ana did not get 'participant-joined'"):
        await ana.event("participant-joined", timeout=0.001)
    with pytest.raises(
        TimeoutError, match=r"within 0.01 s\. What came: .*participant-joined \(2\)"
    ):
        await ana.event("participant-left", timeout=0.001)
    with pytest.raises(
        TimeoutError, match=r"Only these came of that name, and each is given once: \{.*Cy"
    ):
        await ana.event("participant-joined", timeout=0.001)


async def test_mute_leave_and_ejection(daily: LocalDaily) -> None:
    ana, bo = daily.join("demo", user_name="Ana"), daily.join("demo", user_name="Bo")
    ana.mute()
    event = await bo.event("participant-updated")
    assert event["participant"]["media"]["microphone"]["state"] == "off"
    ana.leave()
    ana.leave()
    assert await ana.left() == "leftCall"
    assert (await bo.event("participant-left"))["participant"]["id"] == ana.id
    assert len([e for e in bo.events if e["event"] == "participant-left"]) == 1
    daily.state.rooms.delete(daily.rooms["demo"])
    assert await bo.left() == "room-deleted"
    bo.leave()
    assert bo.left_reason == "room-deleted"


async def test_forget_starts_a_new_recording(daily: LocalDaily) -> None:
    ana, bo = daily.join("demo"), daily.join("demo")
    ana.tone(500, 0.4)
    await bo.hears(500)
    await bo.hears(lambda audio: len(audio) > SAMPLE_RATE and not audio[-BLOCK:].any())
    bo.forget()
    with pytest.raises(TimeoutError, match="heard no 500 Hz tone"):
        await bo.hears(500, timeout=0.05)
    ana.tone(900, 0.4)
    await bo.hears(900)


async def test_memory_is_bounded_and_says_takes_bytes(daily: LocalDaily) -> None:
    await daily.mixer.stop()
    mixer = Mixer(daily.state.domain, daily.state.calls)
    ana, bo = daily.join("demo"), daily.join("demo", keep=0.1)
    ana.says(np.arange(1, BLOCK * 9 + 2, dtype=np.int16).tobytes())
    for _ in range(12):
        mixer.tick()
    assert len(bo.heard) == len(bo.heard_from(ana.id)) == 5 * BLOCK
    # Nine blocks and one sample were said: the tenth is filled up with silence.
    last = bo.heard_from(ana.id)[-BLOCK:]
    assert last[0] == BLOCK * 9 + 1
    assert not last[1:].any()


async def test_music_with_a_hole_is_not_the_answer(
    daily: LocalDaily, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counted as silence before the question does so after it."""
    ana, bo = daily.join("demo"), daily.join("demo")
    music = np.random.default_rng(1).normal(0, 330, SAMPLE_RATE).astype(np.int16)
    ear = ana._ear(bo.id)
    ear.moments.extend(Moment(0.0, 0.01, None) for _ in range(300))

    async def hole(_voice: object) -> None:
        ear.moments.extend(Moment(0.0, 0.0, None) for _ in range(100))
        bo.says(music)

    monkeypatch.setattr(ana, "_is_heard", hole)
    asking = asyncio.create_task(ana.asks(440, pause=0.2, voice=bo.id))
    await bo.hears(440)
    bo.tone(880, 0.3)
    reply = await asking
    assert reply.latency > 0
    assert tone_level(reply.audio[: SAMPLE_RATE // 5], 880) > 0.1


async def test_its_repr(daily: LocalDaily) -> None:
    ana, nameless = daily.join("demo", user_name="Ana"), daily.join("demo")
    assert repr(ana) == "<'Ana', in room 'demo'>"
    assert repr(nameless) == f"<{nameless.id!r}, in room 'demo'>"
    ana.leave()
    assert repr(ana) == "<'Ana', out (leftCall) of room 'demo'>"
