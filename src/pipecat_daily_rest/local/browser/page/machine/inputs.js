// SPDX-License-Identifier: BSD-2-Clause
// The own microphone, camera and screen of a web app.

import { CAMERA_CONSTRAINTS, SCREEN_CONSTRAINTS } from "../pictures.js";

const CUSTOM = "daily-custom-track"; // in a message, for a track that the app gave
const KINDS = {
  audio: { source: "microphone", device: "mic", deviceKind: "audioinput", shared: "audioTrack" },
  video: { source: "camera", device: "camera", deviceKind: "videoinput", shared: "videoTrack" },
};
// https://docs.daily.co/reference/daily-js/events/participant-events#camera-error
const ERRORS = {
  NotAllowedError: {
    type: "permissions", media: "blockedMedia", blocked: "byPermissions",
    why: "The browser may not use the DEVICE: allow it in the address bar.",
  },
  NotFoundError: { type: "not-found", media: "missingMedia", why: "No DEVICE was found." },
  NotReadableError: { type: "in-use", blocked: "byDeviceInUse", why: "Another program uses the DEVICE." },
  OverconstrainedError: { type: "constraints", media: "failedMedia", why: "No DEVICE is as the app wants it." },
  given: { type: "constraints", media: "failedMedia", why: "The track that the app gave is no DEVICE, or has ended." },
  insecure: { type: "undefined-mediadevices", why: "Browsers give the DEVICE only to pages from localhost or https." },
};
const OTHER = { type: "unknown", why: "The DEVICE could not be opened." };

export class Inputs {
  streams = { cam: { stream: new MediaStream() }, screen: { stream: new MediaStream() } };
  speaker = "default";
  settings = { audio: {}, video: {} }; // constraints, by kind
  #shared; // tracks that the app gives
  #given = new WeakSet(); // those that it gave: they are not stopped
  #onChange;
  #onError;
  #wanted = { audio: false, video: false };
  #allowed = { audio: true, video: true };
  #blocked = {};
  #remotely = {}; // whether an owner has switched it off
  #closed = false;
  #unshared = 0; // how often the app has ended the sharing of a screen
  #turn = Promise.resolve(); // devices are opened one after the other

  // `onChange(source, track)` is called when a track comes, goes, or is switched on or off.
  constructor(shared, onChange, onError) {
    this.#shared = shared;
    this.#onChange = onChange;
    this.#onError = onError;
  }

  track(kind) {
    return this.streams.cam.stream.getTracks().find((track) => track.kind === kind) ?? null;
  }

  get screen() {
    return this.streams.screen.stream.getVideoTracks()[0] ?? null;
  }

  isOn(kind) {
    return this.#wanted[kind] && this.track(kind) !== null;
  }

  // -- Devices -------------------------------------------------------------------------------

  // Opens what is wanted and allowed; several at once, so that the browser asks once.
  async start({ audio, video }) {
    this.#wanted = { audio, video };
    await this.#open(Object.keys(KINDS).filter((kind) => this.#wanted[kind]));
  }

  #open(kinds) {
    this.#turn = this.#turn.then(() => this.#openNow(kinds)).catch((error) => console.error(error));
    return this.#turn;
  }

  async #openNow(kinds) {
    const missing = kinds.filter((kind) => this.#wanted[kind] && this.#allowed[kind] && !this.track(kind));
    for (const kind of missing.filter((each) => this.#isCustom(each))) this.#use(kind, this.#taken(kind));
    const asked = missing.filter((kind) => !this.#isCustom(kind));
    if (asked.length === 0) return;
    const failed = new Map();
    const stream = await this.#ask(asked).catch(async (error) => {
      if (asked.length === 1) failed.set(asked[0], error);
      // One may be missing while the other works.
      const each = asked.length === 1 ? [] : asked.map((kind) => this.#ask([kind]).catch((e) => failed.set(kind, e)));
      const streams = (await Promise.all(each)).filter((got) => got instanceof MediaStream);
      return new MediaStream(streams.flatMap((got) => got.getTracks()));
    });
    for (const track of stream.getTracks()) this.#use(track.kind, track);
    if (failed.size > 0) this.#fail(failed);
  }

  async #ask(kinds) {
    if (!navigator.mediaDevices) throw new DOMException("", "insecure");
    const constraints = {};
    for (const kind of kinds) {
      const { deviceId, customTrack, ...more } = this.settings[kind];
      const usual = kind === "video" ? CAMERA_CONSTRAINTS : {};
      const device = deviceId && deviceId !== "default" ? { deviceId: { exact: deviceId } } : {};
      constraints[kind] = { ...usual, ...more, ...device };
    }
    return navigator.mediaDevices.getUserMedia(constraints);
  }

  #isCustom(kind) {
    return this.settings[kind].customTrack === CUSTOM || this.settings[kind].deviceId === CUSTOM;
  }

  #taken(kind) {
    const track = this.#shared()[KINDS[kind].shared];
    if (track) this.#given.add(track);
    if (track?.kind === kind && track.readyState === "live") return track;
    if (track) this.#fail(new Map([[kind, { name: "given" }]]));
    return null;
  }

  #stop(track) {
    if (!this.#given.has(track)) track.stop();
  }

  #use(kind, track) {
    this.#release(kind);
    if (!track) return;
    if (this.#closed) {
      this.#stop(track); // the call has ended meanwhile
      return;
    }
    delete this.#blocked[kind];
    if (!this.#wanted[kind] && kind === "video" && !this.#isCustom(kind)) {
      track.stop(); // switched off meanwhile
      return;
    }
    track.enabled = this.#wanted[kind];
    this.streams.cam.stream.addTrack(track);
    track.addEventListener("ended", () => {
      if (this.track(kind) !== track) return;
      this.#release(kind);
      this.#blocked[kind] = "byDeviceMissing";
      this.#onChange(KINDS[kind].source, null);
    });
    this.#onChange(KINDS[kind].source, track);
  }

  #release(kind) {
    const track = this.track(kind);
    if (!track) return;
    this.streams.cam.stream.removeTrack(track);
    this.#stop(track);
  }

  // Tells the app why a device did not open, once for both if the reason is the same. One that works
  // goes on.
  #fail(failed) {
    const [[first, error]] = failed;
    const kinds = [...failed.keys()];
    const { type, media, blocked = "byDeviceMissing", why } = ERRORS[error.name] ?? OTHER;
    const without = kinds.filter((kind) => !this.track(kind));
    for (const kind of without) this.#blocked[kind] = blocked;
    const inUse = { audio: "mic-in-use", video: "cam-in-use" };
    const msg = why.replace("DEVICE", kinds.map((kind) => KINDS[kind].source).join(" and the "));
    this.#onError(msg, {
      type: type === "in-use" ? (kinds.length > 1 ? "cam-mic-in-use" : inUse[first]) : type,
      msg,
      ...(media ? { [media]: kinds } : {}),
      ...(type === "permissions" ? { blockedBy: "user" } : {}),
      ...(type === "constraints" ? { reason: "invalid" } : {}),
    });
    for (const kind of without) this.#onChange(KINDS[kind].source, null);
  }

  // -- On and off ----------------------------------------------------------------------------

  // A muted microphone stays open; a camera that is off is closed, and its light with it.
  async set(kind, on, { discard = kind === "video", remotely = false } = {}) {
    this.#wanted[kind] = on;
    this.#remotely[kind] = remotely && !on;
    const track = this.track(kind);
    if (on && !track) {
      delete this.#blocked[kind];
      await this.#open([kind]);
      return;
    }
    if (track) track.enabled = on;
    if (!on && discard && !this.#isCustom(kind)) this.#release(kind);
    this.#onChange(KINDS[kind].source, this.track(kind));
  }

  async allow(kind, allowed) {
    this.#allowed[kind] = allowed;
    if (!allowed) {
      this.#release(kind);
      this.#onChange(KINDS[kind].source, null);
    } else if (this.#wanted[kind]) {
      await this.#open([kind]);
    }
  }

  // Takes another device, a track of the app's, or other constraints.
  async change(kind, settings) {
    const before = this.settings[kind];
    this.settings[kind] = settings;
    if (!this.track(kind) && !this.#wanted[kind] && !this.#isCustom(kind)) return;
    const take = async () => {
      const asks = () => this.#ask([kind]).catch((error) => this.#fail(new Map([[kind, error]])));
      const track = this.#isCustom(kind) ? this.#taken(kind) : (await asks())?.getTracks()[0];
      if (track) this.#use(kind, track);
      else if (this.track(kind)) this.settings[kind] = before;
    };
    this.#turn = this.#turn.then(take);
    await this.#turn;
  }

  // The next device of a kind, after the one in use.
  async next(kind) {
    const all = (await navigator.mediaDevices.enumerateDevices()).filter((each) => each.kind === KINDS[kind].deviceKind);
    const at = all.findIndex((each) => each.deviceId === this.track(kind)?.getSettings().deviceId);
    const device = all[(at + 1) % all.length];
    if (device) await this.change(kind, { ...this.settings[kind], deviceId: device.deviceId });
    return device ? plain(device) : null;
  }

  // The devices in use, as daily-js tells them; {} where there is none.
  async devices() {
    const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    const find = (kind, id) => all.find((each) => each.kind === kind && each.deviceId === id);
    const found = {};
    for (const [kind, { device, deviceKind }] of Object.entries(KINDS)) {
      const info = find(deviceKind, this.track(kind)?.getSettings().deviceId);
      found[device] = info ? plain(info) : {};
    }
    const speaker = find("audiooutput", this.speaker) ?? all.find((each) => each.kind === "audiooutput");
    found.speaker = speaker ? plain(speaker) : {};
    return found;
  }

  // The state of an own track, as daily-js tells it.
  stateOf(kind, maySend) {
    const subscribed = false;
    if (!maySend) return { subscribed, state: "off", off: { byCanSendPermission: true } };
    if (this.#blocked[kind]) return { subscribed, state: "blocked", blocked: { [this.#blocked[kind]]: true } };
    if (this.isOn(kind)) return { subscribed, state: "playable" };
    return { subscribed, state: "off", off: { [this.#remotely[kind] ? "byRemoteRequest" : "byUser"]: true } };
  }

  // -- The screen ----------------------------------------------------------------------------

  // Gives whether it is shared: the app may have changed its mind while the person chose one.
  async share({ mediaStream, displayMediaOptions } = {}) {
    const unshared = this.#unshared;
    const given = mediaStream === CUSTOM ? this.#shared().screenMediaStream : null;
    const usual = { video: SCREEN_CONSTRAINTS, audio: false };
    const stream = given ?? (await navigator.mediaDevices.getDisplayMedia({ ...usual, ...displayMediaOptions }));
    const [track] = stream.getVideoTracks();
    if (!track) throw new Error("the stream has no picture");
    if (given) this.#given.add(track);
    if (this.#closed || unshared !== this.#unshared) {
      this.#stop(track);
      return false;
    }
    this.#endShare();
    track.contentHint ||= "detail";
    this.streams.screen.stream = new MediaStream([track]);
    track.addEventListener("ended", () => {
      if (this.screen === track) this.unshare();
    });
    this.#onChange("screenVideo", track);
    return true;
  }

  unshare() {
    this.#unshared += 1;
    this.#endShare();
  }

  #endShare() {
    const track = this.screen;
    if (!track) return;
    this.streams.screen.stream = new MediaStream();
    this.#stop(track);
    this.#onChange("screenVideo", null);
  }

  close() {
    this.#closed = true;
    this.#onChange = this.#onError = () => {};
    for (const kind of Object.keys(KINDS)) {
      this.#wanted[kind] = false;
      this.#release(kind);
    }
    this.unshare();
  }
}

// A MediaDeviceInfo cannot be in a message.
const plain = (device) => ({ ...device.toJSON() });
