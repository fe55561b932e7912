// SPDX-License-Identifier: BSD-2-Clause
// What all views use. Whatever comes from a room or a request is shown as text, never as markup.

export const $ = (id) => document.getElementById(id);

let secret = null;
let ahead = 0; // milliseconds that the local Daily's clock is before this computer's

export function unlock(given) {
  secret = given;
}

export function setClock(now) {
  ahead = now * 1000 - Date.now();
}

export function now() {
  return (Date.now() + ahead) / 1000;
}

// Asks the local Daily; gives the response.
export function ask(path, options = {}) {
  const headers = { Authorization: `Bearer ${secret}`, "Content-Type": "application/json" };
  return fetch(`/.face/${path}`, { ...options, headers, cache: "no-store" });
}

// Asks for JSON; null if there is none.
export async function get(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value != null);
  try {
    const response = await ask(`${path}?${new URLSearchParams(given)}`);
    return response.ok ? await response.json() : null;
  } catch {
    return null; // the stream notices, too
  }
}

let silence = 0;

export function say(sentence) {
  $("said").textContent = sentence;
  $("said").hidden = false;
  clearTimeout(silence);
  silence = setTimeout(() => ($("said").hidden = true), 6000);
}

export function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

// Sets a text only if it changes: a selection and a screen reader are left alone.
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Shows items in a list. An item's element stays, with the focus in it, as long as its key does.
export function sync(list, items, key, make, update) {
  const keys = new Set(items.map((item) => String(key(item))));
  for (const child of [...list.children]) if (!keys.has(child.dataset.key)) child.remove();
  const before = new Map([...list.children].map((child) => [child.dataset.key, child]));
  let place = list.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    let child = before.get(name);
    if (!child) {
      child = make(item);
      child.dataset.key = name;
    }
    if (child === place) place = place.nextElementSibling;
    else list.insertBefore(child, place);
    update(child, item);
  }
}

export function clock(at) {
  const time = new Date(at * 1000);
  const two = (number) => String(number).padStart(2, "0");
  const parts = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two);
  return `${parts.join(":")}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

export function seconds(span) {
  return span < 10 ? `${span.toFixed(2)} s` : length(span);
}

export function length(span) {
  const whole = Math.max(0, Math.round(span));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

// Calls something once typing has paused.
export function paused(call) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(call, 150);
  };
}
