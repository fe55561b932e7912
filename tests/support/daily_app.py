# SPDX-License-Identifier: BSD-2-Clause
"""Pages with an unmodified daily-js of some version, and what a test asks them."""

import asyncio
from typing import Any

from npm import installed
from pipecat_daily_rest.cli.tried import DAILY_JS
from web_app import WebApp, WebApps

NEWEST = DAILY_JS[-1]

# `make(options)` gives a call object that notes each of its events in `call.seen`.
_APP = """
window.Daily ??= window.DailyIframe;
window.note = (event) => ({
  name: event.action,
  of: event.participant?.local ? "local" : (event.participant?.user_name ?? ""),
  kind: event.type ?? event.track?.kind ?? "",
  audio: event.participant?.tracks?.audio?.state ?? "",
  error: event.error?.type ?? "",
  text: event.errorMsg ?? "",
  data: event.data ?? null,
});
window.make = (options = {}) => {
  const call = Daily.createCallObject({ allowMultipleCallInstances: true, ...options });
  call.seen = [];
  call.on("error", () => {}); // else daily-js logs that nobody handles it
  const emit = call.emit;
  call.emit = function (name, event, ...more) {
    call.seen.push(note({ ...event, action: name }));
    return emit.call(this, name, event, ...more);
  };
  return call;
};
window.failure = (error) => JSON.stringify(error?.message ?? error);
// How loud a tone is in a track, in dB over the median of all frequencies; 0 when another is louder.
const listening = new Map();
let context; // one for all tracks: each has a thread of its own
window.level = (track, hz) => {
  if (!track) return 0;
  if (!listening.has(track)) {
    context ??= new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0.3 });
    const player = new Audio();  // Chromium gives the sound of a remote track only to who plays it
    player.muted = true;
    player.srcObject = new MediaStream([track]);
    context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    listening.set(track, { analyser, player });
  }
  const { analyser } = listening.get(track);
  const levels = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(levels);
  const bin = (f) => Math.round((f * analyser.fftSize) / context.sampleRate);
  const peak = Math.max(...levels.subarray(bin(hz) - 2, bin(hz) + 3));
  const heard = levels.subarray(bin(100), bin(12000));
  if (!Number.isFinite(peak) || peak < -75 || peak < Math.max(...heard) - 25) return 0;
  return peak - [...heard].sort((a, b) => a - b)[heard.length >> 1];
};
// The participant of a name in a call, and the track that an app would play.
window.person = (call, name) => Object.values(call.participants()).find((p) => p.user_name === name);
// The mean colour of a picture's track, or null while it shows nothing.
const looking = new Map();
window.colour = (track) => {
  if (!track) return null;
  if (!looking.has(track)) {
    const video = document.createElement("video");
    video.muted = true;
    video.srcObject = new MediaStream([track]);
    video.play();
    looking.set(track, video);
  }
  const video = looking.get(track);
  if (video.readyState < 2 || !video.videoWidth) return null;
  const context = new OffscreenCanvas(16, 9).getContext("2d");
  context.drawImage(video, 0, 0, 16, 9);
  const sum = [0, 0, 0];
  context.getImageData(0, 0, 16, 9).data.forEach((value, at) => {
    if (at % 4 < 3) sum[at % 4] += value / 144;
  });
  return sum;
};
window.near = (track, wanted) => colour(track)?.every((value, at) => Math.abs(value - wanted[at]) < 30);
window.hears = (call, name, hz) => level(person(call, name)?.tracks.audio.track, hz) > 20;
"""


def package(version: str) -> str:
    """Give the script of a daily-js, as its package has it."""
    folder = installed(*(f"daily-{each}@npm:@daily-co/daily-js@{each}" for each in DAILY_JS))
    return (folder / "node_modules" / f"daily-{version}" / "dist" / "daily.js").read_text()


async def page_of(apps: WebApps, url: str | None, version: str = NEWEST) -> str:
    """Serve a page as `daily_app` opens it, and give its URL."""
    return apps.add(await _script(version), tag=url)


async def daily_app(
    apps: WebApps, url: str | None, version: str = NEWEST, **options: Any
) -> WebApp:
    """Open a page that has daily-js and, where a URL is given, a local Daily's script tag."""
    return await apps.open(await _script(version), tag=url, **options)


async def _script(version: str) -> str:
    return f"{await asyncio.to_thread(package, version)};{_APP}"  # which may have to install it
