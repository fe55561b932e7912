// SPDX-License-Identifier: BSD-2-Clause
// The person's microphone: opening it, its meter, and muting it.

import { maySend } from "./connection.js";
import { openMicrophone } from "./devices.js";
import { Meter, toLevel } from "./meter.js";
import { MICROPHONE } from "./sentences.js";
import { $, notify, showLevel, showLevels, showMicrophone } from "./view.js";

export const speaks = (participant) => maySend(participant, "audio");

export class Microphone {
  stream = null;
  muted = true;
  problem = null; // why there is no stream
  #call;
  #onLoudness;
  #meter = null;

  // `onLoudness` is called with the loudness of what the others hear.
  constructor(call, onLoudness) {
    this.#call = call;
    this.#onLoudness = onLoudness;
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
      this.stream = await openMicrophone();
    } catch (error) {
      this.problem = MICROPHONE[error.name] ?? MICROPHONE.other;
      return;
    }
    if (!this.#call.isCurrent()) {
      this.stream.getTracks().forEach((track) => track.stop());
      return;
    }
    const { track } = this;
    track.addEventListener("ended", () => {
      if (!this.#call.isCurrent() || this.track !== track) return;
      this.stream = null;
      this.setMuted(true);
      notify("The microphone is gone. Plug it in again, then press “Use microphone”.");
    });
    this.#meter?.close();
    this.#meter = new Meter(track, 20, (loudness) => {
      this.#onLoudness(this.muted ? 0 : loudness);
      showLevel(this.muted ? 0 : toLevel(loudness));
    });
  }

  // Takes the chosen device instead of the one that is open.
  async change() {
    const before = this.stream;
    if (!before) return;
    await this.open();
    if (this.stream === before || !this.#call.isCurrent()) return;
    before.getTracks().forEach((track) => track.stop());
    this.mute(this.muted);
    await this.#call.sender.replaceTrack(this.track);
  }

  // Mutes without telling the room; `setMuted` tells it.
  mute(muted) {
    this.muted = muted;
    this.stream?.getAudioTracks().forEach((track) => (track.enabled = !muted));
  }

  setMuted(muted) {
    this.mute(muted);
    this.publish(!muted);
  }

  // Tells the room whether the person is to be heard.
  publish(on) {
    const me = this.#call.people.get(this.#call.id);
    if (me) me.media.microphone.state = on ? "playable" : "off";
    this.#call.tell({ event: "update", microphone: on });
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
