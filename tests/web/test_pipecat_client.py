# SPDX-License-Identifier: BSD-2-Clause
"""Pipecat's web client with its transport for Daily, and the quickstart's bot."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from npm import bundled, installed
from pipecat_daily_rest.local import LocalDaily
from sounds import speech

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ROOT = Path(__file__).parents[2]
RATE = 48_000
PACKAGES = (
    "@pipecat-ai/client-js@1.13.1",
    "@pipecat-ai/daily-transport@1.6.9",
    "@daily-co/daily-js@0.90.0",
)
APP = """
import { PipecatClient } from "@pipecat-ai/client-js";
import { DailyTransport } from "@pipecat-ai/daily-transport";

window.seen = [];
window.heard = new Set();
// Listens to a track for each tone, and remembers which were heard.
function listen(track) {
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 16384, smoothingTimeConstant: 0 });
  const player = Object.assign(new Audio(), { muted: true, srcObject: new MediaStream([track]) });
  context.createMediaStreamSource(player.srcObject).connect(analyser);
  const levels = new Float32Array(analyser.frequencyBinCount);
  setInterval(() => {
    analyser.getFloatFrequencyData(levels);
    const at = (hz) => levels[Math.round((hz * analyser.fftSize) / context.sampleRate)];
    for (const hz of [660, 880, 3300]) if (at(hz) > -60 && at(hz) > at(hz * 1.3) + 20) heard.add(hz);
  }, 20);
}
window.start = (bundlePathOverride) => {
  const note = (name) => (what) => seen.push([name, what?.message ?? what?.name ?? what]);
  window.client = new PipecatClient({
    transport: new DailyTransport({ dailyConfig: { bundlePathOverride } }),
    enableMic: true,
    enableCam: false,
    callbacks: {
      onTransportStateChanged: note("state"),
      onBotConnected: note("bot connected"),
      onBotReady: note("bot ready"),
      onDisconnected: note("disconnected"),
      onError: note("error"),
      onDeviceError: note("device error"),
      onTrackStarted: (track, who) => {
        seen.push([`${track.kind} track`, who?.local ? "own" : "bot"]);
        if (track.kind === "audio" && !who?.local) listen(track);
      },
    },
  });
};
"""


async def test_it_talks_to_the_quickstart_with_one_line(
    local_daily: LocalDaily, web_apps: Any
) -> None:
    script = await asyncio.to_thread(lambda: bundled(installed(*PACKAGES), APP))
    bot = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pipecat_daily_rest", "run", str(ROOT / "examples/quickstart.py")),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **local_daily.env()},
    )
    try:
        await _talk(bot, local_daily, web_apps, script)
    finally:
        if bot.returncode is None:
            bot.terminate()
        await bot.communicate()
    assert bot.returncode == 0
    assert local_daily.rooms == {}


async def _talk(bot: Any, daily: LocalDaily, web_apps: Any, script: str) -> None:
    while not (line := (await bot.stdout.readline()).decode()).startswith("http"):
        assert line, "the bot ended before it printed its link"
    url, _, token = line.strip().partition("?t=")
    await daily.state.log.wait_for("bot joined")
    pause = np.zeros(RATE * 6, np.int16)
    says = np.concatenate([speech(RATE, tone_hz=3300), pause]).tobytes()
    app = await web_apps.open(script, says=says)

    await app.run("(path) => start(path)", f"{daily.url}/.daily-js/")
    await app.run("() => client.initDevices()")
    assert await app.run("client.state") == "initialized"
    connect = "(options) => client.connect(options).then(() => client.state)"
    assert await app.run(connect, {"url": url, "token": token}) == "ready"
    await app.until("() => seen.some(([name]) => name === 'bot ready')")
    await app.until("() => seen.some(([name]) => name === 'bot connected')")
    for whose in ("own", "bot"):  # the bot's track may come after its word
        await app.until(
            "(whose) => seen.some(([name, who]) => name === 'audio track' && who === whose)", whose
        )
    # The bot's chime; its answer repeats what the microphone heard.
    await app.until("() => heard.has(880) && heard.has(3300)")

    [room] = daily.rooms.values()
    [person] = [p for p in room.participants.values() if p.kind == "person"]
    await app.run("() => client.enableMic(false)")
    await app.until("() => !client.isMicEnabled && !client.tracks().local.audio?.enabled")
    assert person.media["microphone"] == "off"
    await app.run("() => client.enableMic(true)")
    mics = await app.run("async () => (await client.getAllMics()).map((each) => each.deviceId)")
    await app.run("(mic) => client.updateMic(mic)", mics[-1])
    await app.until("(mic) => client.selectedMic.deviceId === mic", mics[-1])
    speakers = await app.run("async () => (await client.getAllSpeakers()).map((s) => s.deviceId)")
    await app.run("(speaker) => client.updateSpeaker(speaker)", speakers[-1])
    await app.until("(speaker) => client.selectedSpeaker.deviceId === speaker", speakers[-1])
    await app.run("() => client.enableCam(true)")
    await app.until(
        "() => client.isCamEnabled && client.tracks().local.video?.readyState === 'live'"
    )
    assert person.media["camera"] == "playable"
    assert person.media["microphone"] == "playable"
    await app.run("() => client.sendText('hello')")
    await daily.room(room.name).event(
        "app-message", lambda e: e["message"].get("type") == "send-text"
    )

    # The same client leaves and comes back, in a new session of the same room.
    await app.run("() => client.disconnect()")
    await app.until("() => client.state === 'disconnected'")
    assert person.id not in room.participants
    live = await app.run("client.tracks().local.audio?.readyState ?? 'none'")
    assert live == "none"
    await app.run("() => { seen.length = 0; heard.clear(); }")
    assert await app.run(connect, {"url": url, "token": token}) == "ready"
    await app.until("() => heard.has(3300)")
    names = [name for name, _ in await app.run("seen")]
    assert "error" not in names
    assert "device error" not in names
    assert app.errors == []
    hosts = {each.split("/")[2].partition(":")[0] for each in app.requests if "//" in each}
    assert hosts == {"localhost"}
