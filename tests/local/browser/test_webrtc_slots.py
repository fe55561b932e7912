# SPDX-License-Identifier: BSD-2-Clause
"""Voices on tracks of their own; the browser is aiortc in this process."""

import asyncio
import gc
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from peers import WAIT, Peer, Peers, Tone
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.browser import opus, webrtc_audio
from pipecat_daily_rest.local.browser.opus import Encoder
from pipecat_daily_rest.local.browser.webrtc_audio import MOST_SLOTS
from pipecat_daily_rest.local.call.mixer import BLOCK, SAMPLE_RATE
from pipecat_daily_rest.local.scripted.hearing import tone_level
from tokens import token

TONES = (500, 1000, 2000, 3000, 4000)


def listen(peer: Peer, *voices: Any) -> None:
    peer.send({"event": "listen", "slots": voices})


def foreign(peer: Peer, *own: tuple[int, ...]) -> list[tuple[int, int]]:
    """Which of the `TONES` a slot has carried that are not its own."""
    return [
        (slot, hz)
        for slot, tones in enumerate(own)
        for hz in TONES
        if hz not in tones and (heard := peer.voices[slot])
        if tone_level(np.concatenate(heard), hz) > 0
    ]


async def test_each_voice_has_its_own_track_while_people_come_and_go(
    daily: LocalDaily, peer: Peers
) -> None:
    one, two, three = (daily.join("demo") for _ in range(3))
    ana = peer()
    await ana.join(hz=3000, slots=4)
    negotiated = ana.pc.localDescription.sdp, ana.pc.remoteDescription.sdp
    listen(ana, one.id, two.id, three.id, None)
    for script, hz in ((one, 500), (two, 1000), (three, 2000)):
        script.tone(hz, 60)
    await asyncio.gather(*(ana.hears(hz, slot=n) for n, hz in enumerate((500, 1000, 2000))))
    one.leave()
    await ana.event("participant-left")
    four = daily.join("demo")
    listen(ana, four.id, two.id, three.id)
    four.tone(4000, 60)
    await asyncio.gather(*(ana.hears(hz, slot=n) for n, hz in enumerate((4000, 1000, 2000))))
    assert foreign(ana, (500, 4000), (1000,), (2000,)) == []
    assert ana.voices[3] == []  # it was never used
    assert ana.heard == []  # nothing goes into the mix
    assert (ana.pc.localDescription.sdp, ana.pc.remoteDescription.sdp) == negotiated


async def test_the_rest_is_mixed_on_the_slot_that_asks_for_it(
    daily: LocalDaily, peer: Peers
) -> None:
    one, two, three = (daily.join("demo") for _ in range(3))
    ana = peer()
    await ana.join(hz=3000, slots=2)
    listen(ana, one.id, "*")
    for script, hz in ((one, 500), (two, 1000), (three, 2000)):
        script.tone(hz, 60)
    await asyncio.gather(ana.hears(500, slot=0), ana.hears(1000, slot=1), ana.hears(2000, slot=1))
    four = daily.join("demo")  # nobody has to say that it is there
    four.tone(4000, 60)
    await ana.hears(4000, slot=1)
    assert foreign(ana, (500,), (1000, 2000, 4000)) == []


async def test_a_custom_track_has_a_slot_of_its_own(daily: LocalDaily, peer: Peers) -> None:
    script, ana = daily.join("demo"), peer()
    await ana.join(slots=3)
    listen(ana, script.id, f"{script.id}/music")
    script.tone(500, 60)
    script.tone(2000, 60, track="music")
    await asyncio.gather(ana.hears(500, slot=0), ana.hears(2000, slot=1))
    assert foreign(ana, (500,), (2000,)) == []


async def test_a_slot_that_was_used_sends_silence_from_then_on(
    daily: LocalDaily, peer: Peers
) -> None:
    script, ana = daily.join("demo"), peer()
    await ana.join(slots=2)
    listen(ana, script.id)

    async def pause() -> None:
        """Wait until half a second of silence has come."""
        before = len(ana.voices[0])
        await ana.until(lambda: len(ana.voices[0]) > before + 50)
        assert not np.concatenate(ana.voices[0][-25:]).any()

    async def speak(hz: int, seconds: float) -> None:
        """Say a tone, and check that it comes whole."""
        ana.voices[0].clear()
        script.tone(hz, seconds)
        await ana.hears(hz, slot=0)
        await pause()
        loud = np.flatnonzero(np.abs(np.concatenate(ana.voices[0])) > 1000)
        assert abs((loud[-1] - loud[0]) / SAMPLE_RATE - seconds) < 0.02
        assert np.diff(loud).max() < 100  # samples: there is no hole in it

    await pause()
    await speak(500, 0.6)
    await speak(2000, 0.6)
    script.mute()
    await pause()
    script.leave()
    await ana.event("participant-left")
    await pause()
    listen(ana)
    await pause()
    assert ana.voices[1] == []


async def test_a_voice_is_encoded_once_for_all_who_hear_it(
    daily: LocalDaily, peer: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[int] = []  # the loudest sample of each block
    encode = Encoder._encode

    def count(self: Encoder, block: Any) -> bytes:
        encoded.append(np.abs(block).max())
        return encode(self, block)

    monkeypatch.setattr(Encoder, "_encode", count)
    script = daily.join("demo")
    people = [peer() for _ in range(3)]
    for person in people:
        await person.join(slots=2)
        listen(person, script.id)
    await asyncio.gather(*(p.until(lambda p=p: len(p.voices[0]) > 5) for p in people))
    assert encoded == []  # silence is not encoded at all
    script.tone(1000, 1.0)
    await asyncio.gather(*(person.hears(1000, slot=0) for person in people))
    await asyncio.gather(
        *(p.until(lambda p=p: not np.concatenate(p.voices[0][-9:]).any()) for p in people)
    )
    assert encoded[0] == 0  # what all had heard before
    assert len([loud for loud in encoded if loud > 0]) == 50  # 1 s in blocks of 20 ms


async def test_what_one_may_not_hear_is_silent(daily: LocalDaily, peer: Peers) -> None:
    daily.state.rooms.create("other", "public", {})
    stranger = daily.join("other")
    stranger.tone(500, 60)
    script, ana = daily.join("demo"), peer()
    may = {"canReceive": {"base": True, "byUserId": {"secret": {"audio": False}}}}
    secret = daily.join("demo", token(daily, user_id="secret"))
    secret.tone(1000, 60)
    me = await ana.join(hz=3000, slots=5, token=token(daily, permissions=may))
    listen(ana, stranger.id, secret.id, me, "*", script.id)
    script.tone(2000, 60)
    await ana.hears(2000, slot=4)
    assert ana.voices[0] == []  # nobody of that name is here
    assert foreign(ana, (), (), (), (), (2000,)) == []


NO_LISTS: list[Any] = [
    *(None, 3, "*", {"0": "*"}, []),
    *([None], [3], [True], [["*"]], [{"id": "*"}], ["", "/", "nobody", "**", "*/music"]),
    ["x" * 50_000],
    [None] * 1_000,
]


async def test_a_list_that_is_none_carries_nothing(daily: LocalDaily, peer: Peers) -> None:
    script, ana = daily.join("demo"), peer()
    await ana.join(slots=2)
    script.tone(500, 60)
    for number, slots in enumerate(NO_LISTS):
        ana.send({"event": "listen", "slots": slots})
        ana.send({"event": "app-message", "message": number})
    assert await script.message(lambda message: message == len(NO_LISTS) - 1)
    assert script.received == list(range(len(NO_LISTS)))
    listen(ana, None, script.id)
    await ana.hears(500, slot=1)
    assert ana.voices[0] == []


async def test_somebody_without_slots_hears_the_mix_whatever_it_asks_for(
    daily: LocalDaily, peer: Peers
) -> None:
    script, ana = daily.join("demo"), peer()
    await ana.join()
    listen(ana, "nobody", script.id)
    script.tone(500, 60)
    await ana.hears(500)


async def test_who_has_left_leaves_nothing_behind(daily: LocalDaily, peer: Peers) -> None:
    kinds = (Encoder, webrtc_audio.AudioOut, webrtc_audio.Sound)
    stays = peer()
    await stays.join(slots=2)

    async def visit() -> None:
        script, ana = daily.join("demo"), peer()
        await ana.join(slots=3)
        listen(ana, script.id, "*")
        listen(stays, script.id, "*")
        script.tone(500, 60)
        await asyncio.gather(ana.hears(500, slot=0), stays.hears(500, slot=0))
        script.leave()
        await ana.close()
        listen(stays, "*")

    def left_over() -> int:
        gc.collect()
        return sum(isinstance(each, kinds) for each in gc.get_objects())

    await visit()  # Python keeps the last one for a while
    before = left_over()
    for _ in range(3):
        await visit()
    await daily.state.log.wait_for("person left", count=4)
    async with asyncio.timeout(WAIT):
        while left_over() > before:  # noqa: ASYNC110 (aiortc does not tell when it has let go)
            await asyncio.sleep(0.1)


def lines(sdp: str, change: Callable[[list[str]], list[str]]) -> str:
    """Change the parts of an offer that each begin with ``m=``."""
    head, *parts = re.split("(?=^m=)", sdp, flags=re.MULTILINE)
    return "".join([head, *change(parts)])


def more(parts: list[str]) -> list[str]:
    copies = [re.sub(r"a=mid:\S+", f"a=mid:x{n}", parts[0]) for n in range(100)]
    return [*parts, *copies]


HOSTILE = {
    "too many": more,
    "one too many": lambda parts: [*parts, *more(parts)[-MOST_SLOTS:]],
    "no sound": lambda parts: parts[-1:],
    "no channel": lambda parts: parts[:1],
    "no codec": lambda parts: [re.sub(r"a=rtpmap.*\r\n", "", parts[0]), *parts[1:]],
    "no Opus": lambda parts: [re.sub("(?i)opus", "other", parts[0]), *parts[1:]],
    "a slot without Opus": lambda parts: [parts[0], re.sub("(?i)opus", "x", parts[1]), *parts[2:]],
    "a picture": lambda parts: [*parts, parts[0].replace("m=audio", "m=video")],
    "a text": lambda parts: [*parts, parts[0].replace("m=audio", "m=text")],
    "no lines": lambda parts: [],
    "lines of one name": lambda parts: [re.sub(r"a=mid:\S+", "a=mid:0", part) for part in parts],
    "a transport of none": lambda parts: [re.sub(r"a=mid:0", "a=mid:9", part) for part in parts],
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
async def test_an_offer_that_is_none_is_refused(
    daily: LocalDaily, peer: Peers, change: Callable[[list[str]], list[str]]
) -> None:
    ana = peer()
    for _ in range(2):
        ana.pc.addTransceiver("audio")
    await ana.pc.setLocalDescription(await ana.pc.createOffer())
    sdp = lines(ana.pc.localDescription.sdp, change)
    body = {"sdp": sdp, "type": "offer", "token": None}
    async with ana.session.post(f"{ana.base}/offer", json=body) as response:
        assert response.status == 400
        assert (await response.json())["info"] == "The browser's offer cannot be read."


async def test_a_slot_that_sends_is_no_microphone(daily: LocalDaily, peer: Peers) -> None:
    script, ana = daily.join("demo"), peer()
    for hz in (1000, 500):
        ana.pc.addTrack(Tone(hz))
    ana.voices.append([])
    id = await ana.join(hz=2000)
    await script.hears(1000, voice=id)
    assert tone_level(script.heard_from(id), 500) == tone_level(script.heard_from(id), 2000) == 0
    listen(ana, script.id)
    script.tone(3000, 60)
    await ana.hears(3000, slot=0)


def test_silence_is_what_the_encoder_makes_of_it() -> None:
    encoder = Encoder()
    encoder._codec = opus._codec()
    assert encoder._encode(np.zeros(BLOCK, np.int16)) == opus.SILENCE
