// SPDX-License-Identifier: BSD-2-Clause
// Shows a call. What others wrote is shown as text, never as markup.

const SPEAKS = 0.25; // the level from which a participant is shown as speaking

export const $ = (id) => document.getElementById(id);

export function show(state, status, { reason = "", sentence = "" } = {}) {
  const body = document.body;
  body.dataset.state = state;
  body.dataset.reason = reason;
  $("status").textContent = status;
  $("lobby").hidden = state === "joined";
  $("call").hidden = $("controls").hidden = state !== "joined";
  $("enter").disabled = $("name").disabled = ["joining", "waiting"].includes(state);
  $("enter").hidden = state === "waiting";
  $("giveup").hidden = state !== "waiting";
  $("enter").textContent = state === "joining" ? "Joining…" : state === "idle" ? "Join" : "Join again";
  $("lobby-title").textContent =
    { left: "You are not in the room", refused: "You could not join", waiting: "Waiting to be let in" }[state] ?? "Join the room";
  $("reason").textContent = sentence;
  $("reason").hidden = !sentence;
}

export function notify(sentence) {
  $("notice").textContent = sentence;
  $("notice").hidden = !sentence;
}

export function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

export function nameOf(participant) {
  return participant.info.userName || (participant.kind === "bot" ? "Bot" : "Guest");
}

function isMuted(participant) {
  return participant.media.microphone.state === "off";
}

function isAway(participant) {
  return participant.media.microphone.state === "interrupted";
}

export function showPeople(call) {
  const items = [...call.people.values()].map((participant) => {
    const item = document.createElement("li");
    item.dataset.id = participant.id;
    item.dataset.kind = participant.kind;
    item.append(element("span", "face", [...nameOf(participant)][0].toUpperCase()));
    const who = element("span", "who", nameOf(participant));
    who.append(element("span", "what", ""));
    item.append(who);
    return item;
  });
  $("people").replaceChildren(...items);
  showLevels(call);
  const others = call.people.size - 1;
  const company = ["nobody else is here yet", "one other is here"][others] ?? `${others} others are here`;
  if (call.joined) show("joined", call.interrupted ? "Connection interrupted…" : `Joined: ${company}`);
}

export function showLevels(call) {
  for (const item of $("people").children) {
    const participant = call.people.get(item.dataset.id);
    const level = isMuted(participant) ? 0 : (call.levels[participant.id] ?? 0);
    const speaking = level > SPEAKS;
    item.dataset.speaking = String(speaking);
    item.firstChild.style.setProperty("--loud", speaking ? level : 0);
    const roles = [
      participant.id === call.id ? "you" : participant.kind === "bot" ? "bot" : "",
      participant.info.isOwner ? "owner" : "",
      speaking ? "speaking" : isMuted(participant) ? "microphone off" : isAway(participant) ? "no network" : "",
    ];
    const text = roles.filter(Boolean).join(" · ");
    const what = item.querySelector(".what");
    if (what.textContent !== text) what.textContent = text;
  }
}

export function showMicrophone({ stream, muted }) {
  const button = $("mute");
  const label = !stream ? "Use microphone" : muted ? "Unmute" : "Mute";
  button.textContent = label;
  if (stream) button.append(element("kbd", "", "M"));
  button.dataset.muted = String(muted);
  $("microphone").dataset.on = String(!muted);
  $("meter-label").textContent = muted ? "Microphone off" : "Microphone";
}

export function showLevel(level) {
  const shown = Math.min(1, Math.max(0, level)).toFixed(2);
  $("level").style.setProperty("--level", shown);
  $("level").setAttribute("aria-valuenow", shown);
}
