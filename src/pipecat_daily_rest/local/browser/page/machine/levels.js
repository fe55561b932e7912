// SPDX-License-Identifier: BSD-2-Clause
// How loud the own microphone and the others are, as often as the app wants to know.

import { Meter, toLoudness } from "../meter.js";

const INTERVAL = 200; // ms

export class Levels {
  #machine;
  #observed = {}; // { interval, close }, by whose level it is: "local" or "remote"

  constructor(machine) {
    this.#machine = machine;
  }

  observe(whose, interval = INTERVAL) {
    this.unobserve(whose);
    this.#observed[whose] = { interval, close: whose === "local" ? this.#local(interval) : this.#remote(interval) };
  }

  unobserve(whose) {
    this.#observed[whose]?.close();
    delete this.#observed[whose];
  }

  // Another microphone is in use now.
  again() {
    if (this.#observed.local) this.observe("local", this.#observed.local.interval);
  }

  close() {
    for (const whose of Object.keys(this.#observed)) this.unobserve(whose);
  }

  #local(interval) {
    const machine = this.#machine;
    const track = machine.inputs.track("audio");
    const tell = (loudness) => machine.emit("local-audio-level", { audioLevel: machine.inputs?.isOn("audio") ? loudness : 0 });
    const meter = track && new Meter(track, interval, tell);
    return () => meter?.close();
  }

  #remote(interval) {
    const timer = setInterval(() => {
      const { call } = this.#machine;
      if (!call?.joined) return;
      const others = [...call.people.keys()].filter((id) => id !== call.id);
      const levels = others.map((id) => [id, toLoudness(call.levels[id] ?? 0)]);
      this.#machine.emit("remote-participants-audio-level", { participantsAudioLevel: Object.fromEntries(levels) });
    }, interval);
    return () => clearInterval(timer);
  }
}
