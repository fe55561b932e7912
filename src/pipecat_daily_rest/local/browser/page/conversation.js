// SPDX-License-Identifier: BSD-2-Clause
// The conversation: chat, transcripts, and who joined and left.

import { caption } from "./captions.js";
import { $, element, nameOf } from "./view.js";

const LOG_LENGTH = 500; // lines

export function write(kind, who, text, { own = false, line = null, final = true, spoken = text.length } = {}) {
  const log = $("log");
  if (!line) {
    line = document.createElement("li");
    line.dataset.kind = kind;
    line.dataset.own = String(own);
    if (who) line.append(element("span", "by", who));
    line.append(element("span", "words", ""));
    log.append(line);
    while (log.children.length > LOG_LENGTH) log.firstChild.remove();
    $("empty").hidden = true;
  }
  line.lastChild.textContent = text;
  if (kind === "speech") caption(who, text, spoken);
  line.setAttribute("aria-busy", String(!final)); // screen readers wait for the final words
  follow();
  return line;
}

// The newest line stays visible, unless the person has scrolled up.
let following = true;
let size = ""; // tells the scroll of a resize from one of the person

function follow() {
  if (following) $("log").scrollTop = $("log").scrollHeight;
}

$("log").addEventListener("scroll", () => {
  const { scrollHeight, scrollTop, clientHeight, clientWidth } = $("log");
  if (size === `${clientWidth} ${clientHeight}`) following = scrollHeight - scrollTop - clientHeight < 40;
});

new ResizeObserver(() => {
  size = `${$("log").clientWidth} ${$("log").clientHeight}`;
  follow();
}).observe($("log"));

export function hearMessage(call, message, sender) {
  const participant = call.people.get(sender);
  const who = participant ? nameOf(participant) : "Somebody";
  if (message?.event === "chat-msg" && typeof message.message === "string") {
    write("chat", typeof message.name === "string" && message.name ? message.name : who, message.message);
  } else if (message?.label === "rtvi-ai") {
    hearRTVI(call, message, sender, who);
  } else if (typeof message === "string") {
    write("chat", who, message);
  } else if (typeof message?.text === "string") {
    write("chat", who, message.text);
  } else {
    write("data", `${who} sent data`, JSON.stringify(message));
  }
}

// Sends what the person typed, as the chat of Daily's Prebuilt does. Where a bot speaks RTVI, the same
// message is its client's send-text, too: a bot then answers with no handler of its own.
export function sendChat(call, text) {
  const name = nameOf(call.people.get(call.id));
  const message = { event: "chat-msg", message: text, name, room: "main-room-main", date: new Date().toISOString() };
  if ([...call.bots.values()].some((bot) => bot.speaksRTVI)) Object.assign(message, rtvi("send-text", { content: text }));
  if (!call.tell({ event: "app-message", message })) return false;
  write("chat", name, text, { own: true });
  return true;
}

// A message of an RTVI client.
export function rtvi(type, data) {
  return { label: "rtvi-ai", type, id: Math.random().toString(36).slice(2, 10), data };
}

// https://docs.daily.co/reference/daily-js/events/transcription-events
export function hearTranscription(call, { participantId, text, rawResponse }) {
  const said = call.people.get(participantId);
  hearSpeech(call, `said ${participantId}`, said, text, rawResponse?.is_final !== false);
}

// Shows speech in one line until the words are final.
function hearSpeech(call, key, participant, text, final) {
  const own = participant?.id === call.id;
  const line = call.lines.get(key);
  const written = write("speech", participant ? nameOf(participant) : "Heard", text, { own, line, final });
  if (final) call.lines.delete(key);
  else call.lines.set(key, written);
}

// https://docs.pipecat.ai/client/rtvi-standard
function hearRTVI(call, message, sender, who) {
  call.bots.get(sender)?.hearRTVI(message);
  const data = message.data ?? {};
  const text = typeof data.text === "string" ? data.text.trim() : "";
  if (message.type === "user-transcription" && text) {
    const said = [...call.people.values()].find((p) => p.id === data.user_id || p.info.userId === data.user_id);
    hearSpeech(call, `user ${data.user_id}`, said, text, data.final === true);
  } else if (message.type === "bot-output" && text) {
    call.outputs.add(sender);
    const key = `bot ${sender} ${data.segment_id}`;
    const said = data.spoken_progress?.accumulated_text;
    const spoken = typeof said === "string" ? said.length : 0;
    if (data.segment_id === undefined || !call.lines.has(key)) {
      // Without segments, each text comes twice: when it is written and when it is spoken.
      if (data.segment_id === undefined && data.spoken === true) return;
      call.lines.set(key, write(data.will_be_spoken === false ? "chat" : "speech", who, text, { spoken }));
    } else if (spoken) {
      caption(who, text, spoken);
    }
  } else if (message.type === "bot-transcription" && text && !call.outputs.has(sender)) {
    write("speech", who, text);
  } else if (message.type === "error" && typeof data.error === "string") {
    write("note", "", `${who} reports an error: ${data.error}`);
  }
}
