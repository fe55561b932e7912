// SPDX-License-Identifier: BSD-2-Clause
// The microphone and the speaker that the person chose; this browser remembers them.

const KINDS = {
  audioinput: { select: "microphones", name: "Microphone", none: "No microphone found" },
  audiooutput: { select: "speakers", name: "Speaker", none: "The usual speaker" },
};

const chosen = (kind) => localStorage.getItem(`local room: ${kind}`) ?? "";

export function choose(kind, id) {
  localStorage.setItem(`local room: ${kind}`, id);
}

// Opens the chosen microphone, or the usual one where that is gone.
export async function openMicrophone() {
  const open = (audio) => navigator.mediaDevices.getUserMedia({ audio });
  const id = chosen("audioinput");
  if (!id) return await open(true);
  try {
    return await open({ deviceId: { exact: id } }); // Chromium does not follow an ideal one
  } catch (error) {
    if (error.name !== "OverconstrainedError") throw error;
    return await open(true);
  }
}

// Has an audio element play on the chosen speaker, where the browser can do that.
export async function useSpeaker(player) {
  if (!player.setSinkId) return;
  try {
    await player.setSinkId(chosen("audiooutput"));
  } catch {
    // the chosen speaker is gone: the usual one plays
  }
}

// Fills the lists. Without the person's permission, browsers tell neither names nor ids.
export async function listDevices(inUse) {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  for (const [kind, { select, name, none }] of Object.entries(KINDS)) {
    const found = devices.filter((device) => device.kind === kind && device.deviceId);
    const current = kind === "audioinput" ? inUse : chosen(kind);
    const options = found.map(({ deviceId, label }, at) => {
      const selected = deviceId === current;
      return new Option(label || `${name} ${at + 1}`, deviceId, selected, selected);
    });
    const list = document.getElementById(select);
    list.replaceChildren(...(options.length ? options : [new Option(none, "")]));
    list.disabled = options.length === 0 || (kind === "audiooutput" && !HTMLMediaElement.prototype.setSinkId);
  }
}
