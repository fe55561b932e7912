// SPDX-License-Identifier: BSD-2-Clause
// Cameras and screens: the person's own, and the grid that shows all of them.
//
// They have a connection of their own, made when the first picture is shown or sent. It offers the
// own camera, the own screen and SLOTS places for others. The page tells the room what to show there.

import { CAMERA, SCREEN, VIDEO } from "./sentences.js";
import { $, element, nameOf, notify } from "./view.js";

const SLOTS = 8;
const ANSWER_TIMEOUT = 10_000; // ms
const SOURCES = {
  camera: {
    button: "camera",
    sentences: CAMERA,
    encoding: { active: false, maxBitrate: 700_000, maxFramerate: 15 },
    open: () =>
      navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360, frameRate: { max: 15 } } }),
  },
  screenVideo: {
    button: "screen",
    sentences: SCREEN,
    encoding: { active: false, maxBitrate: 1_500_000, maxFramerate: 10 },
    open: () =>
      navigator.mediaDevices.getDisplayMedia({ video: { width: { max: 1280 }, height: { max: 800 }, frameRate: 10 } }),
  },
};

const canShare = () => Boolean(navigator.mediaDevices?.getDisplayMedia);
const isOn = (participant, source) => participant.media[source]?.state === "playable";
const keyOf = (id, source) => `${id} ${source}`;

export class Video {
  #call;
  #tell;
  #streams = {}; // the own ones, by source
  #connection = null; // { pc, senders, places: [{ key, stream }], … }

  constructor(call, tell) {
    this.#call = call;
    this.#tell = tell;
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
    this.#connection?.pc.close();
    this.#connection = null;
    $("stage").replaceChildren();
    $("stage").hidden = true;
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
    if (!this.#isCurrent()) {
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
    const connection = await this.#connect();
    await connection?.senders[source].replaceTrack(this.#streams[source]?.getVideoTracks()[0] ?? null);
  }

  switchOff(source) {
    const stream = this.#streams[source];
    if (!stream) return;
    delete this.#streams[source];
    stream.getTracks().forEach((track) => track.stop());
    this.#connection?.senders[source].replaceTrack(null);
    this.#publish(source, false);
  }

  #publish(source, on) {
    const me = this.#call.people.get(this.#call.id);
    if (me) me.media[source].state = on ? "playable" : "off";
    this.#tell({ event: "update", [source]: on });
    this.#showButtons();
    this.show();
  }

  #showButtons() {
    for (const [source, { button }] of Object.entries(SOURCES)) {
      $(button).hidden = !this.#may(source) || (source === "screenVideo" && !canShare());
      $(button).setAttribute("aria-pressed", String(Boolean(this.#streams[source])));
    }
  }

  // Encodes and sends an own picture only while somebody watches it.
  wanted(source, wanted) {
    const connection = this.#connection;
    if (!connection || !Object.hasOwn(SOURCES, source)) return;
    // One after the other: each change needs the result of the one before.
    connection.turn = connection.turn.then(async () => {
      const sender = connection.senders[source];
      const parameters = sender.getParameters();
      parameters.encodings[0].active = wanted;
      await sender.setParameters(parameters);
    }).catch(() => {}); // it was closed meanwhile
  }

  // -- The connection ------------------------------------------------------------------------

  #isCurrent() {
    return this.#call.isCurrent();
  }

  #connect() {
    this.#connection ??= this.#open();
    return this.#connection.ready;
  }

  #open() {
    const pc = new RTCPeerConnection();
    const codecs = RTCRtpReceiver.getCapabilities("video").codecs.filter((codec) =>
      ["video/VP8", "video/rtx"].includes(codec.mimeType),
    );
    const add = (options) => {
      const transceiver = pc.addTransceiver("video", options);
      transceiver.setCodecPreferences?.(codecs); // all of them would make the offer too long
      return transceiver;
    };
    const senders = {};
    for (const [source, { encoding }] of Object.entries(SOURCES)) {
      senders[source] = add({ direction: "sendonly", sendEncodings: [encoding] }).sender;
    }
    const places = Array.from({ length: SLOTS }, () => {
      const { receiver } = add({ direction: "recvonly" });
      return { key: null, stream: new MediaStream([receiver.track]) };
    });
    const connection = { pc, senders, places, answered: null, turn: Promise.resolve() };
    pc.onconnectionstatechange = () => {
      if (pc.connectionState === "failed") this.#fail(connection);
    };
    connection.ready = this.#negotiate(connection).then(
      () => (this.#connection === connection ? connection : null),
      () => this.#fail(connection),
    );
    return connection;
  }

  async #negotiate(connection) {
    const { pc } = connection;
    await pc.setLocalDescription();
    await gathered(pc);
    const answer = await new Promise((resolve, reject) => {
      connection.answered = resolve;
      setTimeout(reject, ANSWER_TIMEOUT);
      if (!this.#tell({ event: "pictures", sdp: pc.localDescription.sdp })) reject();
    });
    if (answer.error) throw new Error(answer.error);
    await pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
  }

  answer(event) {
    this.#connection?.answered?.(event);
  }

  #fail(connection) {
    connection.pc.close();
    if (this.#connection !== connection || !this.#isCurrent()) return null;
    this.#connection = null;
    for (const source of Object.keys(this.#streams)) this.switchOff(source);
    $("stage").replaceChildren();
    $("stage").hidden = true;
    notify(VIDEO.failed);
    return null;
  }

  // -- The grid ------------------------------------------------------------------------------

  // Watches all who show something; each keeps its place.
  async show() {
    const connection = await (this.#others().length > 0 ? this.#connect() : this.#connection?.ready);
    if (!this.#isCurrent()) return;
    if (connection) this.#look(connection, this.#others());
    this.#showTiles(connection);
  }

  #others() {
    const others = [...this.#call.people].filter(([id]) => id !== this.#call.id);
    return others.flatMap(([id, participant]) =>
      Object.keys(SOURCES).filter((source) => isOn(participant, source)).map((source) => [id, source]),
    );
  }

  #look({ places }, wanted) {
    const keys = new Map(wanted.map((place) => [keyOf(...place), place]));
    const before = places.map(({ key }) => key).join();
    for (const place of places) if (!keys.has(place.key)) place.key = null;
    for (const key of keys.keys()) {
      if (places.some((place) => place.key === key)) continue;
      const free = places.find((place) => place.key === null);
      if (free) free.key = key;
    }
    if (before !== places.map(({ key }) => key).join()) {
      this.#tell({ event: "look", slots: places.map(({ key }) => keys.get(key) ?? null) });
    }
  }

  #showTiles(connection) {
    const shown = [];
    for (const [id, participant] of this.#call.people) {
      for (const source of Object.keys(SOURCES)) {
        const key = keyOf(id, source);
        const own = id === this.#call.id;
        const stream = own ? this.#streams[source] : connection?.places.find((place) => place.key === key)?.stream;
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

// Waits for all candidates, which go with the offer; on one machine that takes a moment.
export function gathered(pc) {
  return new Promise((resolve) => {
    const done = () => pc.iceGatheringState === "complete" && resolve();
    pc.addEventListener("icegatheringstatechange", done);
    setTimeout(resolve, 2000);
    done();
  });
}
