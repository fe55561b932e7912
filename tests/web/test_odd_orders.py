# SPDX-License-Identifier: BSD-2-Clause
"""Calls of an app in odd orders: each has an answer, and nothing of a call stays after it."""

from typing import Any

import pytest

from daily_app import daily_app
from pipecat_daily_rest.local import LocalDaily

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

LEFT = "The call was left before this was done."
# A browser that asks for the microphone, and nobody answers; and how a promise ends.
PROMPT = """
() => {
  window.real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = () => new Promise((_, no) => (window.deny = no));
  window.asked = async () => { while (!window.deny) await new Promise((go) => setTimeout(go, 20)); };
  window.end = (promise) => promise.then(() => "done", (error) => error.error?.msg ?? error.msg ?? error);
}
"""
WAITING = """
async ([url, first, way]) => {
  window.deny = null;
  window.call = make();
  const outcome = end(first === "join" ? call.join({ url }) : call.startCamera());
  await asked();
  await call[way]();
  const told = await outcome;
  deny(new DOMException("", "NotAllowedError"));
  await new Promise((go) => setTimeout(go));
  return [told, call.seen.map((e) => e.name).filter((name) => /error/.test(name))];
}
"""


async def test_who_leaves_while_the_browser_asks_is_answered(
    daily: LocalDaily, web_apps: Any
) -> None:
    app = await daily_app(web_apps, daily.url)
    await app.run(PROMPT)
    for first in ("join", "startCamera"):
        for way in ("leave", "destroy"):
            told, errors = await app.run(WAITING, [f"{daily.url}/demo", first, way])
            assert (told, errors) == (LEFT, []), (first, way)
    # A local Daily that stands still does not keep the app waiting either.
    still = """
    async (url) => {
      navigator.mediaDevices.getUserMedia = real;
      const { timeout } = AbortSignal;
      AbortSignal.timeout = (ms) => timeout.call(AbortSignal, ms / 100);
      const fetchAsIs = window.fetch;
      window.fetch = (to, options) => {
        if (!String(to).endsWith("/offer")) return fetchAsIs(to, options);
        return new Promise((_, no) => options.signal.addEventListener("abort", () => no(options.signal.reason)));
      };
      window.call = make();
      return [await end(call.join({ url })), call.meetingState(), await end(call.preAuth({ url }))];
    }
    """
    joined, state, access = await app.run(still, f"{daily.url}/demo")
    assert state == "error"
    assert joined.startswith("The local Daily does not answer")
    assert access == joined
    assert daily.state.log.entries[-1].what == "created"
    assert app.errors == []


# A screen that is chosen when the test says so.
SCREEN = """
() => {
  window.chosen = [];
  navigator.mediaDevices.getDisplayMedia = () => new Promise((choose) => {
    window.choose = () => {
      const canvas = Object.assign(document.createElement("canvas"), { width: 32, height: 18 });
      canvas.getContext("2d").fillRect(0, 0, 32, 18);
      const stream = canvas.captureStream(5);
      chosen.push(stream.getTracks()[0]);
      choose(stream);
      return new Promise((go) => setTimeout(go));
    };
  });
  window.names = () => call.seen.map((e) => e.name).filter((name) => /screen/.test(name));
}
"""
CHANGES_ITS_MIND = """
async (url) => {
  window.call = make();
  await call.join({ url, startVideoOff: true });
  window.choose = null;
  call.startScreenShare();
  while (!window.choose) await new Promise((go) => setTimeout(go, 20));
  call.stopScreenShare();
  await call.getNetworkTopology(); // it comes after the stop
  await choose();
}
"""
LEAVES = """
async () => {
  window.choose = null;
  call.startScreenShare();
  while (!window.choose) await new Promise((go) => setTimeout(go, 20));
  await call.leave();
  await choose();
  return chosen.map((track) => track.readyState);
}
"""


async def test_a_screen_that_is_chosen_too_late_is_not_shared(
    daily: LocalDaily, web_apps: Any
) -> None:
    app = await daily_app(web_apps, daily.url)
    await app.run(SCREEN)
    await app.run(CHANGES_ITS_MIND, f"{daily.url}/demo")
    await app.until("() => names().length === 1")
    assert await app.run("names()") == ["local-screen-share-canceled"]
    # Sound alone is no screen.
    sound = "new AudioContext().createMediaStreamDestination().stream"
    await app.run(f"() => {{ call.startScreenShare({{ mediaStream: {sound} }}); }}")
    failed = "() => call.seen.find((e) => e.name === 'nonfatal-error')"
    said = (await app.until(failed))["text"]
    assert said == "The screen is not shared: the stream has no picture."
    # Nor is a screen captured after the call.
    assert await app.run(LEAVES) == ["ended", "ended"]
    assert app.errors == []


WRONG_TRACKS = """
async ([url, kind]) => {
  window.call = make();
  const sound = new AudioContext().createMediaStreamDestination().stream.getAudioTracks()[0];
  const picture = document.createElement("canvas").captureStream(5).getVideoTracks()[0];
  if (kind === "ended") picture.stop();
  const seen = [];
  call.on("camera-error", ({ error }) => seen.push([error.type, error.failedMedia]));
  await call.join({ url, videoSource: kind === "ended" ? picture : sound });
  const { audio, video } = call.participants().local.tracks;
  const told = [seen, audio.track.id === sound.id, video.state];
  await call.destroy();
  return told;
}
"""


async def test_a_track_that_is_none_of_a_camera_is_refused(
    daily: LocalDaily, web_apps: Any
) -> None:
    app = await daily_app(web_apps, daily.url)
    for kind in ("ended", "sound"):
        told = await app.run(WRONG_TRACKS, [f"{daily.url}/demo", kind])
        assert told == [[["constraints", ["video"]]], False, "blocked"], kind
    assert app.errors == []
