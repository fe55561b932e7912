// SPDX-License-Identifier: BSD-2-Clause
// How long the person waits for a bot: from the end of the person's voice at this page to the first
// sound of the bot at this page.

const VOICE = 150; // ms of sound that make a voice; a click has less
const BREAK = 200; // ms of silence within a voice
const SILENCE = 300; // ms that part one sound from the next, and in which the person does not go on
const KNOWN = 1500; // ms until the room has told who it was
const LONGEST = 30_000; // ms; a later sound is no answer
const GAP = 250; // ms without a measurement after which nothing is certain

export class Turns {
  #who;
  #onTurn;
  #measured = -Infinity;
  #heard = -Infinity; // when the person's sound was heard last, and when it began
  #began = 0;
  #ended = null; // the end of the person's voice; null while nothing waits for an answer
  #others = -Infinity; // when the others were heard last
  #first = null; // the first sound after the person's voice

  // `who` gives the ids of those who sound now; `onTurn` gets an id and the seconds.
  constructor(who, onTurn) {
    this.#who = who;
    this.#onTurn = onTurn;
  }

  // The person is heard, or is silent.
  hearPerson(sounds, now) {
    if (now - this.#measured > GAP) this.#forget();
    if (sounds && now - this.#heard > BREAK) this.#began = now;
    this.#measured = now;
    if (!sounds) return;
    this.#heard = now;
    if (now - this.#began < VOICE) return;
    this.#ended = now;
    this.#first = null; // the person has gone on: that was no answer
    if (now - this.#others < SILENCE) this.#forget(); // both at once: nobody's turn
  }

  // The others are heard, or are silent.
  hearOthers(sounds, now) {
    if (this.#first !== null && now - this.#first > SILENCE) this.#answer(now);
    if (!sounds) return;
    const begins = now - this.#others > SILENCE;
    this.#others = now;
    if (this.#ended === null || !begins || this.#first !== null) return;
    if (now - this.#ended < LONGEST) this.#first = now;
    else this.#forget();
  }

  #answer(now) {
    const who = this.#who();
    if (who.length === 0 && now - this.#first < KNOWN) return; // the room has yet to tell
    const seconds = (this.#first - this.#ended) / 1000;
    this.#forget();
    if (who.length === 1) this.#onTurn(who[0], seconds);
  }

  #forget() {
    this.#ended = this.#first = null;
  }
}
