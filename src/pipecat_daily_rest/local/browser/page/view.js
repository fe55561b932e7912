// SPDX-License-Identifier: BSD-2-Clause
// Shows a call. What others wrote is shown as text, never as markup.

export const SPEAKS = 0.25; // the level from which a participant is shown as speaking

// Ends after which this link opens no call any more.
const OVER = {
  left: ["room-deleted", "room-expired", "token-expired", "time-over", "shutdown"],
  refused: ["no-room", "exp-room", "exp-token", "ejected", "no-media", "room-deleted"],
};

export const $ = (id) => document.getElementById(id);

export function show(state, status, { reason = "", sentence = "" } = {}) {
  const body = document.body;
  body.dataset.state = state;
  body.dataset.reason = reason;
  const over = Boolean(OVER[state]?.includes(reason));
  body.dataset.over = String(over);
  $("status").textContent = status;
  $("lobby").hidden = state === "joined";
  $("call").hidden = $("controls").hidden = state !== "joined";
  $("enter").disabled = $("name").disabled = ["joining", "waiting"].includes(state);
  $("enter").hidden = state === "waiting" || over;
  $("giveup").hidden = state !== "waiting";
  $("enter").textContent = state === "joining" ? "Joining…" : state === "idle" ? "Join" : "Join again";
  $("lobby-title").textContent =
    { left: over ? "The call is over" : "You are not in the room", refused: "You could not join", waiting: "Waiting to be let in" }[state] ?? "Join the room";
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

// What a participant does, in a word or two.
function doing(call, participant, speaking) {
  if (isAway(participant)) return "no network";
  const bot = call.bots.get(participant.id);
  if (bot && (bot.speaksRTVI || bot.state !== "listening" || !isMuted(participant))) return bot.state;
  return speaking ? "speaking" : isMuted(participant) ? "microphone off" : "";
}

export function showPeople(call) {
  const items = [...call.people.values()].map((participant) => {
    const item = document.createElement("li");
    item.dataset.id = participant.id;
    item.dataset.kind = participant.kind;
    item.append(element("span", "face", [...nameOf(participant)][0].toUpperCase()));
    const who = element("span", "who", nameOf(participant));
    who.append(element("span", "what", ""), element("span", "turn", ""));
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
    const does = doing(call, participant, speaking);
    const { latency } = call.bots.get(participant.id) ?? {};
    item.dataset.speaking = String(speaking);
    item.dataset.does = does;
    item.firstChild.style.setProperty("--loud", speaking ? level : 0);
    const roles = [
      participant.id === call.id ? "you" : participant.kind === "bot" ? "bot" : "",
      participant.info.isOwner ? "owner" : "",
      does,
    ];
    setText(item.querySelector(".what"), roles.filter(Boolean).join(" · "));
    setText(item.querySelector(".turn"), latency ? `answered in ${latency.toFixed(2)} s` : "");
  }
}

function setText(shown, text) {
  if (shown.textContent !== text) shown.textContent = text;
}

export function showMicrophone({ stream, muted }) {
  const button = $("mute");
  const label = !stream ? "Use microphone" : muted ? "Unmute" : "Mute";
  button.textContent = label;
  if (stream) button.append(element("kbd", "", "M"));
  button.dataset.muted = String(muted);
  $("microphone").dataset.on = String(!muted);
  $("instead").hidden = Boolean(stream);
  $("meter-label").textContent = muted ? "Microphone off" : "Microphone";
}

export function showLevel(level, meter = "level") {
  const shown = Math.min(1, Math.max(0, level)).toFixed(2);
  $(meter).style.setProperty("--level", shown);
  $(meter).setAttribute("aria-valuenow", shown);
}
