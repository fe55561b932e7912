// SPDX-License-Identifier: BSD-2-Clause
// The pictures of a call: a connection of their own, made when the first one is shown or sent.
//
// It offers the own camera, the own screen and SLOTS places for others. Nothing is negotiated again
// when cameras come and go: the room is told what to show where.

import { assign, gathered } from "./connection.js";

const SLOTS = 8;
const ANSWER_TIMEOUT = 10_000; // ms
const ENCODINGS = {
  camera: { active: false, maxBitrate: 700_000, maxFramerate: 15 },
  screenVideo: { active: false, maxBitrate: 1_500_000, maxFramerate: 10 },
};
export const CAMERA_CONSTRAINTS = { width: 640, height: 360, frameRate: { max: 15 } };
export const SCREEN_CONSTRAINTS = { width: { max: 1280 }, height: { max: 800 }, frameRate: 10 };

export class Pictures {
  places = []; // { key: "<session id> <source>" or null, track }
  #call;
  #onFailure;
  #connection = null; // { pc, senders, ready, answered, turn }

  constructor(call, onFailure) {
    this.#call = call;
    this.#onFailure = onFailure;
  }

  // Sends a camera or a screen, or nothing.
  async send(source, track) {
    if (!track && !this.#connection) return;
    const connection = await this.#connect();
    await connection?.senders[source].replaceTrack(track);
  }

  // Has the room show what the keys name, as far as there are places.
  async look(wanted) {
    const connection = await (wanted.length > 0 ? this.#connect() : this.#connection?.ready);
    if (!connection || !this.#call.isCurrent()) return;
    const before = this.places.map(({ key }) => key).join();
    assign(this.places, wanted);
    if (before === this.places.map(({ key }) => key).join()) return;
    this.#call.tell({ event: "look", slots: this.places.map(({ key }) => key && key.split(" ")) });
  }

  // Encodes and sends an own picture only while somebody watches it.
  wanted(source, wanted) {
    const connection = this.#connection;
    if (!connection || !Object.hasOwn(ENCODINGS, source)) return;
    // One after the other: each change needs the result of the one before.
    connection.turn = connection.turn.then(async () => {
      const sender = connection.senders[source];
      const parameters = sender.getParameters();
      parameters.encodings[0].active = wanted;
      await sender.setParameters(parameters);
    }).catch(() => {}); // it was closed meanwhile
  }

  answer(event) {
    this.#connection?.answered?.(event);
  }

  close() {
    this.#connection?.pc.close();
    this.#connection = null;
    this.places = [];
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
    for (const [source, encoding] of Object.entries(ENCODINGS)) {
      senders[source] = add({ direction: "sendonly", sendEncodings: [encoding] }).sender;
    }
    this.places = Array.from({ length: SLOTS }, () => {
      return { key: null, track: add({ direction: "recvonly" }).receiver.track };
    });
    const connection = { pc, senders, answered: null, turn: Promise.resolve() };
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
      if (!this.#call.tell({ event: "pictures", sdp: pc.localDescription.sdp })) reject();
    });
    if (answer.error) throw new Error(answer.error);
    await pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
  }

  #fail(connection) {
    connection.pc.close();
    if (this.#connection === connection && this.#call.isCurrent()) {
      this.close();
      this.#onFailure();
    }
    return null;
  }
}
