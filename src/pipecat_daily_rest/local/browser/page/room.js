// SPDX-License-Identifier: BSD-2-Clause
// The page of a local room: joining, the events of the call, and leaving.

import { hearMessage, hearTranscription, write } from "./conversation.js";
import { showKnocks, showWaitingRoom } from "./knocking.js";
import { Microphone, speaks } from "./microphone.js";
import { SENTENCES } from "./sentences.js";
import { gathered, Video } from "./video.js";
import { $, nameOf, notify, show, showLevel, showLevels, showMicrophone, showPeople } from "./view.js";

const CONNECT_TIMEOUT = 10_000; // ms until the page reports that it has no connection

const room = decodeURIComponent(location.pathname.slice(1));
const token = new URLSearchParams(location.search).get("t");
const remembered = `room:${room}`; // in sessionStorage while joined: a reload joins again

let call = null; // the current attempt or call; callbacks of older ones do nothing

// As RTVI clients do, so that the bot sends its transcript.
function greet(participant) {
  if (participant.kind !== "bot") return;
  const data = { version: "2.0.0", about: { library: "pipecat-daily-rest local room" } };
  const id = Math.random().toString(36).slice(2, 10);
  const message = { label: "rtvi-ai", type: "client-ready", id, data };
  tell({ event: "app-message", message, recipient: participant.id });
}

// -- The room's events -----------------------------------------------------------------------

const EVENTS = {
  "joined"(event) {
    stayIn();
    call.joined = true;
    call.id = event.id;
    for (const participant of event.participants) call.people.set(participant.id, participant);
    for (const knock of event.waiting) call.waiting.set(knock.id, knock);
    const me = call.people.get(call.id);
    if (me.media.microphone.state === "off") call.microphone.mute(true);
    sessionStorage.setItem(remembered, $("name").value);
    $("log").replaceChildren();
    $("empty").hidden = false;
    showPeople(call);
    showKnocks(call.waiting, decide);
    showMicrophone(call.microphone);
    notify(speaks(me) ? (call.microphone.problem ?? "") : "Your link lets you listen and write, but not speak.");
    $("mute").focus();
    call.video.permit();
    event.participants.forEach(greet);
  },
  "waiting"() {
    stayIn();
    showWaitingRoom();
  },
  "refused"(event) {
    end("refused", "Could not join", event.error, event.info);
  },
  "closed"(event) {
    const sentence = SENTENCES[event.reason] ?? "The room ended the call.";
    end("left", "Not in the room", event.reason, sentence);
  },
  "participant-joined"({ participant }) {
    call.people.set(participant.id, participant);
    write("note", "", `${nameOf(participant)} joined`);
    showPeople(call);
    call.video.show();
    greet(participant);
  },
  "participant-updated"({ participant }) {
    if (participant.id === call.id && speaks(participant) !== speaks(call.people.get(call.id))) {
      if (!speaks(participant)) call.microphone.setMuted(true);
      const how = call.microphone.stream ? "Unmute" : "Use microphone";
      notify(speaks(participant) ? `You may speak now: press ${how}, or M.` : "You may listen and write, but no longer speak.");
    }
    call.people.set(participant.id, participant);
    showPeople(call);
    call.video[participant.id === call.id ? "permit" : "show"]();
  },
  "participant-left"({ participant }) {
    if (call.people.delete(participant.id)) write("note", "", `${nameOf(participant)} left`);
    showPeople(call);
    call.video.show();
  },
  "pictures"(event) {
    call.video.answer(event);
  },
  "wanted"({ source, wanted }) {
    call.video.wanted(source, wanted);
  },
  "waiting-participant-added"({ participant }) {
    call.waiting.set(participant.id, participant);
    write("note", "", `${participant.name || "Guest"} waits to be let in`);
    showKnocks(call.waiting, decide);
  },
  "waiting-participant-removed"({ participant }) {
    call.waiting.delete(participant.id);
    showKnocks(call.waiting, decide);
  },
  "levels"({ levels }) {
    call.levels = levels;
    showLevels(call);
  },
  "not-sent"({ info }) {
    notify(`The message was not sent: ${info}.`);
  },
  "app-message"({ message, sender }) {
    hearMessage(call, message, sender);
  },
  "transcription-message"({ message }) {
    hearTranscription(call, message);
  },
  "network-connection-status-updated"({ status }) {
    if (status.connection !== "signalling") return;
    call.interrupted = status.event === "interrupted";
    showPeople(call);
  },
  "mute"({ by, microphone, camera }) {
    const who = call.people.has(by) ? nameOf(call.people.get(by)) : "An owner";
    if (microphone === false) {
      call.microphone.setMuted(true);
      notify(`${who} muted your microphone. Press Unmute, or M, to speak.`);
    } else if (microphone === true && call.microphone.muted) {
      notify(`${who} asks you to speak: press Unmute, or M.`);
    }
    if (camera === false) {
      call.video.switchOff("camera");
      notify(`${who} switched your camera off. Press Camera to switch it on again.`);
    } else if (camera === true) {
      notify(`${who} asks you to show yourself: press Camera.`);
    }
  },
};

function tell(event) {
  if (call?.channel.readyState !== "open") return false;
  try {
    call.channel.send(JSON.stringify(event));
    return true;
  } catch {
    return false; // too long for the connection
  }
}

function decide(id, letIn) {
  tell({ event: "decide", id, letIn });
}

function stayIn() {
  clearTimeout(call.timer);
  call.pings ||= setInterval(() => tell({ event: "ping" }), 1000);
}

// -- Joining and leaving ---------------------------------------------------------------------

async function join() {
  if (call) return;
  const mine = {
    pc: new RTCPeerConnection(), channel: null, joined: false, interrupted: false, id: null, connection: null, piece: "",
    people: new Map(), waiting: new Map(), levels: {}, lines: new Map(), outputs: new Set(),
    timer: 0, pings: 0, isCurrent: () => call === mine,
  };
  const tellIfCurrent = (event) => call === mine && tell(event);
  mine.microphone = new Microphone(mine, tellIfCurrent);
  mine.video = new Video(mine, tellIfCurrent);
  call = mine;
  show("joining", "Waiting for the microphone: allow it in your browser");
  await mine.microphone.open();
  if (call !== mine) return;
  mine.microphone.muted = !mine.microphone.stream;
  try {
    await connect(mine);
  } catch (error) {
    if (call !== mine) return;
    const unreachable = error instanceof TypeError; // of fetch, when nothing answers
    const reason = unreachable ? "unreachable" : "no-connection";
    end("refused", "Could not join", reason, SENTENCES[reason]);
  }
}

async function connect(mine) {
  const { pc, microphone } = mine;
  show("joining", "Connecting…");
  microphone.sender = pc.addTransceiver(microphone.track ?? "audio", { direction: "sendrecv" }).sender;
  mine.channel = pc.createDataChannel("room");
  mine.channel.onmessage = ({ data }) => {
    if (call !== mine) return;
    if (data[0] === "+") { // a long event comes in pieces
      mine.piece += data.slice(1);
      return;
    }
    const event = JSON.parse(data[0] === "." ? mine.piece + data.slice(1) : data);
    if (data[0] === ".") mine.piece = "";
    if (Object.hasOwn(EVENTS, event.event)) EVENTS[event.event](event);
  };
  mine.channel.onclose = () => {
    if (call === mine) end("left", "Not in the room", "lost", SENTENCES.lost);
  };
  pc.ontrack = ({ track }) => {
    $("remote").srcObject = new MediaStream([track]);
    play();
  };
  pc.onconnectionstatechange = () => {
    if (call !== mine) return;
    mine.interrupted = pc.connectionState === "disconnected";
    if (pc.connectionState === "failed") {
      const reason = mine.joined ? "lost" : "no-connection";
      end(mine.joined ? "left" : "refused", "Not connected", reason, SENTENCES[reason]);
    } else if (mine.joined) {
      showPeople(call);
    }
  };
  await pc.setLocalDescription();
  await gathered(pc);
  if (call !== mine) return;
  const { sdp, type } = pc.localDescription;
  const answer = await post("offer", { sdp, type, token, userName: $("name").value, microphone: !microphone.muted });
  if (call !== mine) {
    if (answer.id) navigator.sendBeacon(`/${room}/leave`, JSON.stringify({ id: answer.id }));
    return;
  }
  if (answer.error) {
    end("refused", "Could not join", answer.error, answer.info);
    return;
  }
  mine.connection = answer.id;
  if (answer.startAudioOff) microphone.mute(true);
  mine.timer = setTimeout(() => {
    if (call === mine) end("refused", "Could not connect", "no-connection", SENTENCES["no-connection"]);
  }, CONNECT_TIMEOUT);
  await pc.setRemoteDescription(answer);
}

async function post(what, body) {
  const response = await fetch(`/${room}/${what}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  try {
    return await response.json();
  } catch {
    return { error: "unreadable", info: `The local Daily answered with status ${response.status}. Start the bot again.` };
  }
}

function play() {
  $("remote").play().then(
    () => ($("unblock").hidden = true),
    (error) => {
      if (error.name === "NotAllowedError") $("unblock").hidden = false; // the browser wants a click first
    },
  );
}

function hangUp({ beacon = false } = {}) {
  const mine = call;
  if (beacon && mine.connection) {
    navigator.sendBeacon(`/${room}/leave`, JSON.stringify({ id: mine.connection }));
  }
  call = null;
  clearTimeout(mine.timer);
  clearInterval(mine.pings);
  mine.microphone.close();
  mine.video.close();
  mine.pc.close();
  $("remote").srcObject = null;
  showLevel(0);
}

function end(state, status, reason, sentence) {
  hangUp();
  sessionStorage.removeItem(remembered);
  notify("");
  $("people").replaceChildren();
  show(state, status, { reason, sentence });
  $("enter").focus();
}

// -- What the person does --------------------------------------------------------------------

$("join").addEventListener("submit", (event) => {
  event.preventDefault();
  join();
});

$("leave").addEventListener("click", () => {
  tell({ event: "leave" });
  end("left", "Not in the room", "", "You left the room.");
});

$("giveup").addEventListener("click", () => {
  tell({ event: "leave" });
  end("left", "Not in the room", "", "You stopped waiting.");
});

$("mute").addEventListener("click", () => call.microphone.toggle());
$("camera").addEventListener("click", () => call.video.toggle("camera"));
$("screen").addEventListener("click", () => call.video.toggle("screenVideo"));
$("unblock").addEventListener("click", play);

$("chat").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("message").value.trim();
  if (!text || !call) return;
  const name = nameOf(call.people.get(call.id));
  const message = { event: "chat-msg", message: text, name, room: "main-room-main", date: new Date().toISOString() };
  if (tell({ event: "app-message", message })) {
    write("chat", name, text, { own: true });
    $("message").value = "";
  } else {
    notify("The message could not be sent.");
  }
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, textarea");
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
  if (event.key.toLowerCase() === "m" && plain && !typing && call?.joined) call.microphone.toggle();
});

window.addEventListener("pagehide", () => {
  if (call) hangUp({ beacon: true });
});

window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

$("room").textContent = room;
document.title = `${room} · local room`;
if (sessionStorage.getItem(remembered) !== null) {
  $("name").value = sessionStorage.getItem(remembered);
  join();
} else {
  $("name").focus();
}
