// SPDX-License-Identifier: BSD-2-Clause
// How loud a microphone is.

const FLOOR = 55; // dB below full scale that the room tells as nothing

// Calls back every `interval` ms with the loudness: 0 to 1 (full scale), linear.
export class Meter {
  #context = new AudioContext();
  #timer;

  constructor(track, interval, onLoudness) {
    const analyser = new AnalyserNode(this.#context, { fftSize: 1024 });
    this.#context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = setInterval(() => {
      // A browser may want a click before it lets a page compute sound.
      if (this.#context.state === "suspended") this.#context.resume().catch(() => {});
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      onLoudness(Math.sqrt(power));
    }, interval);
  }

  close() {
    clearInterval(this.#timer);
    this.#context.close();
  }
}

// The room's levels are logarithmic: 0 is 55 dB below full scale, 1 is full scale.
export const toLevel = (loudness) => (loudness > 0 ? 1 + (20 * Math.log10(loudness)) / FLOOR : 0);
export const toLoudness = (level) => (level > 0 ? 10 ** (((level - 1) * FLOOR) / 20) : 0);
