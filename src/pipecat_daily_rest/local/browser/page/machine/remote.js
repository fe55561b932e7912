// SPDX-License-Identifier: BSD-2-Clause
// The tracks of the others: each voice and each picture in a place of the connections.

import { assign } from "../connection.js";
import { Pictures } from "../pictures.js";
import { isOff, off, TRACKS } from "./participants.js";

export const VOICES = 8; // places for sound; with more voices, the last one carries the rest, mixed
const REST = "*";
const UNMUTE_TIMEOUT = 2000; // ms; then a track without packets counts as one with them

export class Remote {
  streams = {}; // as daily-js looks for them, by the key of the place
  #call;
  #pictures;
  #onChange;
  #places = [];
  #told = "";
  #automatic = true;
  #subscribed = new Map(); // by session id: what the app asked for, by daily-js's names

  constructor(call, onChange) {
    this.#call = call;
    this.#onChange = onChange; // called with the id of a participant whose tracks have changed
    this.#pictures = new Pictures(call, () => this.#settle([], isPicture));
  }

  get pictures() {
    return this.#pictures;
  }

  open() {
    this.#places = this.#call.voices.map(({ track }) => ({ key: null, track }));
  }

  close() {
    for (const key of Object.keys(this.streams)) this.#drop(key);
    this.#pictures.close();
  }

  // -- What the app subscribes to ------------------------------------------------------------

  automatically(yes) {
    this.#automatic = yes;
    this.update();
  }

  subscribe(id, wanted) {
    this.#subscribed.set(id, wanted);
    this.update();
  }

  forget(id) {
    this.#subscribed.delete(id);
  }

  #wants(id, source) {
    if (this.#automatic) return true;
    const wanted = this.#subscribed.get(id) ?? false;
    const name = source.startsWith("customAudio/") ? "custom" : TRACKS[source].name;
    const each = typeof wanted === "object" ? wanted[name] : wanted;
    return each === true || each === "avatar" || (typeof each === "object" && each[source.split("/")[1]] === true);
  }

  // -- Places --------------------------------------------------------------------------------

  // Gives the tracks places, tells the room, and has those that changed told to the app.
  update() {
    this.#listen(this.#keys(isVoice));
    this.#settle(this.#places, isVoice);
    this.#pictures.look(this.#keys(isPicture)).then(() => {
      if (this.#call.isCurrent()) this.#settle(this.#pictures.places, isPicture);
    });
  }

  #listen(voices) {
    const places = this.#places;
    const rest = voices.length > places.length;
    assign(rest ? places.slice(0, -1) : places, rest ? this.#firsts(voices) : voices);
    const told = places.map(({ key }) => key && nameOfVoice(key));
    if (rest) {
      const firsts = places.slice(0, -1).map(({ key }) => key);
      places.at(-1).key = voices.find((key) => !firsts.includes(key));
      told[told.length - 1] = REST;
    }
    if (JSON.stringify(told) === this.#told) return;
    this.#told = JSON.stringify(told);
    this.#call.tell({ event: "listen", slots: told });
  }

  // Who has a place of its own when there are too few: those that have one stay.
  #firsts(voices) {
    const has = (key) => this.#places.slice(0, -1).some((place) => place.key === key);
    return [...voices.filter(has), ...voices.filter((key) => !has(key))].slice(0, this.#places.length - 1);
  }

  // Makes the streams of our sources match what the places carry now.
  #settle(places, isOurs) {
    const placed = places.filter(({ key }) => key !== null);
    for (const [key, { from }] of Object.entries(this.streams)) {
      if (!isOurs(sourceOf(key)) || placed.some((place) => place.key === key && place.track === from)) continue;
      this.#drop(key);
      if (!placed.some((place) => place.key === key)) this.#onChange(idOf(key));
    }
    for (const { key, track } of placed) if (!this.streams[key]) this.#take(key, track);
  }

  // The keys of all tracks that are on and wanted, of one kind.
  #keys(ofKind) {
    const keys = [];
    for (const [id, { media }] of this.#call.people) {
      if (id === this.#call.id) continue;
      const custom = Object.entries(media.customAudio ?? {}).map(([name, state]) => [`customAudio/${name}`, state]);
      for (const [source, state] of [...Object.entries(media), ...custom]) {
        if (ofKind(source) && !isOff(state) && this.#wants(id, source)) keys.push(`${id} ${source}`);
      }
    }
    return keys;
  }

  // A clone for each assignment, so that daily-js sees another track.
  #take(key, from) {
    const [participantId, source] = [idOf(key), sourceOf(key)];
    const pendingTrack = from.clone();
    const type = TRACKS[source]?.stream ?? source.slice("customAudio/".length);
    const stream = { participantId, type, pendingTrack, starttime: new Date(), from, plays: false };
    this.streams[key] = stream;
    const play = () => {
      if (stream.plays || this.streams[key] !== stream) return;
      stream.plays = true;
      this.#onChange(participantId);
    };
    if (pendingTrack.muted) {
      pendingTrack.addEventListener("unmute", play, { once: true });
      setTimeout(play, UNMUTE_TIMEOUT);
    } else {
      queueMicrotask(play);
    }
  }

  #drop(key) {
    const stream = this.streams[key];
    delete this.streams[key];
    stream?.pendingTrack.stop();
  }

  // The state of a track of somebody else; "loading" until its first packets.
  stateOf(id, source, media) {
    if (isOff(media)) return off(media);
    if (!this.#wants(id, source)) return { subscribed: false, state: "sendable" };
    if (media.state === "interrupted") return { subscribed: true, state: "interrupted" };
    return { subscribed: true, state: this.streams[`${id} ${source}`]?.plays ? "playable" : "loading" };
  }
}

const idOf = (key) => key.slice(0, key.indexOf(" "));
const sourceOf = (key) => key.slice(key.indexOf(" ") + 1);
const isVoice = (source) => source === "microphone" || source.startsWith("customAudio/");
const isPicture = (source) => source === "camera" || source === "screenVideo";

function nameOfVoice(key) {
  const source = sourceOf(key);
  return source === "microphone" ? idOf(key) : `${idOf(key)}/${source.slice("customAudio/".length)}`;
}
