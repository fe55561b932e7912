// SPDX-License-Identifier: BSD-2-Clause
// The person's microphone: opening it, its meter, and muting it.

import { maySend } from "./connection.js";
import { Meter, toLevel } from "./meter.js";
import { MICROPHONE } from "./sentences.js";
import { $, notify, showLevel, showLevels, showMicrophone } from "./view.js";

export const speaks = (participant) => maySend(participant, "audio");

export class Microphone {
  stream = null;
  muted = true;
  problem = null; // why there is no stream
  #call;
  #meter = null;

  constructor(call) {
    this.#call = call;
  }

  get track() {
    return this.stream?.getAudioTracks()[0];
  }

  async open() {
    this.problem = null;
    if (!navigator.mediaDevices) {
      this.problem = MICROPHONE.insecure;
      return;
    }
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch (error) {
      this.problem = MICROPHONE[error.name] ?? MICROPHONE.other;
      return;
    }
    if (!this.#call.isCurrent()) {
      this.stream.getTracks().forEach((track) => track.stop());
      return;
    }
    this.track.addEventListener("ended", () => {
      if (!this.#call.isCurrent()) return;
      this.stream = null;
      this.setMuted(true);
      notify("The microphone is gone. Plug it in again, then press “Use microphone”.");
    });
    this.#meter = new Meter(this.track, 80, (loudness) => showLevel(this.muted ? 0 : toLevel(loudness)));
  }

  // Mutes without telling the room; `setMuted` tells it.
  mute(muted) {
    this.muted = muted;
    this.stream?.getAudioTracks().forEach((track) => (track.enabled = !muted));
  }

  setMuted(muted) {
    this.mute(muted);
    const me = this.#call.people.get(this.#call.id);
    if (me) me.media.microphone.state = muted ? "off" : "playable";
    this.#call.tell({ event: "update", microphone: !muted });
    showMicrophone(this);
    showLevels(this.#call);
  }

  async toggle() {
    if (!speaks(this.#call.people.get(this.#call.id))) {
      notify("You may listen and write, but not speak.");
      return;
    }
    notify("");
    if (this.stream) {
      this.setMuted(!this.muted);
      return;
    }
    $("mute").disabled = true;
    await this.open();
    $("mute").disabled = false;
    if (!this.#call.isCurrent()) return;
    if (this.stream) {
      await this.#call.sender.replaceTrack(this.track);
      if (this.#call.isCurrent()) this.setMuted(false);
    } else {
      notify(this.problem);
    }
  }

  close() {
    this.#meter?.close();
    this.stream?.getTracks().forEach((track) => track.stop());
  }
}
