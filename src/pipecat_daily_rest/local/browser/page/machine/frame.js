// SPDX-License-Identifier: BSD-2-Clause
// The page of a room in the frame of an app: what Daily's Prebuilt is there. The app's daily-js sends
// actions to the page and takes events from it, as with the call machine; tracks stay in the page.

import { ACTIONS } from "./actions.js";
import { maySend } from "../connection.js";
import { errorOf, LEFT } from "./errors.js";
import { describe, isOff, newcomer, off } from "./participants.js";
import { IGNORED, REFUSED } from "./refusals.js";

const WHAT = "iframe-call-message";
// The actions that the page does as the call machine does them.
const SHARED = [
  "app-msg", "local-audio", "local-video", "local-screen-start", "local-screen-stop", "set-user-name", "set-user-data",
  "update-participant", "update-participants", "daily-method-update-waiting-participant",
  "daily-method-update-waiting-participants", "lib-room-info", "get-meeting-session", "get-network-topology",
  "get-daily-lang", "get-cpu-load-stats", "get-calc-stats",
];
const OWN = "In a frame, the page of the local room does that by itself.";

export class Frame {
  about = null; // what the room tells about the call
  properties = {};
  #id; // of the app's call frame
  #page;
  #kind = "ejected"; // of the room's end
  #joining = null; // the stamp of a join that is not answered yet

  // `page` has call(), join(properties), leave(), and switchTo(source, on) for the person's inputs.
  constructor(id, page) {
    this.#id = id;
    this.#page = page;
    window.addEventListener("message", (event) => this.#take(event));
    this.emit("iframe-ready-for-launch-config");
  }

  // Only pages of this machine may show this one in a frame, see the local Daily's guard.
  emit(action, fields = {}) {
    window.parent.postMessage({ what: WHAT, from: "embedded", callClientId: this.#id, ...fields, action }, "*");
  }

  // -- What the app asks for -----------------------------------------------------------------

  async #take({ source, data }) {
    if (source !== window.parent || data?.what !== WHAT || data.callClientId !== this.#id) return;
    const { action, callbackStamp } = data;
    if (action === "join-meeting") this.#joining = callbackStamp;
    const answer = await this.#act(data).catch((error) => ({ error: String(error.message ?? error) }));
    if (action === "join-meeting") return; // the room answers it, or its end
    if (callbackStamp) this.emit(`${action}-answer`, { ...answer, callbackStamp });
    else if (answer.error) this.emit("nonfatal-error", { type: action, errorMsg: answer.error });
  }

  #answerJoin(answer) {
    if (this.#joining) this.emit("join-meeting-answer", { ...answer, callbackStamp: this.#joining });
    this.#joining = null;
  }

  async #act(message) {
    const { action } = message;
    if (action === "iframe-launch-config") {
      this.properties = message;
      this.emit("call-machine-initialized");
      this.emit("loaded");
    } else if (action === "join-meeting") {
      this.properties = { ...this.properties, ...message.properties };
      if (this.call?.joined) this.#tellJoined();
      else this.#page.join(this.properties);
    } else if (action === "leave-meeting") {
      if (this.call) this.#page.leave();
      else this.emit("left-meeting");
    } else if (SHARED.includes(action)) {
      return (await ACTIONS[action](this, message)) ?? {};
    } else if (!IGNORED.has(action)) {
      return { error: REFUSED[action] ?? OWN };
    }
    return {};
  }

  // What the shared actions need.
  get call() {
    return this.#page.call();
  }

  get me() {
    return this.call?.people.get(this.call.id) ?? newcomer("", "");
  }

  get inputs() {
    return {
      set: (kind, on) => this.#page.switchTo(kind === "audio" ? "microphone" : "camera", on),
      share: () => this.#page.switchTo("screenVideo", true),
      unshare: () => this.#page.switchTo("screenVideo", false),
    };
  }

  maySend(kind) {
    return maySend(this.me, kind);
  }

  tellLocal() {
    if (this.call?.joined) this.#tell("participant-updated", this.me);
  }

  // -- What the app is told ------------------------------------------------------------------

  #describe(participant) {
    const stateOf = (_, media) => (isOff(media) ? off(media) : { subscribed: true, state: media.state });
    const local = participant.id === this.call?.id;
    return describe(participant, { local, userData: local ? this.properties.userData : undefined, stateOf });
  }

  #tell(action, participant, fields = {}) {
    this.emit(action, { participant: this.#describe(participant), ...fields });
  }

  #tellJoined() {
    this.emit("joined-meeting", { participants: { local: this.#describe(this.me) } });
    this.#answerJoin({});
  }

  // Passes on an event of the room, which the page shows as well.
  told(name, event) {
    switch (name) {
      case "joined":
        this.about = event.about;
        this.emit("access-state-updated", { access: { level: "full" } });
        this.emit("meeting-session-summary-updated", { meetingSession: { id: event.about.meeting } });
        this.#tellJoined();
        for (const each of event.participants) if (each.id !== event.id) this.#tell("participant-joined", each);
        this.emit("participant-counts-updated", { participantCounts: event.about.counts });
        break;
      case "waiting":
        this.emit("access-state-updated", { access: { level: "lobby" }, awaitingAccess: { level: "full" } });
        break;
      case "participant-joined":
      case "participant-updated":
        this.#tell(name, event.participant);
        break;
      case "participant-left":
        this.#tell(name, event.participant, { reason: event.reason });
        break;
      case "participant-counts-updated":
        this.emit(name, { participantCounts: event.counts });
        break;
      case "active-speaker-changed":
        this.emit("active-speaker-change", { activeSpeaker: { peerId: event.participant.id } });
        break;
      case "app-message":
        this.emit(name, { data: event.message, fromId: event.sender });
        break;
      case "closed":
        this.#kind = event.error;
        break;
    }
  }

  // The call or the attempt to join has ended; without a `reason` the person left.
  ended(state, reason, sentence, joined) {
    if (reason) this.emit("error", errorOf(state === "refused" ? reason : this.#kind, sentence));
    this.#answerJoin(reason ? {} : { error: LEFT });
    if (joined || !reason) this.emit("left-meeting");
  }
}
