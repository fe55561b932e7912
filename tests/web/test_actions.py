# SPDX-License-Identifier: BSD-2-Clause
"""Whatever a daily-js can ask of the call machine has an answer, and what it takes is told."""

import re
from typing import Any

import pytest

import web_table
from daily_app import daily_app
from pipecat_daily_rest.local import LocalDaily

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# Sends each action of a list as daily-js does, with a stamp, and gives those without an answer.
ASK = """
async ([actions, of]) => {
  const id = Object.keys(_daily.instances).at(-1);
  const answers = {};
  const all = actions.map((action, number) => new Promise((resolve) => {
    const callbackStamp = `${of} ${number}`;
    addEventListener("message", ({ data }) => {
      if (data?.callbackStamp !== callbackStamp || data.from !== "embedded") return;
      answers[action] = data;
      resolve();
    });
    postMessage({ what: "iframe-call-message", from: "module", callClientId: id, action, callbackStamp });
  }));
  await Promise.race([Promise.all(all), new Promise((resolve) => setTimeout(resolve, 20_000))]);
  return answers;
}
"""
# What daily-js sends without waiting for an answer.
TELL = """
([actions]) => {
  const id = Object.keys(_daily.instances).at(-1);
  for (const action of actions) {
    postMessage({ what: "iframe-call-message", from: "module", callClientId: id, action });
  }
}
"""
# They begin or end a call; `test_daily_js` has them.
CALLS = {"join-meeting", "leave-meeting", "start-camera", "daily-method-preauth"}


async def test_no_call_of_an_app_waits_for_ever(daily: LocalDaily, web_apps: Any) -> None:
    actions = [each for each in web_table.known()[0] if each not in CALLS]
    refused = web_table.machine()["refused"]
    app = await daily_app(web_apps, daily.url)
    await app.run("async () => { window.call = make(); await call.load(); }")
    for state in ("loaded", "started", "joined"):
        if state == "started":
            await app.run("() => call.startCamera({ startVideoOff: true })")
        if state == "joined":
            await app.run("(url) => call.join({ url })", f"{daily.url}/demo")
        answers = await app.run(ASK, [[*actions, "of-tomorrow"], state])
        assert set(answers) == {*actions, "of-tomorrow"}, state
        for action, sentence in refused.items():
            assert answers[action]["error"] == sentence
        assert answers["of-tomorrow"]["error"] == "A local room does not know of-tomorrow."
    # An app that does not wait gets an event, of the kind that daily-js has for it.
    await app.run("() => call.seen.splice(0)")
    await app.run(TELL, [[*refused, "get-network-topology", "of-tomorrow"]])
    told = f"call.seen.filter((e) => /error$/.test(e.name)).length >= {len(refused) + 1}"
    await app.until(f"() => {told}")
    errors = await app.run("call.seen.filter((e) => /error$/.test(e.name))")
    assert {each["name"] for each in errors} == {
        "recording-error",
        "live-streaming-error",
        "transcription-error",
        "nonfatal-error",
    }
    assert {each["text"] for each in errors} >= set(refused.values())
    assert await app.run("call.meetingState()") == "joined-meeting"
    assert app.errors == []
    await app.run("() => call.destroy()")


# What an app calls, and what comes of it.
ASKED = {
    "getNetworkTopology": {"topology": "sfu"},
    "getCpuLoadStats": {"cpuLoadState": "low", "cpuLoadStateReason": "none", "stats": {}},
    "getReceiveSettings": {},
}
CALL = """
async (url) => {
  const call = (window.call = make());
  await call.join({ url, startVideoOff: true, userName: "Ana" });
  const told = {};
  for (const name of ["getNetworkTopology", "getMeetingSession", "getCpuLoadStats", "getReceiveSettings"]) {
    told[name] = await call[name]();
  }
  told.name = await call.setUserName("Anna");
  told.data = await call.setUserData({ seat: 7 });
  told.send = await call.updateSendSettings({ video: "quality-optimized" });
  told.receive = await call.updateReceiveSettings({ base: { video: { layer: 1 } } });
  told.one = await call.getReceiveSettings("base");
  told.cycle = await call.cycleMic();
  told.dialOut = await call.startDialOut({ sipUri: "sip:a@b" }).catch(failure);
  told.player = await call.startRemoteMediaPlayer({ url: "https://a.example/b" }).catch(failure);
  told.blur = await call.updateInputSettings({ video: { processor: { type: "background-blur", config: { strength: 1 } } } }).catch(failure);
  told.settings = await call.updateInputSettings({ audio: { settings: { noiseSuppression: false } } });
  call.startLocalAudioLevelObserver(100);
  call.startRemoteParticipantsAudioLevelObserver(100);
  call.setSubscribeToTracksAutomatically(false);
  return told;
}
"""


async def test_what_an_app_asks_in_a_call(daily: LocalDaily, web_apps: Any) -> None:
    bo = daily.join("demo", user_name="Bo")
    bo.tone(1000, 60)
    app = await daily_app(web_apps, daily.url)
    told = await app.run(CALL, f"{daily.url}/demo")
    for name, wanted in ASKED.items():
        assert told[name] == wanted
    assert told["getMeetingSession"]["meetingSession"]["id"] == daily.rooms["demo"].meeting_id
    assert told["name"]["userName"] == "Anna"
    assert told["data"]["userData"] == {"seat": 7}
    assert told["send"] == {"video": "quality-optimized"}
    assert told["receive"]["receiveSettings"] == {"base": {"video": {"layer": 1}}}
    assert told["one"] == {"video": {"layer": 1}}
    assert told["cycle"]["device"]["kind"] == "audioinput"
    assert "only a bot can do this" in told["dialOut"]
    assert "plays no files" in told["player"]
    assert "no processor background-blur" in told["blur"]
    assert told["settings"]["audio"]["settings"] == {"noiseSuppression": False}
    await bo.event("participant-updated", lambda e: e["participant"]["info"]["userName"] == "Anna")
    # The microphone hears 500 Hz, the room 1000 Hz.
    await app.until("() => call.getLocalAudioLevel() > 0.1")
    await app.until("() => Object.values(call.getRemoteParticipantsAudioLevel())[0] > 0.05")
    levels = await app.run("Object.keys(call.getRemoteParticipantsAudioLevel())")
    assert levels == [bo.id]
    await app.until("() => call.getActiveSpeaker().peerId")
    # Without automatic subscription a track comes and goes as the app asks.
    await app.until("() => person(call, 'Bo').tracks.audio.state === 'sendable'")
    subscribe = "(yes) => call.updateParticipant(person(call, 'Bo').session_id, { setSubscribedTracks: { audio: yes } })"
    await app.run(f"(yes) => {{ ({subscribe})(yes); }}", True)
    await app.until("() => hears(call, 'Bo', 1000)")
    await app.run(f"(yes) => {{ ({subscribe})(yes); }}", False)
    await app.until("() => person(call, 'Bo').tracks.audio.state === 'sendable'")
    stats = await app.run("async () => (await call.getNetworkStats()).stats.latest")
    assert stats["timestamp"] > 0
    assert re.search("networkRoundTripTime", str(stats))
    # Who records the room is told, and that it ends.
    room = daily.rooms["demo"]
    recording = daily.recorder.start(room, {"type": "cloud-audio-only"}, None)
    started = "() => call.seen.find((e) => e.name === 'recording-started')"
    assert (await app.until(started))["kind"] == "cloud-audio-only"
    daily.recorder.stop(room, recording.instance, None)
    await app.until("() => call.seen.some((e) => e.name === 'recording-stopped')")
    assert app.errors == []
