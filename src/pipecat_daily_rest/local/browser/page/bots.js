// SPDX-License-Identifier: BSD-2-Clause
// What a bot is doing: by what it says of itself (RTVI), and by how loud it is.

import { SPEAKS } from "./view.js";

const ARRIVAL = 5000; // ms after which a bot that says nothing of itself counts as listening
const PAUSE = 700; // ms between two words in which it still counts as speaking
const PATIENCE = 10_000; // ms that it thinks at most, from one sign of it to the next
const LONG_PATIENCE = 60_000; // while its language model or a function is at work

// https://docs.pipecat.ai/client/rtvi-standard
const EVENTS = {
  "bot-ready": ["listening"],
  "user-started-speaking": ["listening"],
  "user-stopped-speaking": ["thinking", PATIENCE],
  "bot-llm-started": ["thinking", LONG_PATIENCE],
  "llm-function-call-started": ["thinking", LONG_PATIENCE],
  "bot-llm-stopped": ["thinking", PATIENCE],
  "bot-started-speaking": ["speaking"],
  "bot-stopped-speaking": ["listening"],
  "bot-interrupted": ["listening"],
};
const ENDS = ["bot-stopped-speaking", "bot-interrupted"]; // of its speech; it thinks ahead meanwhile

export class Bot {
  speaksRTVI = false; // it has answered as an RTVI bot
  latency = null; // seconds of its last turn
  #does = "joining";
  #sounds = false;
  #onChange;
  #timer;
  #pause = null;

  constructor(onChange) {
    this.#onChange = onChange;
    this.#timer = setTimeout(() => this.#become("listening"), ARRIVAL);
  }

  // "joining", "listening", "thinking" or "speaking".
  get state() {
    return this.#sounds ? "speaking" : this.#does;
  }

  hearRTVI({ type }) {
    if (type === "bot-ready") this.speaksRTVI = true;
    if (!Object.hasOwn(EVENTS, type)) return;
    if (type === "bot-llm-stopped" && this.#does !== "thinking") return;
    if (this.#does !== "speaking" || ENDS.includes(type)) this.#become(...EVENTS[type]);
  }

  // The room tells levels when they change.
  hearLevel(level) {
    if (level <= SPEAKS) {
      if (this.#sounds) this.#pause ??= setTimeout(() => this.#fallSilent(), PAUSE);
      return;
    }
    clearTimeout(this.#pause);
    this.#pause = null;
    if (this.#sounds) return;
    this.#sounds = true;
    if (this.#does === "speaking") this.#onChange();
    else this.#become("listening"); // once it is silent
  }

  #fallSilent() {
    this.#sounds = false;
    this.#pause = null;
    this.#onChange();
  }

  #become(does, patience = 0) {
    clearTimeout(this.#timer);
    if (patience) this.#timer = setTimeout(() => this.#become("listening"), patience);
    this.#does = does;
    this.#onChange();
  }

  close() {
    clearTimeout(this.#timer);
    clearTimeout(this.#pause);
  }
}
