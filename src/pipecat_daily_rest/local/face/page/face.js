// SPDX-License-Identifier: BSD-2-Clause
// The page of a local Daily: the secret, the stream of what changes, the views, the keyboard.

import { allowControl, showFaults, startControl } from "./control.js";
import { $, ask, setClock, length, unlock } from "./parts.js";
import { requestsChanged, startRequests } from "./requests.js";
import { back, loadLife, loadRooms, roomsChanged, startRooms } from "./rooms.js";

const REMEMBERED = "face"; // in sessionStorage: a reload of this tab
const AGAIN = 1000; // milliseconds between two attempts to connect

let stream = null; // aborts the running one

// -- The secret --------------------------------------------------------------------------------

// Takes the secret out of the address, so that nobody reads it there.
function takeSecret() {
  if (location.hash.length > 1) {
    sessionStorage.setItem(REMEMBERED, location.hash.slice(1));
    history.replaceState(null, "", "/");
  }
  return sessionStorage.getItem(REMEMBERED);
}

function lock() {
  sessionStorage.removeItem(REMEMBERED);
  stream?.abort();
  document.body.dataset.state = "locked";
  $("status").textContent = "";
  for (const main of document.querySelectorAll("main")) main.hidden = main.id !== "locked";
  $("views").hidden = $("said").hidden = true;
}

// -- The stream --------------------------------------------------------------------------------

async function connect() {
  stream?.abort();
  const mine = (stream = new AbortController());
  while (!mine.signal.aborted) {
    try {
      const response = await ask("events", { signal: mine.signal });
      if (response.status === 403) return lock();
      if (response.ok) await read(response.body);
    } catch {
      // It ended, or there is none: below it is tried again.
    }
    if (mine.signal.aborted) return;
    document.body.dataset.state = "lost";
    $("status").textContent = "Connecting…";
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
  }
}

async function read(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let first = true;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const messages = (text + value).split("\n\n");
    text = messages.pop();
    for (const message of messages) {
      if (!message.startsWith("data: ")) continue;
      take(JSON.parse(message.slice(6)), first);
      first = false;
    }
  }
}

function take(message, first) {
  setClock(message.now);
  document.body.dataset.state = "live";
  const rooms = message.open === 1 ? "1 room open" : `${message.open} rooms open`;
  const people = message.people === 1 ? "1 is in" : `${message.people} are in`;
  const ahead = message.ahead ? `, clock ${length(message.ahead)} ahead` : "";
  $("status").textContent = `${rooms}, ${people}${ahead}`;
  if (first) {
    allowControl(message.control);
    $("locked").hidden = true;
    $("views").hidden = false;
    view(document.body.dataset.view);
    loadRooms();
    loadLife();
  } else {
    roomsChanged(message.changed);
  }
  requestsChanged(message.journal);
  showFaults();
}

// -- The views ---------------------------------------------------------------------------------

function view(name) {
  document.body.dataset.view = name;
  for (const main of document.querySelectorAll("main:not(#locked)")) main.hidden = main.id !== name;
  for (const tab of $("views").children) {
    if (tab.dataset.view === name) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
}

function show(name) {
  view(name);
  requestsChanged();
  showFaults();
}

// -- The keyboard ------------------------------------------------------------------------------

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.body.dataset.state === "locked") return;
  const typing = event.target.matches("input, select, textarea");
  const search = document.querySelector("main:not([hidden]) .search");
  if (event.key === "Escape") {
    if (typing) event.target.blur();
    else back();
  } else if (typing) {
    return;
  } else if (event.key === "/" && search) {
    event.preventDefault();
    search.focus();
  } else if (["ArrowDown", "ArrowUp"].includes(event.key)) {
    step(event, event.key === "ArrowDown" ? 1 : -1);
  } else {
    const tab = [...$("views").children].find((each) => each.getAttribute("aria-keyshortcuts") === event.key);
    if (tab && !tab.hidden) show(tab.dataset.view);
  }
}

// The arrows go from row to row.
function step(event, by) {
  const rows = [...document.querySelectorAll("main:not([hidden]) .list :is(.row, summary)")];
  const at = rows.indexOf(document.activeElement);
  const row = at < 0 && !event.target.closest(".card") ? rows[0] : rows[at + by];
  if (!row || (at < 0 && event.target.closest(".card"))) return;
  event.preventDefault();
  row.focus();
}

// -- Start -------------------------------------------------------------------------------------

function start() {
  const secret = takeSecret();
  if (!secret) return lock();
  unlock(secret);
  connect();
}

startRooms();
startRequests();
startControl();
for (const tab of $("views").children) tab.addEventListener("click", () => show(tab.dataset.view));
document.addEventListener("keydown", onKey);
// Nobody looks at a hidden tab, and it must not take one of the browser's few connections.
document.addEventListener("visibilitychange", () => (document.hidden ? stream?.abort() : start()));
addEventListener("hashchange", start); // the link was opened in this tab again
start();
