# SPDX-License-Identifier: BSD-2-Clause
"""Voices, cameras and screens of web apps: each participant on tracks of its own."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from daily_app import daily_app
from pipecat_daily_rest.local import LocalDaily
from programs import processes
from tokens import token
from web_app import WebApp

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

JOIN = """
async (options) => {
  window.call = make();
  await call.join({ startVideoOff: true, userName: "Ana", ...options });
}
"""
BOT = Path(__file__).parents[1] / "stand_in" / "pipecat_bot.py"
RED, BLUE = (200, 40, 40), (40, 60, 200)


async def joined(apps: Any, daily: LocalDaily, **options: Any) -> WebApp:
    app = await daily_app(apps, daily.url)
    await app.run(JOIN, {"url": f"{daily.url}/demo", **options})
    return app


async def hear(app: WebApp, tones: dict[str, int]) -> None:
    """Wait until each name's track has its tone, and assert that it has no other's."""
    for name, hz in tones.items():
        await app.until(f"() => hears(call, {name!r}, {hz})")
    levels = await app.run(
        """(tones) => Object.keys(tones).map((name) => Object.values(tones).map(
        (hz) => Math.round(level(person(call, name).tracks.audio.track, hz))))""",
        tones,
    )
    for own, row in enumerate(levels):
        assert [bool(level) for level in row] == [at == own for at in range(len(row))], levels


def is_fake_camera(pixels: Any) -> bool:
    """Chromium's fake camera is green with a yellow sector that turns and a counter."""
    red, green, blue = (float(pixels[..., channel].mean()) for channel in range(3))
    return green > red + 20 and green > blue + 20


async def test_each_voice_is_on_a_track_of_its_own(daily: LocalDaily, web_apps: Any) -> None:
    people = {}
    for name, hz in (("Bo", 441), ("Cy", 1001), ("Di", 2003)):
        people[name] = daily.join("demo", user_name=name)
        people[name].tone(hz, 60)
    app = await joined(web_apps, daily)
    ana = next(p for p in daily.rooms["demo"].participants.values() if p.user_name == "Ana")
    await hear(app, {"Bo": 441, "Cy": 1001, "Di": 2003})
    await people["Cy"].hears(500, voice=ana.id)
    ids = await app.run(
        "['Bo', 'Cy', 'Di'].map((name) => person(call, name).tracks.audio.track.id)"
    )
    assert len(set(ids)) == 3
    # One leaves and another comes, who gets the free place.
    people["Cy"].leave()
    await app.until("() => call.seen.some((e) => e.name === 'participant-left' && e.of === 'Cy')")
    people["Ed"] = daily.join("demo", user_name="Ed")
    people["Ed"].tone(3001, 60)
    await hear(app, {"Bo": 441, "Di": 2003, "Ed": 3001})
    # A voice is muted and unmuted: its track stops and starts.
    await app.run("() => call.seen.splice(0)")
    people["Bo"].mute()
    await app.until("() => person(call, 'Bo').tracks.audio.state === 'off'")
    assert await app.run("person(call, 'Bo').tracks.audio.off") == {"byUser": True}
    people["Bo"].mute(False)
    await hear(app, {"Bo": 441, "Di": 2003, "Ed": 3001})
    seen = await app.run(
        "call.seen.filter((e) => e.of === 'Bo' && e.name.startsWith('track-')).map((e) => e.name)"
    )
    assert seen == ["track-stopped", "track-started"]
    # More voices than places: the rest is mixed on the last.
    more = [(f"P{number}", 4000 + 400 * number) for number in range(7)]
    for name, hz in more:
        people[name] = daily.join("demo", user_name=name)
        people[name].tone(hz, 60)
    tracks = "Object.values(call.participants()).filter((p) => !p.local && p.tracks.audio.track)"
    await app.until(f"() => {tracks}.length === 8")
    [last] = await app.until(
        f"""() => {{ const mixed = {tracks}.filter((p) =>
        {json.dumps([hz for _, hz in more])}.filter((hz) => level(p.tracks.audio.track, hz) > 12).length === 3);
        return mixed.length ? mixed.map((p) => p.user_name) : null; }}"""
    )
    assert last.startswith("P")
    assert app.errors == []


async def test_cameras_go_both_ways_and_a_screen_is_shared(
    daily: LocalDaily, web_apps: Any
) -> None:
    bo = daily.join("demo", user_name="Bo")
    bo.shows(RED)
    app = await joined(web_apps, daily, startVideoOff=False)
    ana = next(p.id for p in daily.rooms["demo"].participants.values() if p.user_name == "Ana")
    await asyncio.gather(
        app.until(f"() => near(person(call, 'Bo').tracks.video.track, {list(RED)})"),
        bo.sees(is_fake_camera, of=ana),
    )
    bo.shows(BLUE, "screenVideo")
    await app.until(f"() => near(person(call, 'Bo').tracks.screenVideo.track, {list(BLUE)})")
    bo.hides()
    await app.until("() => person(call, 'Bo').tracks.video.state === 'off'")
    await app.run("() => { call.setLocalVideo(false); call.startScreenShare(); }")
    await bo.sees(lambda pixels: True, of=ana, source="screenVideo")
    await app.until("() => call.localScreenVideo() && !call.localVideo()")
    await bo.event(
        "participant-updated", lambda e: e["participant"]["media"]["camera"]["state"] == "off"
    )
    await app.run("() => call.stopScreenShare()")
    await bo.event(
        "participant-updated",
        lambda e: (
            e["participant"]["id"] == ana
            and e["participant"]["media"]["screenVideo"]["state"] == "off"
            and e["participant"]["media"]["camera"]["state"] == "off"
        ),
    )
    await app.until("() => call.seen.some((e) => e.name === 'local-screen-share-stopped')")
    names = await app.run(
        "call.seen.filter((e) => e.of === 'local').map((e) => `${e.name} ${e.kind}`)"
    )
    for wanted in ("track-started video", "track-stopped video", "track-started screenVideo"):
        assert any(name.startswith(wanted) for name in names), names
    # Without a device, or with one refused, the app is told which and why.
    await app.run(
        """() => { navigator.mediaDevices.getUserMedia = navigator.mediaDevices.getDisplayMedia =
        () => Promise.reject(new DOMException("no", "NotAllowedError"));
        call.setLocalVideo(true); call.startScreenShare(); }"""
    )
    refused = (
        "(name, kind) => call.seen.find((e) => e.name === name && (!kind || e.error === kind))"
    )
    await app.until(f"() => ({refused})('camera-error', 'permissions')")
    await app.until(f"() => ({refused})('nonfatal-error')")
    local = await app.run("call.participants().local.tracks.video")
    assert (local["state"], local["blocked"]) == ("blocked", {"byPermissions": True})
    assert app.errors == []


async def test_an_owner_mutes_permits_and_lets_in(daily: LocalDaily, web_apps: Any) -> None:
    daily.state.rooms.create("door", "private", {"enable_knocking": True})
    owner = daily.join("door", token(daily, room_name="door", is_owner=True, user_name="Olga"))
    app = await daily_app(web_apps, daily.url)
    # The app knocks: it has joined the lobby, and asks for access.
    await app.run(JOIN, {"url": f"{daily.url}/door"})
    assert await app.run("call.accessState()") == {"access": {"level": "lobby"}}
    await app.run("() => { window.asked = call.requestAccess({ name: 'Anna' }); }")
    event = await owner.event("waiting-participant-added")
    assert event["participant"]["name"] == "Anna"
    daily.state.lobby.decide(daily.rooms["door"], "*", by=owner.participant, let_in=True)
    assert await app.run("() => asked") == {"access": {"level": "full"}, "granted": True}
    anna = next(p for p in daily.rooms["door"].participants.values() if p.user_name == "Anna")
    await app.until("() => person(call, 'Olga') && call.localAudio()")

    daily.state.calls.mute(anna, by=owner.participant, microphone=False)
    await app.until("() => !call.localAudio()")
    off = await app.run("call.participants().local.tracks.audio.off")
    assert off == {"byRemoteRequest": True}
    await app.run("() => call.setLocalAudio(true)")
    await owner.hears(500, voice=anna.id)
    daily.state.calls.permit(anna.room, {anna.id: {"canSend": ["video"]}}, by=owner.participant)
    await app.until("() => call.participants().local.tracks.audio.off?.byCanSendPermission")
    assert await app.run("[...call.participants().local.permissions.canSend]") == ["video"]
    # The app itself is no owner: the room refuses, and says so.
    await app.run(
        "() => call.updateParticipant(person(call, 'Olga').session_id, { setAudio: false })"
    )
    await app.until("() => call.seen.some((e) => e.text.startsWith('only an owner may change'))")

    # As an owner, it does all this itself.
    await app.run("() => call.leave()")
    await app.run(
        JOIN, {"url": f"{daily.url}/door", "token": token(daily, room_name="door", is_owner=True)}
    )
    bo = daily.join("door", token(daily, room_name="door", user_name="Bo"))
    bo.tone(1000, 60)
    await app.until("() => hears(call, 'Bo', 1000)")
    change = "(change) => call.updateParticipant(person(call, 'Bo').session_id, change)"
    await app.run(change, {"setAudio": False})
    assert (await bo.event("mute"))["microphone"] is False
    permissions = "{ updatePermissions: { canSend: new Set(['audio']), canAdmin: false } }"
    await app.run(f"() => ({change})({permissions})")
    await app.until("() => person(call, 'Bo').permissions.canSend instanceof Set")
    assert bo.participant.permissions["canSend"] == ["audio"]
    await app.run(change, {"eject": True})
    assert await bo.left() == "ejected"
    assert app.errors == []


async def test_an_owners_bot_mutes_and_takes_can_send_away(
    daily: LocalDaily, web_apps: Any, tmp_path: Path
) -> None:
    bo = daily.join("demo", user_name="Bo")
    app = await joined(web_apps, daily)
    ana = next(p.id for p in daily.rooms["demo"].participants.values() if p.user_name == "Ana")
    async with processes(tmp_path) as start:
        owner = token(daily, is_owner=True, user_name="Olga")
        bot = await start(sys.executable, BOT, f"{daily.url}/demo", owner, env=daily.env())
        await app.until("() => person(call, 'Olga')?.owner")

        async def change(**what: Any) -> None:
            await app.run(
                "([id, what]) => call.sendAppMessage({ do: 'update', participants: { [id]: what } })",
                [ana, what],
            )
            assert await bot.says(r'^\["updated", (.*)\]$') == "null"  # no error
            bot.out = ""

        await change(inputsEnabled={"microphone": False})
        await app.until("() => !call.localAudio()")
        off = await app.run("call.participants().local.tracks.audio.off")
        assert off == {"byRemoteRequest": True}
        await app.run("() => call.setLocalAudio(true)")  # it was muted, not silenced
        bo.forget()
        await bo.hears(500, voice=ana)
        await change(permissions={"canSend": ["camera"]})
        await app.until("() => call.participants().local.tracks.audio.off?.byCanSendPermission")
        assert await app.run("[...call.participants().local.permissions.canSend]") == ["video"]
        await app.run("() => call.setLocalAudio(true)")
        assert await app.run("call.participants().local.tracks.audio.state") == "off"
        await change(permissions={"canSend": ["camera", "microphone"]})
        await app.run("() => call.setLocalAudio(true)")
        bo.forget()
        await bo.hears(500, voice=ana)
    assert app.errors == []


async def test_custom_tracks_and_app_messages(daily: LocalDaily, web_apps: Any) -> None:
    bo, cy = daily.join("demo", user_name="Bo"), daily.join("demo", user_name="Cy")
    bo.tone(700, 60, track="my jingle")
    app = await joined(web_apps, daily)
    # Beside its microphone, Bo sends a custom track.
    await app.until("() => level(person(call, 'Bo').tracks['my jingle']?.track, 700) > 20")
    started = "call.seen.some((e) => e.name === 'track-started' && e.kind === 'my jingle')"
    assert await app.run(started)
    bo.send({"from": "Bo"})
    await app.until("() => call.seen.some((e) => e.name === 'app-message' && e.data.from === 'Bo')")
    await app.run("() => call.sendAppMessage({ to: 'all' })")
    await app.run("() => call.sendAppMessage({ to: 'Cy' }, person(call, 'Cy').session_id)")
    await app.run("() => call.sendAppMessage('a'.repeat(60_000))")
    for person in (bo, cy):
        await person.message(lambda m: m == {"to": "all"})
        await person.message(lambda m: m == "a" * 60_000)
    assert await cy.message(lambda m: m == {"to": "Cy"})
    assert {"to": "Cy"} not in bo.received
    too_large = (
        "() => { try { call.sendAppMessage('a'.repeat(70_000)); } catch (e) { return e.message; } }"
    )
    assert await app.run(too_large) == "Message data too large. Max size is 65280"
    # It counts characters; the connection counts bytes.
    await app.run("() => call.sendAppMessage('ü'.repeat(60_000))")
    seen = await app.until("() => call.seen.find((e) => e.name === 'nonfatal-error')")
    assert seen["text"].startswith("The message was not sent: an app message may have")
    assert app.errors == []
