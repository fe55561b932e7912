// SPDX-License-Identifier: BSD-2-Clause
// A connection to a room: sound each way and a data channel, and who is in the room.
//
// The page and the call machine of web apps both stand on it. `face` has a method for each event of
// the room that it handles, by the event's name, and these:
//   ended(reason)         the connection is gone: "lost", "no-connection" or "unreachable"
//   refused(event)        the room refuses the join: `error`, `info`
//   interrupted(yes)      packets do not get through for the moment, or do again
//   heard(track)          the mix of all others, where no voice has a slot of its own

const CONNECT_TIMEOUT = 10_000; // ms until it reports that it has no connection
const SILENCE_TIMEOUT = 20_000; // ms until a local Daily that says nothing counts as gone

export class Connection {
  id = null; // the own session id
  joined = false;
  interrupted = false;
  people = new Map(); // by session id, the own too
  waiting = new Map(); // who waits to be let in
  levels = {};
  sender = null; // of the microphone
  voices = []; // a receiver for each slot
  #url;
  #token;
  #face;
  #pc = new RTCPeerConnection();
  #channel = null;
  #piece = "";
  #connection = null; // names it to the room's server
  #closed = false;
  #timer = 0;
  #pings = 0;

  constructor(url, token, face) {
    this.#url = url; // of the room
    this.#token = token;
    this.#face = face;
  }

  isCurrent() {
    return !this.#closed;
  }

  get pc() {
    return this.#pc;
  }

  // Joins. `slots` is how many voices come on tracks of their own; with `guest`, the room finds a name
  // for who has none.
  async open({ track = null, userName, guest = false, microphone, slots = 0 }) {
    try {
      await this.#connect({ track, userName, guest, microphone, slots });
    } catch (error) {
      // What fetch throws when nothing answers.
      this.#end(["TypeError", "TimeoutError"].includes(error.name) ? "unreachable" : "no-connection");
    }
  }

  async #connect({ track, userName, guest, microphone, slots }) {
    const pc = this.#pc;
    const direction = slots ? "sendonly" : "sendrecv";
    this.sender = pc.addTransceiver(track ?? "audio", { direction }).sender;
    for (let slot = 0; slot < slots; slot += 1) {
      this.voices.push(pc.addTransceiver("audio", { direction: "recvonly" }).receiver);
    }
    this.#channel = pc.createDataChannel("room");
    this.#channel.onmessage = ({ data }) => this.#take(data);
    this.#channel.onclose = () => this.#end("lost");
    pc.ontrack = (event) => {
      if (!slots && !this.#closed) this.#face.heard(event.track);
    };
    pc.onconnectionstatechange = () => this.#changed(pc.connectionState);
    await pc.setLocalDescription();
    await gathered(pc);
    if (this.#closed) return;
    const { sdp, type } = pc.localDescription;
    const answer = await post(`${this.#url}/offer`, { sdp, type, token: this.#token, userName, guest, microphone });
    this.#connection = answer.id;
    if (this.#closed) {
      this.#beacon();
    } else if (answer.error) {
      this.close();
      this.#face.refused(answer);
    } else {
      this.#face.answered?.(answer);
      this.#timer = setTimeout(() => this.#end("no-connection"), CONNECT_TIMEOUT);
      await pc.setRemoteDescription(answer);
    }
  }

  #changed(state) {
    if (this.#closed) return;
    const before = this.interrupted;
    this.interrupted = state === "disconnected";
    if (state === "failed") {
      this.#end(this.joined ? "lost" : "no-connection");
    } else if (this.joined && this.interrupted !== before) {
      this.#face.interrupted(this.interrupted);
      if (this.interrupted) this.#lookForServer();
    }
  }

  // A process that was killed closes nothing; its port tells at once.
  #lookForServer() {
    check(this.#url, this.#token).catch(() => this.interrupted && this.#end("unreachable"));
  }

  // -- The data channel ----------------------------------------------------------------------

  tell(event) {
    if (this.#closed || this.#channel?.readyState !== "open") return false;
    try {
      this.#channel.send(JSON.stringify(event));
      return true;
    } catch {
      return false; // too long for the connection
    }
  }

  #take(data) {
    if (this.#closed) return;
    if (data[0] === "+") { // a long event comes in pieces
      this.#piece += data.slice(1);
      return;
    }
    const event = JSON.parse(data[0] === "." ? this.#piece + data.slice(1) : data);
    if (data[0] === ".") this.#piece = "";
    if (event.event === "joined" || event.event === "waiting") this.#stayIn();
    if (event.event === "closed" || event.event === "refused") this.close();
    const before = this.people.get(event.participant?.id);
    this.#note(event);
    this.#face[event.event]?.(event, before);
  }

  #stayIn() {
    clearTimeout(this.#timer);
    this.#pings ||= setInterval(() => this.tell({ event: "ping" }), 1000);
  }

  // Notes who is in the room, who waits, and how loud they are.
  #note(event) {
    const { participant } = event;
    switch (event.event) {
      case "joined":
        this.joined = true;
        this.id = event.id;
        for (const each of event.participants) this.people.set(each.id, each);
        for (const each of event.waiting) this.waiting.set(each.id, each);
        break;
      case "participant-joined":
      case "participant-updated":
        this.people.set(participant.id, participant);
        break;
      case "participant-left":
        this.people.delete(participant.id);
        break;
      case "waiting-participant-added":
        this.waiting.set(participant.id, participant);
        break;
      case "waiting-participant-removed":
        this.waiting.delete(participant.id);
        break;
      case "levels":
        this.levels = event.levels;
        break;
    }
  }

  // -- The end -------------------------------------------------------------------------------

  #end(reason) {
    if (this.#closed) return;
    this.close();
    this.#face.ended(reason);
  }

  leave() {
    this.tell({ event: "leave" });
    this.close();
  }

  // Leaves as the page goes away: nothing else is sent for sure then.
  vanish() {
    if (!this.#closed) this.#beacon();
    this.close();
  }

  #beacon() {
    if (this.#connection) navigator.sendBeacon(`${this.#url}/leave`, JSON.stringify({ id: this.#connection }));
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#pings);
    this.#pc.close();
  }
}

async function post(url, body) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(SILENCE_TIMEOUT),
  });
  try {
    return await response.json();
  } catch {
    return { error: "unreadable", info: `The local Daily answered with status ${response.status}. Start the bot again.` };
  }
}

// Tells whether a participant may send "audio", "video" or "screenVideo".
export function maySend({ info }, kind) {
  const { canSend } = info.permissions;
  return Array.isArray(canSend) ? canSend.includes(kind) : canSend !== false;
}

// Asks whether a token opens a room, without joining it: `access`, or `error` and `info`.
export function check(url, token) {
  return post(`${url}/offer`, { type: "preauth", token });
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

// Gives each wanted key a place: those that have one keep it, the others take free ones.
export function assign(places, wanted) {
  const free = [];
  for (const place of places) {
    if (place.key === null || !wanted.includes(place.key)) {
      place.key = null;
      free.push(place);
    }
  }
  for (const key of wanted) {
    if (places.some((place) => place.key === key)) continue;
    const place = free.shift();
    if (place) place.key = key;
  }
}
