# SPDX-License-Identifier: BSD-2-Clause
"""The microphone and the camera of a web app: off at first, others, an app's own tracks."""

import re
from typing import Any

import pytest

from daily_app import daily_app
from pipecat_daily_rest.local import LocalDaily

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# Tracks that an app makes itself: a tone, and a picture of one colour.
MADE = """
window.toneTrack = (hz) => {
  const context = new AudioContext();
  const oscillator = new OscillatorNode(context, { frequency: hz });
  const out = new MediaStreamAudioDestinationNode(context);
  oscillator.connect(out);
  oscillator.start();
  return out.stream.getAudioTracks()[0];
};
window.colourTrack = (style) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 180 });
  const context = canvas.getContext("2d");
  setInterval(() => {
    context.fillStyle = style;
    context.fillRect(0, 0, 320, 180);
  }, 50);
  return canvas.captureStream(15).getVideoTracks()[0];
};
"""
OWN = """
async (url) => {
  window.call = make();
  window.mine = { audio: toneTrack(1500), video: colourTrack("rgb(200, 40, 40)") };
  await call.join({ url, userName: "Ana", audioSource: mine.audio, videoSource: mine.video });
  return [call.participants().local.tracks.audio.track.id === mine.audio.id,
    call.participants().local.tracks.video.track.id === mine.video.id];
}
"""
OFF = """
async (url) => {
  window.call = make();
  window.asked = [];
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = (constraints) => {
    asked.push(Object.keys(constraints));
    return real(constraints);
  };
  await call.join({ url: url + "/", userName: "Ana", startAudioOff: true, startVideoOff: true });
  return [asked.length, call.localAudio(), call.localVideo()];
}
"""


def is_red(pixels: Any) -> bool:
    """Whether it is the canvas; Chromium's fake camera is green."""
    red, green, blue = (float(pixels[..., channel].mean()) for channel in range(3))
    return red > green + 100 and red > blue + 100


async def test_an_app_brings_tracks_of_its_own(daily: LocalDaily, web_apps: Any) -> None:
    bo = daily.join("demo", user_name="Bo")
    app = await daily_app(web_apps, daily.url)
    await app.run(f"() => {{ {MADE} }}")
    assert await app.run(OWN, f"{daily.url}/demo") == [True, True]
    [ana] = [p for p in daily.rooms["demo"].participants.values() if p.user_name == "Ana"]
    await bo.hears(1500, voice=ana.id)
    await bo.sees(is_red, of=ana.id)
    # Another one in its place, then a device.
    await app.run("() => call.setInputDevicesAsync({ audioDeviceId: toneTrack(2500) })")
    await bo.hears(2500, voice=ana.id)
    await app.run("() => call.setLocalAudio(false)")
    await bo.event(
        "participant-updated", lambda e: e["participant"]["media"]["microphone"]["state"] == "off"
    )
    await app.run("() => call.setLocalAudio(true)")
    devices = await app.run("() => call.setInputDevicesAsync({ audioDeviceId: 'default' })")
    assert devices["mic"]["deviceId"] == "default"
    await bo.hears(500, voice=ana.id)
    # They stay the app's: a call that ends does not stop them.
    await app.run("() => call.leave()")
    assert await app.run("[mine.audio.readyState, mine.video.readyState]") == ["live", "live"]
    assert app.errors == []


async def test_what_starts_off_is_not_asked_for(daily: LocalDaily, web_apps: Any) -> None:
    daily.state.rooms.create("quiet", "public", {"start_audio_off": True, "start_video_off": True})
    bo = daily.join("quiet", user_name="Bo")
    app = await daily_app(web_apps, daily.url)
    assert await app.run(OFF, f"{daily.url}/demo") == [0, False, False]
    await app.run("() => call.leave()")
    # The room says it, too.
    options = {"url": f"{daily.url}/quiet", "userName": "Ana"}
    await app.run("(options) => { window.call = make(); return call.join(options); }", options)
    assert await app.run("[asked.length, call.localAudio(), call.localVideo()]") == [
        0,
        False,
        False,
    ]
    [ana] = [p for p in daily.rooms["quiet"].participants.values() if p.user_name == "Ana"]
    await app.run("() => call.setLocalAudio(true)")
    await bo.hears(500, voice=ana.id)
    assert await app.run("asked") == [["audio"]]
    assert app.errors == []


# Starts the camera in a browser where each device fails in a way of its own.
FAIL = """
async ([audio, video]) => {
  const call = (window.call = make());
  const failing = { audio, video };
  const real = window.realGUM ??= navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (constraints) => {
    const name = Object.keys(constraints).map((kind) => failing[kind]).find(Boolean);
    if (name) throw new DOMException("no", name);
    return real(constraints);
  };
  call.on("camera-error", ({ error }) => (window.failed = error));
  const devices = await call.startCamera();
  const { audio: mic, video: camera } = call.participants().local.tracks;
  await call.destroy();
  return { error: failed, devices, states: [mic, camera].map(({ state, blocked }) => blocked ?? state) };
}
"""


async def test_devices_that_fail_are_told(daily: LocalDaily, web_apps: Any) -> None:
    app = await daily_app(web_apps, daily.url)
    missing, denied, busy = "NotFoundError", "NotAllowedError", "NotReadableError"
    for fails, kind, more, states in (
        # One that is missing does not take the other with it.
        (
            [None, missing],
            "not-found",
            {"missingMedia": ["video"]},
            ["playable", "byDeviceMissing"],
        ),
        (
            [denied, denied],
            "permissions",
            {"blockedMedia": ["audio", "video"]},
            ["byPermissions"] * 2,
        ),
        ([busy, None], "mic-in-use", {}, ["byDeviceInUse", "playable"]),
        (
            [None, "OverconstrainedError"],
            "constraints",
            {"failedMedia": ["video"]},
            ["playable", "byDeviceMissing"],
        ),
    ):
        got = await app.run(FAIL, fails)
        assert got["error"]["type"] == kind
        assert more.items() <= got["error"].items()
        assert re.search(r"(microphone|camera)\b", got["error"]["msg"])
        assert "DEVICE" not in got["error"]["msg"]
        assert "press" not in got["error"]["msg"]  # the room page's buttons are not the app's
        assert [
            each if each == "playable" else next(iter(each)) for each in got["states"]
        ] == states
        assert (got["devices"]["camera"] == {}) == (states[1] != "playable")
    assert app.errors == []


# Another microphone that is not there, and a track that is none of a camera.
SWITCH = """
async (url) => {
  const call = (window.call = make());
  const failed = [];
  call.on("camera-error", ({ error }) => failed.push(error.type));
  await call.join({ url, userName: "Ana" });
  const used = () => ["audio", "video"].map((kind) => call.participants().local.tracks[kind].persistentTrack);
  const before = used();
  await call.setInputDevicesAsync({ audioDeviceId: "unplugged" });
  await call.setInputDevicesAsync({ videoDeviceId: toneTrack(1500) });
  const states = used().map((track, at) => [track === before[at], track.readyState]);
  call.setLocalVideo(false);
  call.setLocalVideo(true); // the camera again
  return [failed, states];
}
"""


async def test_a_device_that_works_stays_where_another_does_not(
    daily: LocalDaily, web_apps: Any
) -> None:
    bo = daily.join("demo", user_name="Bo")
    app = await daily_app(web_apps, daily.url)
    await app.run(f"() => {{ {MADE} }}")
    failed, states = await app.run(SWITCH, f"{daily.url}/demo")
    assert failed == ["constraints", "constraints"]
    assert states == [[True, "live"], [True, "live"]]
    [ana] = [p for p in daily.rooms["demo"].participants.values() if p.user_name == "Ana"]
    await bo.hears(500, voice=ana.id)
    await app.until("() => call.participants().local.tracks.video.state === 'playable'")
    assert app.errors == []


async def test_calls_that_cross_each_other(daily: LocalDaily, web_apps: Any) -> None:
    app = await daily_app(web_apps, daily.url)
    url = f"{daily.url}/demo"
    # A call that is left while it joins does not join later.
    left = """
    async (url) => {
      window.call = make();
      await call.load();
      const outcome = call.join({ url, startVideoOff: true }).then(() => "joined", failure);
      await call.leave();
      return [await outcome, call.meetingState()];
    }
    """
    outcome, state = await app.run(left, url)
    assert (outcome, state) == ('"The call was left before this was done."', "left-meeting")
    # And the next one does, also when the camera starts at the same time.
    both = """
    async (url) => {
      const [devices] = await Promise.all([call.startCamera({ startVideoOff: true }), call.load()]);
      await call.join({ url, startVideoOff: true });
      return [devices.mic.kind, call.meetingState(), Object.keys(call.participants())];
    }
    """
    assert await app.run(both, url) == ["audioinput", "joined-meeting", ["local"]]
    assert len(daily.rooms["demo"].participants) == 1
    # A call object that is destroyed leaves; its machine answers nothing after that.
    await app.run("() => call.destroy()")
    await daily.state.log.wait_for("person left", count=1)
    await app.run(
        "(url) => { window.call = make(); return call.join({ url, startVideoOff: true }); }", url
    )
    assert len(daily.rooms["demo"].participants) == 1
    assert app.errors == []
