// SPDX-License-Identifier: BSD-2-Clause
// Cameras and screens: the person's own, and the grid that shows all of them.

import { CAMERA_CONSTRAINTS, Pictures, SCREEN_CONSTRAINTS } from "./pictures.js";
import { CAMERA, SCREEN, VIDEO } from "./sentences.js";
import { $, element, nameOf, notify } from "./view.js";

const SOURCES = {
  camera: {
    button: "camera",
    sentences: CAMERA,
    open: () => navigator.mediaDevices.getUserMedia({ video: CAMERA_CONSTRAINTS }),
  },
  screenVideo: {
    button: "screen",
    sentences: SCREEN,
    open: () => navigator.mediaDevices.getDisplayMedia({ video: SCREEN_CONSTRAINTS }),
  },
};

const canShare = () => Boolean(navigator.mediaDevices?.getDisplayMedia);
const isOn = (participant, source) => participant.media[source]?.state === "playable";
const keyOf = (id, source) => `${id} ${source}`;

export class Video {
  #call;
  #streams = {}; // the own ones, by source
  #pictures;
  #shown = new Map(); // streams of others, by their tracks

  constructor(call) {
    this.#call = call;
    this.#pictures = new Pictures(call, () => this.#fail());
  }

  answer(event) {
    this.#pictures.answer(event);
  }

  wanted(source, wanted) {
    this.#pictures.wanted(source, wanted);
  }

  // Applies the person's permissions, at the start and when they change.
  permit() {
    for (const source of Object.keys(this.#streams)) {
      if (this.#may(source)) continue;
      this.switchOff(source);
      notify(VIDEO.forbidden);
    }
    this.#showButtons();
    this.show();
  }

  #may(source) {
    const me = this.#call.people.get(this.#call.id);
    return !me.media[source].offReasons.includes("sendPermission");
  }

  close() {
    for (const stream of Object.values(this.#streams)) stream.getTracks().forEach((track) => track.stop());
    this.#streams = {};
    this.#pictures.close();
    this.#shown.clear();
    $("stage").replaceChildren();
    $("stage").hidden = true;
  }

  shows(source) {
    return source in this.#streams;
  }

  // -- The own camera and screen -------------------------------------------------------------

  async toggle(source) {
    notify("");
    if (this.#streams[source]) {
      this.switchOff(source);
      return;
    }
    const { button, sentences, open } = SOURCES[source];
    if (!navigator.mediaDevices) {
      notify(sentences.insecure);
      return;
    }
    $(button).disabled = true;
    let stream;
    try {
      stream = await open(); // the browser asks the person only here
    } catch (error) {
      notify(sentences[error.name] ?? sentences.other);
      return;
    } finally {
      $(button).disabled = false;
    }
    if (!this.#call.isCurrent()) {
      stream.getTracks().forEach((track) => track.stop());
      return;
    }
    const [track] = stream.getVideoTracks();
    if (source === "screenVideo") track.contentHint = "detail";
    track.addEventListener("ended", () => {
      if (this.#streams[source] !== stream) return;
      this.switchOff(source);
      if (source === "camera") notify(CAMERA.gone);
    });
    this.#streams[source] = stream;
    this.#publish(source, true);
    await this.#pictures.send(source, track);
  }

  switchOff(source) {
    const stream = this.#streams[source];
    if (!stream) return;
    delete this.#streams[source];
    stream.getTracks().forEach((track) => track.stop());
    this.#pictures.send(source, null);
    this.#publish(source, false);
  }

  #publish(source, on) {
    const me = this.#call.people.get(this.#call.id);
    if (me) me.media[source].state = on ? "playable" : "off";
    this.#call.tell({ event: "update", [source]: on });
    this.#showButtons();
    this.show();
  }

  #showButtons() {
    for (const [source, { button }] of Object.entries(SOURCES)) {
      $(button).hidden = !this.#may(source) || (source === "screenVideo" && !canShare());
      $(button).setAttribute("aria-pressed", String(Boolean(this.#streams[source])));
    }
  }

  #fail() {
    for (const source of Object.keys(this.#streams)) this.switchOff(source);
    this.#shown.clear();
    $("stage").replaceChildren();
    $("stage").hidden = true;
    notify(VIDEO.failed);
  }

  // -- The grid ------------------------------------------------------------------------------

  // Watches all who show something; each keeps its place.
  async show() {
    await this.#pictures.look(this.#others());
    if (this.#call.isCurrent()) this.#showTiles();
  }

  #others() {
    const others = [...this.#call.people].filter(([id]) => id !== this.#call.id);
    return others.flatMap(([id, participant]) =>
      Object.keys(SOURCES).filter((source) => isOn(participant, source)).map((source) => keyOf(id, source)),
    );
  }

  #streamOf(key) {
    const track = this.#pictures.places.find((place) => place.key === key)?.track;
    if (track && !this.#shown.has(track)) this.#shown.set(track, new MediaStream([track]));
    return this.#shown.get(track);
  }

  #showTiles() {
    const shown = [];
    for (const [id, participant] of this.#call.people) {
      for (const source of Object.keys(SOURCES)) {
        const key = keyOf(id, source);
        const own = id === this.#call.id;
        const stream = own ? this.#streams[source] : this.#streamOf(key);
        if (stream && (own || isOn(participant, source))) shown.push({ key, participant, source, own, stream });
      }
    }
    const tiles = new Map([...$("stage").children].map((tile) => [tile.dataset.key, tile]));
    const now = shown.map((picture) => {
      const tile = tiles.get(picture.key) ?? makeTile(picture);
      fillTile(tile, picture);
      return tile;
    });
    // A tile that is moved freezes for a moment, so only those that changed are touched.
    for (const tile of [...$("stage").children]) if (!now.includes(tile)) tile.remove();
    now.forEach((tile, place) => {
      if ($("stage").children[place] !== tile) $("stage").insertBefore(tile, $("stage").children[place] ?? null);
    });
    $("stage").dataset.tiles = now.length;
    $("stage").dataset.screens = shown.filter(({ source }) => source === "screenVideo").length;
    $("stage").hidden = now.length === 0;
  }
}

function makeTile({ key, source, own }) {
  const tile = document.createElement("li");
  tile.dataset.key = key;
  tile.dataset.source = source;
  tile.dataset.own = String(own);
  const video = document.createElement("video");
  video.autoplay = video.playsInline = video.muted = true; // the sound comes with the mix
  tile.append(element("span", "initial", ""), video, element("span", "label", ""));
  return tile;
}

function fillTile(tile, { participant, source, own, stream }) {
  const [initial, video, label] = tile.children;
  const whose = own ? `${nameOf(participant)} (you)` : nameOf(participant);
  const text = source === "screenVideo" ? `${whose}: screen` : whose;
  initial.textContent = [...nameOf(participant)][0].toUpperCase();
  label.textContent = text;
  video.setAttribute("aria-label", source === "screenVideo" ? `Screen of ${whose}` : `Camera of ${whose}`);
  if (video.srcObject !== stream) video.srcObject = stream;
}
