// SPDX-License-Identifier: BSD-2-Clause
// A recorded voice that speaks in place of the person's microphone.

import { Meter } from "./meter.js";
import { notify } from "./view.js";

const LEAD_IN = 0.3; // seconds: a track loses its first moments
const TAIL = 4000; // ms of silence afterwards, by which a bot notices the end

export class Sample {
  #call;
  #onLoudness;
  #context = null;
  #meter = null;

  // `onLoudness` is called with the loudness of what the others hear of it.
  constructor(call, onLoudness) {
    this.#call = call;
    this.#onLoudness = onLoudness;
  }

  async play() {
    if (this.#context) return;
    try {
      await this.#begin((this.#context = new AudioContext()));
    } catch {
      this.close();
      if (this.#call.isCurrent()) notify("The sample could not be played. Check that the bot's program is still running.");
    }
  }

  async #begin(context) {
    const file = await fetch("/.page/sample.mp3");
    const buffer = await context.decodeAudioData(await file.arrayBuffer());
    if (!this.#call.isCurrent()) return;
    const output = context.createMediaStreamDestination();
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(output);
    source.connect(context.destination); // the person hears it, too
    const [track] = output.stream.getAudioTracks();
    await this.#call.sender.replaceTrack(track);
    this.#call.microphone.publish(true);
    this.#meter = new Meter(track, 20, this.#onLoudness);
    source.start(context.currentTime + LEAD_IN);
    source.addEventListener("ended", () => setTimeout(() => this.#finish(), TAIL));
  }

  async #finish() {
    if (!this.#context || !this.#call.isCurrent()) return;
    this.close();
    const { microphone, sender } = this.#call;
    await sender.replaceTrack(microphone.track ?? null);
    if (this.#call.isCurrent()) microphone.publish(!microphone.muted);
  }

  close() {
    this.#meter?.close();
    this.#context?.close();
    this.#context = this.#meter = null;
  }
}
