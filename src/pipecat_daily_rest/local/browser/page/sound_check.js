// SPDX-License-Identifier: BSD-2-Clause
// The dialog in which a person chooses a microphone and a speaker, and tries both.

import { choose, listDevices, openMicrophone, useSpeaker } from "./devices.js";
import { Meter, toLevel } from "./meter.js";
import { MICROPHONE } from "./sentences.js";
import { $, showLevel, SPEAKS } from "./view.js";

const ASK = "Say something: the bar moves if the microphone hears you.";
const player = new Audio();
let track = null; // that the meter hears
let meter = null;
let opened = 0; // only the newest opening counts

// `microphone` is the one of the call, or null: then the dialog opens one for itself.
export async function openSoundCheck(microphone, maySample) {
  $("to-bot").hidden = !maySample;
  if (!$("sound").open) $("sound").showModal();
  await listen(microphone);
}

async function listen(microphone) {
  stop();
  const mine = ++opened;
  $("sound-heard").textContent = ASK;
  const { stream, problem } = await take(microphone);
  if (mine !== opened) {
    stream?.getTracks().forEach((each) => each.stop());
    return;
  }
  $("sound-problem").textContent = problem;
  $("sound-problem").hidden = !problem;
  if (stream) {
    [track] = stream.getAudioTracks();
    track.enabled = true; // a muted microphone can be tried, too
    meter = new Meter(track, 80, (loudness) => {
      const level = toLevel(loudness);
      showLevel(level, "sound-level");
      if (level > SPEAKS) $("sound-heard").textContent = "The microphone hears you.";
    });
  }
  await listDevices(track?.getSettings().deviceId);
}

async function take(microphone) {
  if (microphone?.stream) return { stream: microphone.stream.clone(), problem: microphone.problem ?? "" };
  if (!navigator.mediaDevices) return { problem: MICROPHONE.insecure };
  try {
    return { stream: await openMicrophone(), problem: "" };
  } catch (error) {
    return { problem: MICROPHONE[error.name] ?? MICROPHONE.other };
  }
}

function stop() {
  meter?.close();
  track?.stop();
  meter = track = null;
  showLevel(0, "sound-level");
}

export function closeSoundCheck() {
  if ($("sound").open) $("sound").close();
}

// `call()` gives the call, or null.
export function prepareSoundCheck(call) {
  $("sound").addEventListener("close", () => {
    opened += 1;
    stop();
    player.pause();
  });
  $("done").addEventListener("click", closeSoundCheck);
  $("microphones").addEventListener("change", async ({ target }) => {
    choose("audioinput", target.value);
    await call()?.microphone.change();
    await listen(call()?.microphone);
  });
  $("speakers").addEventListener("change", ({ target }) => {
    choose("audiooutput", target.value);
    for (const each of [$("remote"), player]) useSpeaker(each);
  });
  $("try").addEventListener("click", async () => {
    player.src = "/.page/sample.mp3";
    await useSpeaker(player);
    player.play().catch(() => {}); // the dialog was closed meanwhile
  });
  navigator.mediaDevices?.addEventListener("devicechange", () => {
    if ($("sound").open) listDevices(track?.getSettings().deviceId);
  });
  useSpeaker($("remote"));
}
