// SPDX-License-Identifier: BSD-2-Clause
// The rooms, and the life of the one that was chosen.

import { roomControls, personControls } from "./control.js";
import { $, clock, element, get, length, now, paused, seconds, sync, write } from "./parts.js";

const PAGE = 50; // rooms that are shown at first, and that "More rooms" adds

const rooms = new Map(); // those that are shown, by number
let shown = PAGE;
let more = false;
let chosen = null; // a number
let life = null; // the chosen room, with its people
let entries = new Map(); // of its timeline, by number
let kept = 0; // entries that the local Daily has of it
let asking = null; // the room's state is on its way

// -- The list ----------------------------------------------------------------------------------

function filters() {
  return { text: $("rooms-text").value.trim().toLowerCase(), state: $("rooms-state").value };
}

function fits(room) {
  const { text, state } = filters();
  const unlisted = rooms.has(room.number) && room.count > room.people.length; // one of them may fit
  const words = [room.name, ...room.people.map((person) => person.name)];
  return (!state || state === room.state) && (unlisted || words.some((word) => word.toLowerCase().includes(text)));
}

let attempt = 0;

export async function loadRooms() {
  const mine = ++attempt;
  shown = PAGE;
  const page = await get("rooms", filters());
  if (!page || mine !== attempt) return;
  rooms.clear();
  add(page);
}

async function loadMore() {
  const oldest = Math.min(...rooms.keys());
  const page = await get("rooms", { ...filters(), before: oldest });
  if (!page) return;
  shown += PAGE;
  add(page);
}

function add(page) {
  more = page.more;
  for (const room of page.rooms) rooms.set(room.number, room);
  showRooms();
}

// Takes rooms that have changed. Older ones than those shown come with "More rooms".
export function roomsChanged(changed) {
  for (const room of changed) {
    const newer = !more || room.number > Math.min(...rooms.keys());
    if (!fits(room)) rooms.delete(room.number);
    else if (rooms.has(room.number) || newer) rooms.set(room.number, room);
    if (room.number === chosen && room.version > (life?.version ?? 0)) loadLife();
  }
  showRooms();
}

function showRooms() {
  const sorted = [...rooms.values()].sort((one, other) => other.number - one.number);
  for (const room of sorted.slice(shown)) {
    rooms.delete(room.number);
    more = true;
  }
  if (chosen === null && sorted.length && isWide()) {
    chosen = sorted[0].number;
    loadLife();
  }
  sync($("rooms-list"), sorted.slice(0, shown), (room) => room.number, makeRow, updateRow);
  $("rooms-none").hidden = rooms.size > 0;
  $("rooms-none").textContent = filters().text || filters().state
    ? "No room fits."
    : "No rooms yet. Start a bot, or create a room over the REST API: it appears here.";
  $("rooms-more").hidden = !more;
  showWhich();
}

// What stands where the chosen room is shown, as long as it is not.
function showWhich() {
  $("life-none").hidden = life !== null;
  $("life-room").hidden = life === null;
  const name = rooms.get(chosen)?.name ?? "the room";
  write($("life-none"), chosen === null ? "Choose a room to see what happened in it." : `Loading ${name}…`);
}

function makeRow(room) {
  const item = document.createElement("li");
  const row = element("button", "row");
  row.type = "button";
  row.append(element("span", "name", room.name), element("span", "who"));
  row.append(element("span", "left"), element("span", "by", madeBy(room)));
  row.addEventListener("click", () => choose(room.number));
  const join = element("a", "join", "Join");
  join.target = "_blank";
  join.rel = "noopener";
  join.setAttribute("aria-label", `Join ${room.name}`);
  item.append(row, join);
  return item;
}

function updateRow(item, room) {
  const [row, join] = item.children;
  item.dataset.state = room.state;
  item.dataset.speaks = String(room.people.some((person) => person.speaks));
  if (room.number === chosen) row.setAttribute("aria-current", "true");
  else row.removeAttribute("aria-current");
  write(row.querySelector(".left"), timeLeft(room));
  write(row.querySelector(".who"), whoIsIn(room));
  write(row.querySelector(".by"), madeBy(room));
  link(join, room);
}

function link(join, room) {
  join.hidden = !room.link;
  if (room.link) join.href = room.link;
}

function whoIsIn(room) {
  const names = room.people.map((person) => nameOf(person) + (person.speaks ? " (speaking)" : ""));
  if (room.count > names.length) names.push(`${room.count - names.length} more`);
  if (room.waiting) names.push(`${room.waiting} waiting`);
  return names.join(", ") || (room.state === "ended" ? "" : "nobody is in");
}

function madeBy(room) {
  const known = [room.agent && `made by ${room.agent}`, room.named && `named as by ${room.named}`];
  return known.filter(Boolean).join(" · ");
}

function timeLeft(room) {
  if (room.state !== "open") return room.state;
  return room.exp === null ? "no expiry" : `${length(room.exp - now())} left`;
}

function nameOf(person) {
  return person.name || { bot: "Bot", person: "Guest", phone: "Telephone" }[person.kind] || person.kind;
}

// The time that is left runs down without any message.
export function tick() {
  if (document.hidden || $("rooms").hidden) return;
  for (const item of $("rooms-list").children) {
    const room = rooms.get(Number(item.dataset.key));
    if (room) write(item.querySelector(".left"), timeLeft(room));
  }
  if (life) write($("facts").querySelector("[data-fact=time]"), timeLeft(life));
  for (const item of $("timeline").querySelectorAll("[data-open]")) describe(item, entries.get(Number(item.dataset.key)));
}

// -- The chosen room ---------------------------------------------------------------------------

function choose(number) {
  if (number === chosen) return look();
  chosen = number;
  life = null;
  entries = new Map();
  $("timeline").replaceChildren();
  showRooms();
  loadLife().then(look);
}

// Whether the list and the chosen room are beside each other.
function isWide() {
  return getComputedStyle($("back")).display === "none";
}

function look() {
  document.body.dataset.looking = "true";
  if (!isWide()) $("life-name").focus();
}

export function back() {
  if (document.body.dataset.looking !== "true") return;
  document.body.dataset.looking = "false";
  $("rooms-list").querySelector("[aria-current]")?.focus();
}

// Loads what has changed in the chosen room, once at a time.
export async function loadLife() {
  if (chosen === null) return;
  if (asking) {
    asking = "again";
    return;
  }
  asking = "once";
  const number = chosen;
  const found = await get(`rooms/${number}`, { since: life?.version });
  const again = asking === "again" || number !== chosen;
  asking = null;
  if (found && number === chosen) {
    if (found.gap) entries.clear();
    life = found;
    keep(found);
    showLife();
  } else if (!found && number === chosen && life === null) {
    chosen = null; // it is no longer kept, or there was no answer
    showWhich();
  }
  if (again) await loadLife();
}

function keep(found) {
  for (const entry of found.entries) entries.set(entry.number, entry);
  kept = found.kept;
}

async function loadEarlier() {
  const number = chosen;
  const found = await get(`rooms/${number}`, { skip: entries.size });
  if (!found || number !== chosen) return;
  keep(found);
  showLife();
}

function showLife() {
  showWhich();
  write($("life-name"), life.name);
  link($("life-join"), life);
  showFacts();
  roomControls($("room-control"), life);
  sync($("inside"), life.people, (person) => person.id, makePerson, updatePerson);
  const unlisted = life.count - life.people.length;
  write($("inside-title"), unlisted > 0 ? `In the room (${unlisted} more are not shown)` : "In the room");
  $("inside-title").hidden = !life.count;
  showTimeline();
}

function showFacts() {
  const facts = [
    ["time", "Time", timeLeft(life)],
    ["privacy", "Who may join", life.privacy === "public" ? "everybody (public)" : "who has a token (private)"],
    ["made", "Made", [clock(life.created), madeBy(life)].filter(Boolean).join(" · ")],
  ];
  if (life.calls.length) facts.push(["sip", "Telephone", life.calls.join(", ")]);
  if (life.turns) {
    const all = life.turns > 1 ? `, median of ${life.turns}: ${seconds(life.median)}` : "";
    facts.push(["latency", "The bot's answer", `after ${seconds(life.latency)}${all}`]);
  }
  $("facts").replaceChildren(...facts.flatMap(([name, label, text]) => {
    const value = element("dd", "", text);
    value.dataset.fact = name;
    return [element("dt", "", label), value];
  }));
}

function makePerson() {
  const item = document.createElement("li");
  const who = element("span", "who");
  who.append(element("span", "name"), element("span", "what"));
  item.append(who);
  return item;
}

function updatePerson(item, person) {
  const states = [
    person.kind,
    person.owner && "owner",
    person.hidden && "hidden",
    person.away ? "no network" : person.speaks ? "speaking" : person.muted && "microphone off",
  ];
  item.dataset.speaking = String(person.speaks);
  write(item.querySelector(".name"), nameOf(person));
  write(item.querySelector(".what"), states.filter(Boolean).join(" · "));
  personControls(item, life, person);
}

// -- The timeline ------------------------------------------------------------------------------

function showTimeline() {
  const pane = $("story");
  const atEnd = $("timeline").children.length && pane.scrollHeight - pane.scrollTop - pane.clientHeight < 40;
  const sorted = [...entries.values()].sort((one, other) => one.at - other.at || one.number - other.number);
  sync($("timeline"), sorted, (entry) => entry.number, makeEntry, describe);
  $("earlier").hidden = kept <= entries.size;
  $("dropped").hidden = !life.dropped;
  write($("dropped"), `The first ${life.dropped} entries are no longer kept.`);
  if (atEnd) pane.scrollTop = pane.scrollHeight;
}

function makeEntry(entry) {
  const item = document.createElement("li");
  const time = element("time", "", clock(entry.at));
  time.dateTime = new Date(entry.at * 1000).toISOString();
  time.title = new Date(entry.at * 1000).toString();
  const words = element("span", "words");
  words.append(element("span", "did"), element("span", "chip"), element("div", "text"));
  item.append(time, element("span", "mark"), words);
  return item;
}

function describe(item, entry) {
  item.dataset.what = entry.what;
  item.dataset.kind = entry.kind;
  const open = entry.what === "spoke" && entry.until === null;
  item.toggleAttribute("data-open", open);
  const [did, chip, text] = item.querySelector(".words").children;
  write(did, sentence(entry));
  const chips = [entry.latency !== null && `answer after ${seconds(entry.latency)}`, entry.count > 1 && `×${entry.count}`];
  write(chip, chips.filter(Boolean).join(" · "));
  chip.hidden = !chip.textContent;
  write(text, entry.text === "leftCall" ? "" : entry.text);
  text.hidden = !text.textContent;
}

function sentence(entry) {
  const who = entry.who === entry.kind || !entry.who ? nameOf(entry) : entry.who;
  const named = entry.kind === "bot" && !/\bbot\b/i.test(who) ? `Bot ${who}` : who;
  if (entry.what === "token") return "Token created";
  if (entry.what === "spoke") {
    return entry.until === null ? `${named} speaks, ${length(now() - entry.at)} so far` : `${named} spoke for ${seconds(entry.until - entry.at)}`;
  }
  if (entry.what === "message") return entry.kind ? `${named} sent a message` : "A message was sent over REST";
  if (entry.kind && entry.what.startsWith(`${entry.kind} `)) return `${named}${entry.what.slice(entry.kind.length)}`;
  const what = entry.what[0].toUpperCase() + entry.what.slice(1);
  return entry.who ? `${what}: ${named}` : what;
}

// -- Start -------------------------------------------------------------------------------------

export function startRooms() {
  $("rooms-text").addEventListener("input", paused(loadRooms));
  $("rooms-state").addEventListener("change", loadRooms);
  $("rooms-more").addEventListener("click", loadMore);
  $("earlier").addEventListener("click", loadEarlier);
  $("back").addEventListener("click", back);
  setInterval(tick, 1000);
}
