// SPDX-License-Identifier: BSD-2-Clause
// The call machine of one call object of daily-js: what Daily's own bundle is for a room on Daily.
//
// daily-js sends it actions and takes events by messages of the window; tracks it reads in `store`.

import { ACTIONS } from "./actions.js";
import { check, Connection, maySend } from "../connection.js";
import { errorOf, LEFT } from "./errors.js";
import { roomEvents } from "./events.js";
import { Inputs } from "./inputs.js";
import { Levels } from "./levels.js";
import { describe, newcomer, TRACKS } from "./participants.js";
import { IGNORED, refusal, REFUSED } from "./refusals.js";
import { Remote, VOICES } from "./remote.js";
import { GONE, SENTENCES } from "../sentences.js";

const WHAT = "iframe-call-message";
const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];
const ENVELOPE = 256; // bytes around an app message

const NOT_HERE =
  "This page is at ORIGIN. A local Daily lets only pages of this machine join its rooms, as http://localhost:5173: open the app there.";
const NOT_LOCAL =
  "This page uses a local room's call machine, which cannot join URL. Without the script tag reroute.js and bundlePathOverride the app joins rooms on Daily.";

export class Machine {
  store = { getState: () => this.#state() };
  inputs = null; // once the camera was started
  call = null; // once it joins
  remote = null;
  about = null; // what the room tells about the call
  inLobby = false;
  receiveSettings = {};
  sendSettings = {};
  properties = {};
  levels = new Levels(this);
  #id; // of the call object
  #me = null;
  #asked = null; // what the app wanted off when the inputs were opened
  #opening = null; // settles when they are open
  #isOpen = false;
  #joining = null; // settles when the room has answered
  #waiting = new Map(); // the actions that the app waits for, by their stamps
  #take = (event) => this.#onMessage(event);
  #vanish = () => this.call?.vanish();
  #comeBack = ({ persisted }) => {
    if (persisted && this.call) this.fail("ejected", SENTENCES.lost); // the browser kept the page
  };

  constructor(id) {
    this.#id = id;
    window.addEventListener("message", this.#take);
    window.addEventListener("pagehide", this.#vanish);
    window.addEventListener("pageshow", this.#comeBack);
  }

  #state() {
    return {
      local: { public: {}, streams: this.inputs?.streams ?? {} },
      streams: this.remote?.streams ?? {},
      participants: {},
    };
  }

  // daily-js calls it before it uses a machine again.
  reset() {
    this.forget();
  }

  // -- Messages ------------------------------------------------------------------------------

  emit(action, fields = {}) {
    const target = location.protocol === "file:" ? "*" : location.origin;
    window.postMessage({ what: WHAT, from: "embedded", callClientId: this.#id, ...fields, action }, target);
  }

  async #onMessage({ data, source }) {
    if (window._daily?.instances?.[this.#id]?.callMachine !== this) {
      this.#retire(); // the call object was destroyed
      return;
    }
    if (source !== window || data?.what !== WHAT || data.from !== "module" || data.callClientId !== this.#id) return;
    const { action, callbackStamp } = data;
    if (callbackStamp) this.#waiting.set(callbackStamp, action);
    const answer = await this.#act(data).catch((error) => ({ error: String(error.message ?? error) }));
    if (callbackStamp) this.#answer(callbackStamp, answer);
    else if (answer.error) this.emit("nonfatal-error", { type: action, errorMsg: String(answer.error) });
  }

  // Answers once: an action may be done after the call was left, which has answered it.
  #answer(callbackStamp, answer) {
    const action = this.#waiting.get(callbackStamp);
    if (this.#waiting.delete(callbackStamp)) this.emit(`${action}-answer`, { ...answer, callbackStamp });
  }

  async #act(message) {
    const { action, callbackStamp } = message;
    if (Object.hasOwn(ACTIONS, action)) return (await ACTIONS[action](this, message)) ?? {};
    if (IGNORED.has(action)) return {};
    const sentence = REFUSED[action] ?? `A local room does not know ${action}.`;
    if (callbackStamp) return { error: sentence, errorMsg: sentence };
    const { action: name, ...fields } = refusal(action, sentence);
    this.emit(name, fields);
    return {};
  }

  #retire() {
    window.removeEventListener("message", this.#take);
    window.removeEventListener("pagehide", this.#vanish);
    window.removeEventListener("pageshow", this.#comeBack);
    this.call?.leave();
    this.forget();
  }

  // -- Camera and microphone -----------------------------------------------------------------

  // Takes the options of an action that may be the first of a call.
  begin({ properties, preloadCache = {} }) {
    this.properties = properties;
    if (this.inputs) return;
    const shared = () => window._daily.instances[this.#id].tracks ?? {};
    this.inputs = new Inputs(
      shared,
      (source, track) => this.#inputChanged(source, track),
      (errorMsg, error) => this.emit("camera-error", { errorMsg, error }),
    );
    this.#me = newcomer(crypto.randomUUID?.() ?? String(Math.random()).slice(2), properties.userName ?? "");
    this.emit("call-machine-initialized");
    const { inputSettings, outputDeviceId, allowLocalAudio, allowLocalVideo } = preloadCache;
    for (const kind of ["audio", "video"]) this.inputs.settings[kind] = inputSettings?.[kind]?.settings ?? {};
    this.inputs.speaker = outputDeviceId ?? this.inputs.speaker;
    if (allowLocalAudio === false) this.inputs.allow("audio", false);
    if (allowLocalVideo === false) this.inputs.allow("video", false);
    this.automatic = preloadCache.subscribeToTracksAutomatically !== false;
    this.sendSettings = preloadCache.sendSettings ?? {};
    const { localAudioLevelObserver, remoteParticipantsAudioLevelObserver } = preloadCache;
    if (localAudioLevelObserver?.enabled) this.levels.observe("local", localAudioLevelObserver.interval);
    if (remoteParticipantsAudioLevelObserver?.enabled) this.levels.observe("remote", remoteParticipantsAudioLevelObserver.interval);
  }

  // Opens what the options want, and tells the app what is open.
  async startCamera({ startAudioOff, startVideoOff }) {
    const { inputs } = this;
    this.#asked ??= { startAudioOff, startVideoOff };
    this.#opening ??= inputs.start({ audio: !startAudioOff, video: !startVideoOff });
    await this.#opening;
    if (this.inputs !== inputs) return {};
    const devices = await this.tellDevices("started-camera");
    this.#isOpen = this.inputs === inputs;
    return devices;
  }

  // Tells the app which devices are in use, after the event `first` where one is named; gives them.
  async tellDevices(first) {
    const { inputs } = this;
    const devices = await inputs.devices();
    if (this.inputs !== inputs) return {};
    this.tellLocal();
    if (first) this.emit(first, devices);
    this.emit("selected-devices-updated", { devices });
    return devices;
  }

  #inputChanged(source, track) {
    const { call, inputs } = this;
    const on = source === "screenVideo" ? Boolean(track) : inputs.isOn(TRACKS[source].kind);
    if (source === "microphone") {
      call?.sender?.replaceTrack(track).catch(() => {}); // it was closed meanwhile
      this.levels.again();
    } else if (call?.joined) {
      this.remote.pictures.send(source, on ? track : null);
    }
    if (call?.joined) call.tell({ event: "update", [source]: on });
    this.tellLocal();
    if (track && this.#isOpen && source !== "screenVideo") this.tellDevices();
    if (source !== "screenVideo") return;
    this.emit(on ? "local-screen-share-started" : "local-screen-share-stopped", { local: true });
  }

  // -- Participants --------------------------------------------------------------------------

  get me() {
    return this.call?.people.get(this.call.id) ?? this.#me;
  }

  maySend(kind) {
    return maySend(this.me, kind);
  }

  describeLocal() {
    const { inputs } = this;
    const stateOf = (source) => {
      if (source === "microphone" || source === "camera") {
        const { kind } = TRACKS[source];
        return inputs.stateOf(kind, this.maySend(kind));
      }
      if (source === "screenVideo" && inputs.screen) return { subscribed: false, state: "playable" };
      return { subscribed: false, state: "off", off: { byUser: true } };
    };
    return describe(this.me, { local: true, userData: this.properties.userData, stateOf });
  }

  tellLocal() {
    if (this.inputs) this.emit("participant-updated", { participant: this.describeLocal() });
  }

  describe(participant) {
    return describe(participant, { stateOf: (source, media) => this.remote.stateOf(participant.id, source, media) });
  }

  tellOf(id, action = "participant-updated") {
    const participant = this.call.people.get(id);
    if (participant) this.emit(action, { participant: this.describe(participant) });
  }

  // -- Joining and leaving -------------------------------------------------------------------

  async join(message) {
    this.begin(message);
    const { inputs } = this;
    const access = await this.check();
    if (this.inputs !== inputs) return {};
    if (access.error) {
      this.fail(access.error, access.info);
      return {};
    }
    await this.#prepare(access);
    if (this.inputs !== inputs) return {};
    if (access.access.level === "lobby") {
      this.inLobby = true;
      this.emit("access-state-updated", { access: { level: "lobby" } });
      this.tellJoined();
      return {};
    }
    return this.connect(this.properties.userName ?? "");
  }

  // Switches the inputs off as the app asks now or asked before, or as the room wants it.
  async #prepare(access) {
    const names = { audio: "startAudioOff", video: "startVideoOff" };
    const { inputs, properties } = this;
    if (this.#opening) {
      await this.#opening;
      for (const [kind, name] of Object.entries(names)) {
        const off = properties[name] === undefined ? access[name] : properties[name] && !this.#asked[name];
        if (off) await inputs.set(kind, false);
      }
      return;
    }
    const off = Object.values(names).map((name) => [name, properties[name] ?? access[name]]);
    await this.startCamera(Object.fromEntries(off));
  }

  // Asks whether the app's token opens the room.
  async check() {
    const { url, token } = this.properties;
    const place = roomOf(url);
    if (!place) return { error: "not-allowed", info: NOT_LOCAL.replace("URL", url) };
    this.room = { url: place, token: token || null };
    return check(place, this.room.token).catch(() =>
      isOfThisMachine()
        ? { error: "no-room", info: GONE }
        : { error: "not-allowed", info: NOT_HERE.replace("ORIGIN", location.origin) },
    );
  }

  // Joins, and gives the answer to who waits for that.
  connect(userName) {
    const call = new Connection(this.room.url, this.room.token, roomEvents(this));
    this.call = call;
    this.remote = new Remote(call, (id) => this.tellOf(id));
    this.remote.automatically(this.automatic);
    const track = this.inputs.track("audio");
    call.open({ track, userName, microphone: this.inputs.isOn("audio"), slots: VOICES });
    return new Promise((resolve) => {
      this.#joining = resolve;
    });
  }

  answered(answer) {
    this.#joining?.(answer);
    this.#joining = null;
  }

  tellJoined() {
    const most = Math.min(this.about?.mostMessage ?? 65_536, 65_536) - ENVELOPE;
    this.emit("joined-meeting", { participants: { local: this.describeLocal() }, internal: { _maxAppMessageSize: most } });
  }

  leave() {
    this.call?.leave();
    this.forget();
    this.emit("left-meeting");
  }

  // Ends the call, or the attempt to join, with an error for the app.
  fail(kind, sentence) {
    this.emit("error", errorOf(kind, sentence));
    if (this.call?.joined) this.emit("left-meeting");
    this.forget();
  }

  // Forgets the call: the next one begins anew. Who waits for something is told why it does not come.
  forget(error = LEFT) {
    for (const stamp of this.#waiting.keys()) this.#answer(stamp, { error });
    this.levels.close();
    this.answered({});
    this.call?.close();
    this.remote?.close();
    this.inputs?.close();
    this.call = this.remote = this.inputs = this.about = this.#me = null;
    this.#asked = this.#opening = null;
    this.inLobby = this.#isOpen = false;
    this.receiveSettings = {};
  }
}

// Whether a local Daily answers the requests of this page.
function isOfThisMachine() {
  return LOOPBACK.includes(location.hostname); // that of a file is empty
}

// The URL of a local room, without what follows; null for a room on Daily.
function roomOf(text) {
  let url;
  try {
    url = new URL(text);
  } catch {
    return null;
  }
  const isRoom = [...LOOPBACK, location.hostname].includes(url.hostname) && /^\/[\w-]+\/?$/.test(url.pathname);
  return isRoom ? url.origin + url.pathname.replace(/\/$/, "") : null;
}
