# SPDX-License-Identifier: BSD-2-Clause
"""The connections of browsers; their other end is aiortc in this process."""

import asyncio
import gc
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import numpy as np
import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from loguru import logger

from peers import WAIT, Peer, Peers
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.browser import routes as person
from pipecat_daily_rest.local.browser import webrtc, webrtc_close
from pipecat_daily_rest.local.browser.webrtc_microphone import AudioIn
from pipecat_daily_rest.local.call.mixer import BLOCK, SAMPLE_RATE, Block
from pipecat_daily_rest.local.scripted.hearing import tone_level
from tokens import token


async def within(awaitable: Awaitable[Any]) -> Any:
    return await asyncio.wait_for(awaitable, WAIT)


async def test_two_people_and_a_script_hear_each_other(daily: LocalDaily, peer: Peers) -> None:
    script = daily.join("demo", user_name="Script")
    ana, bo = peer(), peer()
    ana_id = await ana.join(hz=500, userName="Ana")
    bo_id = await bo.join(hz=1500, userName="Bo")
    script.tone(3000, 60)
    await asyncio.gather(
        ana.hears(1500),
        ana.hears(3000),
        bo.hears(500),
        bo.hears(3000),
        script.hears(500, voice=ana_id),
        script.hears(1500, voice=bo_id),
    )
    assert tone_level(np.concatenate(ana.heard), 500) == 0
    assert tone_level(np.concatenate(bo.heard), 1500) == 0
    assert tone_level(script.heard_from(ana_id), 1500) == 0
    levels = (await ana.event("levels"))["levels"]
    assert set(levels) <= {ana_id, bo_id, script.id}


async def test_a_page_learns_who_is_there_and_who_joins_and_leaves(
    daily: LocalDaily, peer: Peers
) -> None:
    script = daily.join("demo", user_name="Script")
    hidden = daily.join("demo", token(daily, permissions={"hasPresence": False}))
    ana, bo = peer(), peer()
    ana_id = await ana.join(userName="  Ana ")
    joined = await ana.event("joined")
    here = {p["id"]: (p["info"]["userName"], p["kind"]) for p in joined["participants"]}
    assert here == {script.id: ("Script", "scripted"), ana_id: ("Ana", "person")}
    assert hidden.id not in here
    mine = next(p for p in joined["participants"] if p["id"] == ana_id)
    assert mine["info"]["isLocal"] is True
    assert mine["media"]["microphone"]["state"] == "playable"
    seen = await script.event("participant-joined", lambda e: e["participant"]["id"] == ana_id)
    assert seen["participant"]["info"]["userName"] == "Ana"

    bo_id = await bo.join(microphone=False, token=token(daily, user_name="Bo", is_owner=True))
    newcomer = (await ana.event("participant-joined"))["participant"]
    assert (newcomer["id"], newcomer["kind"]) == (bo_id, "person")
    assert newcomer["info"]["isOwner"] is True
    assert newcomer["media"]["microphone"]["state"] == "off"
    bo.send({"event": "leave"})
    assert (await ana.event("participant-left"))["participant"]["id"] == bo_id
    await within(daily.state.log.wait_for("person left"))
    assert [e.what for e in daily.state.log.entries if e.what.startswith("person")] == [
        "person joined",
        "person joined",
        "person left",
    ]


async def test_messages_mute_and_name(daily: LocalDaily, peer: Peers) -> None:
    script = daily.join("demo", token(daily, is_owner=True))
    ana, bo = peer(), peer()
    ana_id, bo_id = await ana.join(hz=500, userName="Ana"), await bo.join()
    ana.send({"event": "app-message", "message": {"a": "<b>"}})
    ana.send({"event": "app-message", "message": "only you", "recipient": bo_id})
    await bo.event("app-message", message={"a": "<b>"}, sender=ana_id)
    await bo.event("app-message", message="only you", sender=ana_id)
    script.send([1, 2], ana_id)
    await ana.event("app-message", message=[1, 2], sender=script.id)

    ana.send({"event": "update", "microphone": False, "userName": "Ana B."})
    seen = await script.event("participant-updated")
    assert seen["participant"]["info"]["userName"] == "Ana B."
    assert seen["participant"]["media"]["microphone"]["state"] == "off"
    script.forget()
    await script.hears(lambda audio: len(audio) > SAMPLE_RATE // 2)
    assert not script.heard.any()
    ana.send({"event": "update", "microphone": True})
    await script.hears(500, voice=ana_id)
    participant = script.participant.room.participants[ana_id]
    daily.state.calls.mute(participant, by=script.participant, microphone=False)
    await ana.event("mute", by=script.id, microphone=False)
    assert script.received == [{"a": "<b>"}]


async def test_a_malformed_message_is_ignored(daily: LocalDaily, peer: Peers) -> None:
    script, ana = daily.join("demo"), peer()
    ana_id = await ana.join()
    texts = ["{", "[" * 50_000, "[]", "3", '{"event": []}', '{"event": "update", "userName": 3}']
    for text in [*texts, '{"event": "app-message", "message": NaN}', b"\xff\xfe"]:
        ana.channel.send(text)
    ana.send({"event": "app-message", "message": None, "recipient": {"no": "id"}})
    ana.send({"event": "app-message", "message": "last"})
    assert await script.message() == "last"
    assert script.participant.room.participants[ana_id].user_name == ""


@pytest.mark.parametrize(
    ("end", "reason", "log"),
    [
        (lambda state, room, person: state.rooms.delete(room), "room-deleted", "room-deleted"),
        (lambda state, room, person: state.calls.eject(person), "ejected", "ejected"),
        (lambda state, room, person: state.close(), "shutdown", "shutdown"),
    ],
    ids=["deleted", "ejected", "stopped"],
)
async def test_a_page_whose_call_ends_is_told_why(
    daily: LocalDaily, peer: Peers, end: Callable[..., None], reason: str, log: str
) -> None:
    ana = peer()
    ana_id = await ana.join()
    room = daily.rooms["demo"]
    end(daily.state, room, room.participants[ana_id])
    await ana.event("closed", reason=reason)
    entry = await within(daily.state.log.wait_for("person left"))
    assert entry.detail == f"{ana_id}: {log}"
    assert not room.participants
    # The page hangs up itself; if it does not, the room does.
    await ana.until(lambda: ana.channel.readyState == "closed")


async def test_hanging_up_is_noticed_at_once(
    daily: LocalDaily, peer: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webrtc, "PING_TIMEOUT", 10_000)
    ana = peer()
    ana_id = await ana.join(hz=500)
    await ana.close()
    entry = await within(daily.state.log.wait_for("person left"))
    assert entry.detail == f"{ana_id}: leftCall"


async def test_the_beacon_of_a_page_that_closes(
    daily: LocalDaily, peer: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webrtc, "PING_TIMEOUT", 10_000)
    ana = peer()
    await ana.join()
    for body in ("{", '["x"]', '{"id": "unknown"}', json.dumps({"id": ana.answer["id"]})):
        assert not [e for e in daily.state.log.entries if e.what == "person left"]
        async with ana.session.post(f"{ana.base}/leave", data=body) as response:
            assert response.status == 204
    await within(daily.state.log.wait_for("person left"))


async def test_missing_pings_end_a_connection(
    daily: LocalDaily, peer: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webrtc, "PING_TIMEOUT", 1.0)
    script, ana = daily.join("demo"), peer()
    ana_id = await ana.join(ping=False)
    await ana.vanish()
    entry = await within(daily.state.log.wait_for("person left"))
    assert entry.detail == f"{ana_id}: vanished"
    assert (await script.event("participant-left"))["participant"]["id"] == ana_id


async def test_pings_or_sound_keep_a_connection(
    daily: LocalDaily, peer: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webrtc, "PING_TIMEOUT", 1.5)
    pings, sounds, silent = peer(), peer(), peer()
    ids = [await pings.join(), await sounds.join(hz=500, ping=False)]
    silent_id = await silent.join(ping=False)
    # The one without either leaves; by then the others would have left as well.
    entry = await within(daily.state.log.wait_for("person left"))
    assert entry.detail == f"{silent_id}: vanished"
    assert set(daily.rooms["demo"].participants) == set(ids)


async def test_a_browser_that_never_connects_never_joins(
    daily: LocalDaily, peer: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webrtc, "OPEN_TIMEOUT", 0.2)
    ended, ana = asyncio.Event(), peer()
    end = webrtc.Connection._hang_up

    async def hang_up(self: webrtc.Connection) -> None:
        await end(self)
        ended.set()

    monkeypatch.setattr(webrtc.Connection, "_hang_up", hang_up)
    ana.pc.addTransceiver("audio", direction="recvonly")
    status, _ = await ana.offer()
    assert status == 200
    await within(ended.wait())
    assert [entry.what for entry in daily.state.log.entries] == ["created"]


async def test_a_room_that_ends_between_offer_and_connection_refuses(
    daily: LocalDaily, peer: Peers
) -> None:
    ana = peer()
    ana.pc.addTransceiver("audio", direction="recvonly")
    _, answer = await ana.offer()
    daily.state.rooms.delete(daily.rooms["demo"])
    await ana.pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
    refused = await ana.event("refused")
    assert refused["error"] == "no-room"
    assert "was deleted" in refused["info"]
    assert not [e for e in daily.state.log.entries if e.what == "person joined"]


async def test_refusals_have_a_kind_and_a_sentence(daily: LocalDaily, peer: Peers) -> None:
    state = daily.state
    now = state.clock.now()
    state.rooms.create("private", "private", {"max_participants": 1})
    state.rooms.create("later", "public", {"nbf": now + 60})
    state.rooms.create("over", "public", {"exp": now - 1})

    async def refusal(room: str, **properties: Any) -> tuple[int, str]:
        given = token(daily, **{"room_name": room, **properties}) if properties else None
        ana = peer(room)
        ana.pc.addTransceiver("audio", direction="recvonly")
        status, body = await ana.offer(token=given)
        assert set(body) == {"error", "info"}
        assert body["info"].endswith(".")
        assert given is None or given not in body["info"]
        return status, body["error"]

    assert await refusal("nowhere") == (404, "no-room")
    assert await refusal("private") == (403, "not-allowed")
    assert await refusal("private", room_name="demo") == (403, "not-allowed")
    assert await refusal("private", exp=now - 1) == (403, "exp-token")
    assert await refusal("private", nbf=now + 60) == (403, "nbf-token")
    assert await refusal("later") == (403, "nbf-room")
    assert (await refusal("over"))[1] in ("exp-room", "no-room")
    daily.join("private", token(daily, room_name="private"))
    assert await refusal("private", user_name="late") == (403, "meeting-full")


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        "{}",
        '{"type": "offer", "sdp": 3}',
        '{"type": "answer", "sdp": "v=0"}',
        '{"type": "offer", "sdp": "nonsense"}',
        '{"type": "offer", "sdp": "v=0", "token": 1}',
        '{"type": "offer", "sdp": "v=0", "userName": null}',
    ],
)
async def test_an_offer_that_cannot_be_read(daily: LocalDaily, peer: Peers, body: str) -> None:
    ana = peer()
    async with ana.session.post(f"{ana.base}/offer", data=body) as response:
        assert response.status == 400
        assert (await response.json())["error"] == "invalid-offer"


async def test_without_aiortc_a_sentence_says_what_to_install(
    daily: LocalDaily, peer: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "pipecat_daily_rest.local.browser.webrtc")
    monkeypatch.setitem(sys.modules, "aiortc", None)
    status, body = await peer().offer()
    assert (status, body["error"]) == (501, "no-media")
    assert "pip install 'pipecat-daily-rest[local]'" in body["info"]


async def test_levels_of_those_whom_one_may_not_hear_are_not_sent(
    daily: LocalDaily, peer: Peers
) -> None:
    ana = peer()
    silent = {"canReceive": {"base": False, "byUserId": {"bo": True}}}
    me = await ana.join(hz=500, token=token(daily, permissions=silent))
    bo = daily.join("demo", token(daily, user_id="bo"))
    cy = daily.join("demo")
    bo.tone(1500, 60)
    cy.tone(3000, 60)

    def levels() -> set[str]:
        return {id for e in ana.events if e["event"] == "levels" for id in e["levels"]}

    await within(ana.hears(1500))
    await within(cy.hears(500))
    await within(ana.until(lambda: levels() >= {me, bo.id}))
    assert levels() == {me, bo.id}
    assert tone_level(np.concatenate(ana.heard), 3000) == 0


@pytest.mark.parametrize("where", ["room", "token"])
async def test_start_audio_off(daily: LocalDaily, peer: Peers, where: str) -> None:
    if where == "room":
        daily.rooms["demo"].config["start_audio_off"] = True
    ana = peer()
    ana_id = await ana.join(hz=500, token=token(daily, start_audio_off=where == "token" or None))
    assert ana.answer["startAudioOff"] is True
    assert daily.rooms["demo"].participants[ana_id].media["microphone"] == "off"


async def test_the_page_and_its_files(daily: LocalDaily, peer: Peers) -> None:
    session, base = peer().session, f"http://127.0.0.1:{daily.port}"
    scripts = list(person._PAGE.glob("*.js"))

    async def get(path: str) -> tuple[int, str, Any]:
        async with session.get(base + path) as response:
            return response.status, response.content_type, response.headers

    for path, content_type in [
        ("/demo?t=secret", "text/html"),
        ("/" + "a" * 128, "text/html"),
        ("/.page/room.css", "text/css"),
        ("/.page/icon.svg", "image/svg+xml"),
        *((f"/.page/{script.name}", "text/javascript") for script in scripts),
    ]:
        status, found, headers = await get(path)
        assert (status, found) == (200, content_type), path
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
    for path in ["/" + "a" * 129, "/a.b", "/.page/index.html", "/.page/..%2fperson.py"]:
        assert (await get(path))[0] == 404, path
    html = (person._PAGE / "index.html").read_text()
    assert " style=" not in html
    assert "<style" not in html
    assert "<script src=" in html
    assert html.count("<script") == 1
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert not [script.name for script in scripts if way in script.read_text()], way


async def test_no_token_reaches_the_log(daily: LocalDaily, peer: Peers) -> None:
    lines: list[str] = []
    sink = logger.add(lines.append, level=0, diagnose=True)
    try:
        good, bad = token(daily), token(daily, exp=1)
        ana = peer()
        await ana.join(hz=500, token=good)
        await peer().offer(token=bad)
        async with ana.session.get(f"{ana.base}?t={good}") as response:
            assert response.status == 200
        await ana.close()
        await within(daily.state.log.wait_for("person left"))
    finally:
        logger.remove(sink)
    assert lines
    assert not [line for line in lines if good in line or bad in line]


async def test_a_stop_closes_connections_that_have_not_joined(peer: Peers) -> None:
    async with LocalDaily() as daily, aiohttp.ClientSession() as session:
        daily.state.rooms.create("demo", "public", {})
        ana = Peer(daily, session, "demo")
        ana.pc.addTransceiver("audio", direction="recvonly")
        status, _ = await ana.offer()
        assert status == 200
        await ana.close()
    # pytest turns a task that is still pending, or a socket that is still open, into an error.


async def test_only_this_machine_is_offered(daily: LocalDaily, peer: Peers) -> None:
    ana = peer()
    await ana.join()
    hosts = {
        line.split()[4]
        for line in ana.answer["sdp"].splitlines()
        if line.startswith("a=candidate:")
    }
    assert hosts == {"127.0.0.1"}


def block(value: int) -> Block:
    return np.full(BLOCK, value, np.int16)


def test_the_jitter_buffer_begins_at_once_and_is_a_block_behind_after_a_hole() -> None:
    audio = AudioIn()
    taken = []
    for arriving in ([1], [], [2, 3], [4], [], [5, 6]):
        for value in arriving:
            audio.put(block(value))
        taken.append(audio.take())
    assert [None if one is None else one[0] for one in taken] == [1, None, 2, 3, 4, 5]


@pytest.mark.parametrize("hole", [False, True])
def test_the_jitter_buffer_drops_a_burst_and_what_never_drains(hole: bool) -> None:
    audio = AudioIn()
    if hole:
        audio.put(block(0))
        assert audio.take() is not None
        assert audio.take() is None
    for value in range(9):
        audio.put(block(value))
    assert audio.take()[0] == (7 if hole else 8)  # the newest were kept
    for value in range(100, 104):
        audio.put(block(value))
    delays = []
    for value in range(1000, 1600):
        audio.put(block(value))
        taken = audio.take()
        if taken[0] >= 1000:
            delays.append(value - taken[0])
    assert delays[0] > 2
    assert delays[-1] == (1 if hole else 0)  # as at the beginning, and a block more after a hole


@pytest.mark.parametrize("pictures", [False, True])
async def test_a_connection_that_does_not_get_closed_is_not_kept_alive(
    daily: LocalDaily, peer: Peers, monkeypatch: pytest.MonkeyPatch, pictures: bool
) -> None:
    monkeypatch.setattr(webrtc_close, "_PATIENCE", 0.1)
    ana = peer()
    id = await ana.join(hz=300)
    seat: Any = daily.rooms["demo"].participants[id].seat
    connections = [seat._pc]
    if pictures:
        await ana.pictures()
        connections.append(seat._pictures._connection._pc)
    receivers = [each.receiver for pc in connections for each in pc.getTransceivers()]
    ice = {receiver.transport.transport for receiver in receivers}
    reports = [receiver._RTCRtpReceiver__rtcp_task for receiver in receivers]
    assert any(reports)
    for connection in connections:
        connection.close = lambda: asyncio.sleep(600)
    ana.send({"event": "leave"})
    await daily.state.log.wait_for("person left")
    await asyncio.wait_for(seat.end(), WAIT)
    for each in ice:
        assert each.state == "closed"
        task = each._connection._query_consent_task
        assert task is None or task.done()
    assert all(task is None or task.done() for task in reports)


async def test_a_track_that_aiortc_begins_after_the_end_is_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed, began = asyncio.Event(), asyncio.Event()

    async def connect(room: Any) -> None:
        await closed.wait()
        for each in room.getTransceivers():
            await each.receiver.receive(room._RTCPeerConnection__remoteRtp(each))
        began.set()

    browser, room = RTCPeerConnection(), webrtc_close.PeerConnection()
    browser.addTransceiver("audio")
    await browser.setLocalDescription(await browser.createOffer())
    await room.setRemoteDescription(browser.localDescription)
    monkeypatch.setattr(RTCPeerConnection, "_RTCPeerConnection__connect", connect)
    await room.setLocalDescription(await room.createAnswer())
    await within(webrtc_close.close(room))
    closed.set()
    await within(began.wait())
    (receiver,) = [each.receiver for each in room.getTransceivers()]
    await within(asyncio.wait({receiver._RTCRtpReceiver__rtcp_task}))
    await within(webrtc_close.close(browser))


async def test_a_connection_that_is_closed_at_the_end_of_its_checks_is_not_kept_alive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webrtc_close, "_LATE", 0.1)
    browser, room = RTCPeerConnection(), webrtc_close.PeerConnection()
    browser.addTransceiver("audio")
    await browser.setLocalDescription(await browser.createOffer())
    await room.setRemoteDescription(browser.localDescription)
    await room.setLocalDescription(await room.createAnswer())
    ice = room.getTransceivers()[0].receiver.transport.transport
    checked, closed, states = asyncio.Event(), asyncio.Event(), ice._connection._check_list_state
    get = states.get

    async def slowly() -> Any:
        state = await get()
        checked.set()
        await closed.wait()
        return state

    states.get = slowly
    await browser.setRemoteDescription(room.localDescription)
    await within(checked.wait())
    await within(webrtc_close.close(room))
    closed.set()
    await within(ice._RTCIceTransport__start.wait())
    asking = ice._connection._query_consent_task
    assert asking is not None  # aioice began to ask after it was closed
    await within(asyncio.wait({asking}))
    await within(webrtc_close.close(browser))


async def test_a_connection_that_is_closed_while_it_is_made_says_nothing() -> None:
    """aiortc starts the transport again for each track; a browser that hurries has closed it."""
    failed: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: failed.append(context))
    browser, room = RTCPeerConnection(), webrtc_close.PeerConnection()
    for _ in range(4):
        browser.addTransceiver("audio")
    await browser.setLocalDescription(await browser.createOffer())
    await room.setRemoteDescription(browser.localDescription)
    await room.setLocalDescription(await room.createAnswer())
    dtls = room.getTransceivers()[0].receiver.transport
    began, start = asyncio.Event(), dtls.start

    async def starting(remote: Any) -> None:
        began.set()
        await start(remote)

    dtls.start = starting
    await browser.setRemoteDescription(room.localDescription)
    await within(began.wait())
    await within(webrtc_close.close(room))
    await within(webrtc_close.close(browser))
    for _ in range(3):
        await asyncio.sleep(0)
    gc.collect()
    loop.set_exception_handler(None)
    assert failed == []
