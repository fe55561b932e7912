// SPDX-License-Identifier: BSD-2-Clause
// The page of a local room: joining, the events of the call, and leaving.

import { Bot } from "./bots.js";
import { clearCaption, showCaptions, toggleCaptions } from "./captions.js";
import { Connection } from "./connection.js";
import { hearMessage, hearTranscription, rtvi, sendChat, write } from "./conversation.js";
import { showKnocks, showWaitingRoom } from "./knocking.js";
import { Meter, toLevel } from "./meter.js";
import { Microphone, speaks } from "./microphone.js";
import { Sample } from "./sample.js";
import { SENTENCES } from "./sentences.js";
import { closeSoundCheck, openSoundCheck, prepareSoundCheck } from "./sound_check.js";
import { Turns } from "./turns.js";
import { Video } from "./video.js";
import { $, nameOf, notify, show, showLevel, showLevels, showMicrophone, showPeople, SPEAKS } from "./view.js";

const room = decodeURIComponent(location.pathname.slice(1));
let token = new URLSearchParams(location.search).get("t");
const remembered = `room:${room}`; // in sessionStorage while joined: a reload joins again

const embedded = window.parent === window ? null : new URLSearchParams(location.search).get("emb"); // by daily-js

let frame = null; // the app around this page
let call = null; // the current attempt or call; callbacks of older ones do nothing

// As RTVI clients do, so that the bot sends its transcript and tells what it does.
function greet(participant) {
  if (participant.kind !== "bot") return;
  const mine = call;
  mine.bots.set(participant.id, new Bot(() => showLevels(mine)));
  const message = rtvi("client-ready", { version: "2.0.0", about: { library: "pipecat-daily-rest local room" } });
  mine.tell({ event: "app-message", message, recipient: participant.id });
}

// Who sounds now, but the person.
const heard = () => Object.entries(call.levels).filter(([id, level]) => id !== call.id && level > SPEAKS).map(([id]) => id);

function noteTurn(id, seconds) {
  const bot = call.bots.get(id);
  if (bot) bot.latency = seconds;
  showLevels(call);
}

// -- The room's events -----------------------------------------------------------------------

const face = {
  "joined"(event) {
    const me = call.people.get(call.id);
    if (me.media.microphone.state === "off") call.microphone.mute(true);
    sessionStorage.setItem(remembered, $("name").value);
    $("log").replaceChildren();
    $("empty").hidden = false;
    event.participants.forEach(greet);
    closeSoundCheck();
    showCaptions(true);
    showPeople(call);
    showKnocks(call.waiting, decide);
    showMicrophone(call.microphone);
    $("play").hidden = !speaks(me);
    notify(speaks(me) ? (call.microphone.problem ?? "") : "Your link lets you listen and write, but not speak.");
    $("mute").focus();
    call.video.permit();
  },
  "waiting"() {
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
    write("note", "", `${nameOf(participant)} joined`);
    greet(participant);
    showPeople(call);
    call.video.show();
  },
  "participant-updated"({ participant }, before) {
    if (participant.id === call.id && speaks(participant) !== speaks(before)) {
      if (!speaks(participant)) call.microphone.setMuted(true);
      $("play").hidden = !speaks(participant);
      const how = call.microphone.stream ? "Unmute" : "Use microphone";
      notify(speaks(participant) ? `You may speak now: press ${how}, or M.` : "You may listen and write, but no longer speak.");
    }
    showPeople(call);
    call.video[participant.id === call.id ? "permit" : "show"]();
  },
  "participant-left"({ participant }, before) {
    if (before) write("note", "", `${nameOf(participant)} left`);
    call.bots.get(participant.id)?.close();
    call.bots.delete(participant.id);
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
    write("note", "", `${participant.name || "Guest"} waits to be let in`);
    showKnocks(call.waiting, decide);
  },
  "waiting-participant-removed"() {
    showKnocks(call.waiting, decide);
  },
  "levels"({ levels }) {
    for (const [id, bot] of call.bots) bot.hearLevel(levels[id] ?? 0);
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
  answered({ startAudioOff }) {
    if (startAudioOff) call.microphone.mute(true);
  },
  heard(track) {
    const mine = call;
    mine.ear = new Meter(track, 20, (loudness) => mine.turns.hearOthers(toLevel(loudness) > SPEAKS, performance.now()));
    $("remote").srcObject = new MediaStream([track]);
    play();
  },
  interrupted() {
    showPeople(call);
  },
  ended(reason) {
    if (call.joined) end("left", "Not in the room", "lost", SENTENCES.lost);
    else end("refused", "Could not join", reason, SENTENCES[reason]);
  },
};

function decide(id, letIn) {
  call.tell({ event: "decide", id, letIn });
}

// -- Joining and leaving ---------------------------------------------------------------------

async function join() {
  if (call) return;
  const mine = frame ? new ToldCall(`/${room}`, token, told(face)) : new Connection(`/${room}`, token, face);
  const turns = new Turns(heard, noteTurn);
  const hearPerson = (loudness) => turns.hearPerson(toLevel(loudness) > SPEAKS, performance.now());
  Object.assign(mine, {
    bots: new Map(), lines: new Map(), outputs: new Set(), turns, video: new Video(mine),
    microphone: new Microphone(mine, hearPerson), sample: new Sample(mine, hearPerson),
  });
  call = mine;
  closeSoundCheck();
  show("joining", "Waiting for the microphone");
  await mine.microphone.open();
  if (!mine.isCurrent()) return;
  const { track } = mine.microphone;
  mine.microphone.muted = !track;
  show("joining", "Connecting…");
  await mine.open({ track, userName: $("name").value, guest: true, microphone: !mine.microphone.muted });
}

// Tells the app around this page what the person switches, too.
class ToldCall extends Connection {
  tell(event) {
    const sent = super.tell(event);
    if (event.event === "update") frame.tellLocal();
    return sent;
  }
}

// Has the app around this page hear of each event first.
function told(face) {
  return new Proxy(face, {
    get: (_, name) => (...given) => {
      frame.told(name, ...given);
      face[name]?.(...given);
    },
  });
}

function leave() {
  call.leave();
  end("left", "Not in the room", "", "You left the room.");
}

function play() {
  $("remote").play().then(
    () => ($("unblock").hidden = true),
    (error) => {
      if (error.name === "NotAllowedError") $("unblock").hidden = false; // the browser wants a click first
    },
  );
}

function hangUp() {
  const mine = call;
  call = null;
  mine.close();
  mine.microphone.close();
  mine.video.close();
  mine.sample.close();
  mine.ear?.close();
  for (const bot of mine.bots.values()) bot.close();
  closeSoundCheck();
  clearCaption();
  showCaptions(false);
  $("remote").srcObject = null;
  showLevel(0);
}

function end(state, status, reason, sentence) {
  const { joined } = call;
  hangUp();
  frame?.ended(state, reason, sentence, joined);
  sessionStorage.removeItem(remembered);
  notify("");
  $("people").replaceChildren();
  show(state, status, { reason, sentence });
  ($("enter").hidden ? $("lobby-title") : $("enter")).focus();
}

// -- What the person does --------------------------------------------------------------------

$("join").addEventListener("submit", (event) => {
  event.preventDefault();
  join();
});

$("leave").addEventListener("click", leave);

$("giveup").addEventListener("click", () => {
  call.leave();
  end("left", "Not in the room", "", "You stopped waiting.");
});

$("mute").addEventListener("click", () => call.microphone.toggle());
$("camera").addEventListener("click", () => call.video.toggle("camera"));
$("screen").addEventListener("click", () => call.video.toggle("screenVideo"));
$("unblock").addEventListener("click", play);
$("captions").addEventListener("click", toggleCaptions);
$("check").addEventListener("click", () => openSoundCheck(null, false));
$("settings").addEventListener("click", () => openSoundCheck(call.microphone, speaks(call.people.get(call.id))));
$("type").addEventListener("click", () => $("message").focus());
for (const button of ["play", "sample"]) $(button).addEventListener("click", () => call.sample.play());
prepareSoundCheck(() => call);

$("chat").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("message").value.trim();
  if (!text || !call) return;
  if (sendChat(call, text)) $("message").value = "";
  else notify("The message could not be sent.");
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, select, textarea");
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
  if (!plain || typing || $("sound").open || !call?.joined) return;
  if (event.key.toLowerCase() === "m") call.microphone.toggle();
  if (event.key.toLowerCase() === "c") toggleCaptions();
});

window.addEventListener("pagehide", () => {
  if (!call) return;
  call.vanish();
  hangUp();
});

window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

// The name in the link's token, which the room prefers to a typed one.
function nameInLink() {
  try {
    const claims = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(claims), (each) => each.charCodeAt(0)))).u ?? "";
  } catch {
    return ""; // no token, or none that can be read here: the room says what is wrong with it
  }
}

const linked = nameInLink();
if (linked) $("name").value = linked; // else what was typed before this script ran stays
$("given").hidden = !linked;
$("room").textContent = $("room").title = room;
document.title = `${room} · local room`;
if (embedded) {
  const { Frame } = await import("./machine/frame.js");
  frame = new Frame(embedded, {
    call: () => call,
    leave,
    join({ token: given, userName = "" }) {
      token = given ?? token;
      $("name").value ||= userName;
      join();
    },
    switchTo(source, on) {
      if (source === "microphone") return call?.microphone.stream && call.microphone.setMuted(!on);
      if (call && call.video.shows(source) !== on) return call.video.toggle(source);
    },
  });
} else if (sessionStorage.getItem(remembered) !== null) {
  $("name").value = sessionStorage.getItem(remembered);
  join();
} else {
  $("name").focus();
}
