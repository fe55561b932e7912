# SPDX-License-Identifier: BSD-2-Clause
"""The pictures of browsers: from them, to them, and what permissions stop."""

import asyncio
from typing import Any

import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from peers import WAIT, Camera, Peers
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.browser import webrtc_video
from pipecat_daily_rest.local.call import pictures, vp8
from tokens import token

RED, GREEN, BLUE = (220, 20, 20), (20, 200, 20), (20, 20, 220)


async def test_a_camera_reaches_a_person_and_a_script(daily: LocalDaily, peer: Peers) -> None:
    script = daily.join("demo")
    ana, bo = peer(), peer()
    ana_id, bo_id = await ana.join(), await bo.join()
    camera = Camera(RED)
    await asyncio.gather(ana.pictures(camera), bo.pictures())
    ana.send({"event": "update", "camera": True})
    await script.event(
        "participant-updated",
        lambda e: e["participant"]["media"]["camera"]["state"] == "playable",
    )
    bo.send({"event": "look", "slots": [None, [ana_id, "camera"]]})
    await bo.sees(RED, slot=1)
    pixels = await script.sees(RED, of=ana_id)
    assert pixels.shape == (180, 320, 3)
    camera.colour = GREEN
    await asyncio.gather(bo.sees(GREEN, slot=1), script.sees(GREEN, of=ana_id))
    assert not bo.seen[0].any()
    # A script's pictures reach them too, and a slot can show another participant.
    script.shows(BLUE)
    bo.send({"event": "look", "slots": [[ana_id, "camera"], [script.id, "camera"]]})
    await asyncio.gather(bo.sees(GREEN, slot=0), bo.sees(BLUE, slot=1))
    script.shows(RED, source="screenVideo")
    bo.send({"event": "look", "slots": [[script.id, "screenVideo"], None]})
    await bo.sees(RED, slot=0)
    assert daily.rooms["demo"].participants[bo_id].media["camera"] == "off"


async def test_a_page_sees_only_what_its_permissions_allow(daily: LocalDaily, peer: Peers) -> None:
    ana, bo = peer(), peer()
    ana_id, bo_id = await ana.join(), await bo.join()
    camera = Camera(RED)
    await asyncio.gather(ana.pictures(camera), bo.pictures())
    ana.send({"event": "update", "camera": True})
    await bo.event("participant-updated")
    bo.send({"event": "look", "slots": [[ana_id, "camera"]]})
    await bo.sees(RED)
    room = daily.rooms["demo"]
    for allowed in (False, True):
        ana.events.clear()
        rule = {"canReceive": {"byParticipantId": {ana_id: {"video": allowed}}}}
        daily.state.calls.permit(room, {bo_id: rule})
        await ana.event("wanted", source="camera", wanted=allowed)
        camera.colour = GREEN
    await bo.sees(GREEN)


async def test_vp8_is_passed_on_as_it_came(
    daily: LocalDaily, peer: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(self: Any) -> None:
        raise AssertionError("people were decoded or encoded for people")

    monkeypatch.setattr(vp8.Encoder, "__init__", never)
    monkeypatch.setattr(vp8.Decoder, "__init__", never)
    ana, bo, cy = peer(), peer(), peer()
    ana_id = await ana.join()
    await asyncio.gather(bo.join(), cy.join())
    await asyncio.gather(ana.pictures(Camera(RED)), bo.pictures(), cy.pictures())
    ana.send({"event": "update", "camera": True})
    await bo.event("participant-updated")
    for other in (bo, cy):
        other.send({"event": "look", "slots": [[ana_id, "camera"]]})
    await asyncio.gather(bo.sees(RED), cy.sees(RED))


async def test_a_page_is_told_when_its_camera_is_wanted(daily: LocalDaily, peer: Peers) -> None:
    ana, bo = peer(), peer()
    ana_id, _ = await ana.join(), await bo.join()
    await asyncio.gather(ana.pictures(Camera(RED)), bo.pictures())
    await ana.event("wanted", source="camera", wanted=False)
    await ana.event("wanted", source="screenVideo", wanted=False)
    ana.send({"event": "update", "camera": True})
    await bo.event("participant-updated")
    bo.send({"event": "look", "slots": [[ana_id, "camera"]]})
    await ana.event("wanted", source="camera", wanted=True)
    await bo.sees(RED)
    ana.events.clear()
    bo.send({"event": "leave"})
    await ana.event("wanted", source="camera", wanted=False)
    assert ana.events[0] != {"event": "wanted", "source": "screenVideo", "wanted": True}


async def test_after_a_lost_frame_a_key_frame_is_requested(daily: LocalDaily, peer: Peers) -> None:
    script = daily.join("demo")
    ana = peer()
    await ana.join()
    await ana.pictures()
    script.shows(RED)
    ana.send({"event": "look", "slots": [[script.id, "camera"]]})
    await ana.sees(RED)
    keys: list[bytes] = []
    feed = script.participant.feeds["camera"]
    feed.tap(lambda frame: keys.append(frame) if pictures.is_key(frame) else None)
    await ana.until(lambda: keys)  # that is the tap's own
    keys.clear()
    receiver = ana.eyes.getTransceivers()[2].receiver
    (source,) = receiver.getSynchronizationSources()
    await receiver._send_rtcp_pli(source.source)
    await ana.until(lambda: keys)


@pytest.mark.parametrize(
    ("room", "rights", "may"),
    [
        ({}, {}, {"camera", "screenVideo"}),
        ({}, {"permissions": {"canSend": ["audio", "video"]}}, {"camera"}),
        ({}, {"permissions": {"canSend": ["screenVideo"]}}, {"screenVideo"}),
        ({}, {"permissions": {"canSend": False}}, set()),
        ({}, {"enable_screenshare": False}, {"camera"}),
        ({"enable_screenshare": False}, {}, {"camera"}),
        ({"enable_screenshare": False}, {"enable_screenshare": True}, {"camera", "screenVideo"}),
        ({"permissions": {"canSend": ["audio"]}}, {}, set()),
    ],
)
async def test_a_page_that_may_not_send_video_is_not_seen(
    daily: LocalDaily, peer: Peers, room: Any, rights: Any, may: set[str]
) -> None:
    daily.rooms["demo"].config.update(room)
    script = daily.join("demo", token(daily, permissions={"canSend": True}))
    ana = peer()
    id = await ana.join(token=token(daily, **rights))
    joined = await ana.event("joined")
    media = next(p["media"] for p in joined["participants"] if p["id"] == id)
    forbidden = {name for name in pictures.SOURCES if "sendPermission" in media[name]["offReasons"]}
    assert {*pictures.SOURCES} - forbidden == may
    await ana.pictures(Camera(RED))
    ana.send({"event": "update", "camera": True, "screenVideo": True, "userName": "Ana"})
    await script.event("participant-updated")
    participant = daily.rooms["demo"].participants[id]
    described = participant.describe()["media"]
    assert {name for name in pictures.SOURCES if described[name]["state"] == "playable"} == may
    assert {name for name in pictures.SOURCES if participant.sends(name)} == may
    if "camera" in may:
        await script.sees(RED, of=id)
    else:
        frames: list[bytes] = []
        participant.feeds["camera"].tap(frames.append)
        await ana.event("wanted", source="camera", wanted=True)
        await ana.until(lambda: ana.cameras[0].number > 20)
        assert frames == []
        with pytest.raises(PermissionError, match="camera"):
            daily.join("demo", token(daily, **rights)).shows(RED)


async def test_a_camera_that_is_off_or_muted_is_not_seen(daily: LocalDaily, peer: Peers) -> None:
    owner = daily.join("demo", token(daily, is_owner=True))
    ana = peer()
    id = await ana.join()
    participant = daily.rooms["demo"].participants[id]
    await ana.pictures(Camera(RED))
    for switch_off in (
        lambda: ana.send({"event": "update", "camera": False}),
        lambda: daily.state.calls.mute(participant, by=owner.participant, camera=False),
    ):
        ana.send({"event": "update", "camera": True})
        await owner.sees(RED, of=id)
        switch_off()
        await owner.event(
            "participant-updated",
            lambda e: e["participant"]["media"]["camera"]["state"] == "off",
        )
        with pytest.raises(TimeoutError, match="it saw nothing"):
            await owner.sees(RED, of=id, timeout=0.05)
    await ana.event("mute", camera=False)


async def an_offer(lines: int) -> str:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    for _ in range(lines):
        pc.addTransceiver("video")
    try:
        return (await pc.createOffer()).sdp
    finally:
        await pc.close()


async def without_vp8() -> str:
    return (await an_offer(3)).replace("VP8", "VP7")


OFFERS = {
    "without VP8": without_vp8,
    "too many": lambda: an_offer(len(pictures.SOURCES) + webrtc_video.MOST_SLOTS + 1),
    "too few": lambda: an_offer(1),
}


@pytest.mark.parametrize(
    "sdp",
    [None, "", "v=0", {"a": 1}, "the audio's", "without VP8", "too many", "too few"],
    ids=["none", "empty", "short", "no text", "audio", "codec", "many", "few"],
)
async def test_a_bad_offer_harms_nothing(daily: LocalDaily, peer: Peers, sdp: Any) -> None:
    script = daily.join("demo")
    ana = peer()
    await ana.join(hz=500)
    offer = ana.pc.localDescription.sdp if sdp == "the audio's" else sdp
    if isinstance(sdp, str) and sdp in OFFERS:
        offer = await OFFERS[sdp]()
    ana.send({"event": "pictures", "sdp": offer})
    answer = await ana.event("pictures")
    assert answer["error"] == "The browser's offer of pictures cannot be read."
    await script.hears(500)
    ana.events.remove(answer)
    await ana.pictures()
    script.shows(BLUE)
    for slots in (None, [3], [["x"]], [["x", "camera"]], [[script.id, "nose"]], [[{}, []]], ["ab"]):
        ana.send({"event": "look", "slots": slots})
    ana.send({"event": "look", "slots": [[script.id, "camera"], None, None, None]})
    await ana.sees(BLUE)


async def test_nobody_holds_a_feed_after_a_call(daily: LocalDaily, peer: Peers) -> None:
    script = daily.join("demo")
    ana, bo = peer(), peer()
    ana_id, bo_id = await ana.join(), await bo.join()
    await asyncio.gather(ana.pictures(Camera(RED)), bo.pictures())
    ana.send({"event": "update", "camera": True})
    script.shows(BLUE)
    bo.send({"event": "look", "slots": [[ana_id, "camera"], [script.id, "camera"]]})
    await asyncio.gather(bo.sees(RED), bo.sees(BLUE, slot=1))
    feeds = [daily.rooms["demo"].participants[ana_id].feeds["camera"]]
    feeds.append(script.participant.feeds["camera"])
    assert all(feed._taps for feed in feeds)
    bo.send({"event": "leave"})
    await script.event("participant-left", lambda e: e["participant"]["id"] == bo_id)
    await ana.until(lambda: not any(feed._taps or feed._looks for feed in feeds))
    assert feeds[1]._converter is None
    ana.send({"event": "leave"})
    await script.event("participant-left", lambda e: e["participant"]["id"] == ana_id)
    await ana.until(lambda: feeds[0]._publisher is None)


async def test_a_browser_that_never_takes_its_pictures_holds_no_feed(
    daily: LocalDaily, peer: Peers
) -> None:
    script = daily.join("demo")
    ana = peer()
    id = await ana.join()
    ana.eyes = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    for direction in ("sendonly", "sendonly", "recvonly"):
        ana.eyes.addTransceiver("video", direction=direction)
    await ana.eyes.setLocalDescription(await ana.eyes.createOffer())
    ana.send({"event": "pictures", "sdp": ana.eyes.localDescription.sdp})
    assert "sdp" in await ana.event("pictures")
    script.shows(BLUE)
    ana.send({"event": "look", "slots": [[script.id, "camera"]]})
    feed = script.participant.feeds["camera"]
    async with asyncio.timeout(WAIT):
        while not feed._taps:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
    ana.send({"event": "leave"})
    await script.event("participant-left", lambda e: e["participant"]["id"] == id)
    async with asyncio.timeout(WAIT):
        while feed._taps or feed._converter is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_pictures_are_as_large_as_they_say(daily: LocalDaily) -> None:
    with pytest.raises(ValueError, match="bytes"):
        pictures.Picture(2, 2, bytes(11))
    with pytest.raises(ValueError, match="pixels"):
        pictures.Picture(4000, 4000, bytes(4000 * 4000 * 3))
    ana = daily.join("demo")
    with pytest.raises(ValueError, match="rows, columns and RGB"):
        ana.shows(np.zeros((4, 4), np.uint8))
    with pytest.raises(LookupError, match="nobody"):
        await ana.sees(RED, of="x")
