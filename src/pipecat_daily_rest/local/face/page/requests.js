// SPDX-License-Identifier: BSD-2-Clause
// The requests to the REST API.

import { $, clock, element, get, paused, say, sync, write } from "./parts.js";

const PAGE = 50;

const requests = new Map(); // those that are shown, by number
let shown = PAGE;
let more = false;
let attempt = 0;
let journal = null; // the version of what was loaded last
let current = null; // the version that the local Daily has
let loading = false;

function filters() {
  return {
    text: $("requests-text").value.trim().toLowerCase(),
    method: $("requests-method").value,
    status: $("requests-status").value,
  };
}

// Takes the version of the journal. The requests are loaded while they are looked at.
export function requestsChanged(version = current) {
  current = version;
  if (!loading && !$("requests").hidden && journal !== current) load();
}

async function reset() {
  requests.clear();
  shown = PAGE;
  more = false;
  await load();
}

async function load() {
  const mine = ++attempt;
  loading = true;
  const version = current;
  const page = await get("requests", filters());
  if (mine !== attempt) return;
  loading = false;
  if (!page) return;
  journal = version;
  const newest = Math.max(-1, ...requests.keys());
  // After a burst of more than a page, what was shown would be after a gap. A request that waits no
  // longer goes.
  if (filters().status === "none" || (page.more && page.requests.at(-1).number > newest)) requests.clear();
  if (page.more && !requests.size) more = true;
  add(page.requests);
  requestsChanged(current);
}

async function loadMore() {
  const page = await get("requests", { ...filters(), before: Math.min(...requests.keys()) });
  if (!page) return;
  shown += PAGE;
  more = page.more;
  add(page.requests);
}

function add(found) {
  for (const request of found) {
    const known = requests.get(request.number);
    requests.set(request.number, known ? Object.assign(known, request) : request);
  }
  const sorted = [...requests.values()].sort((one, other) => other.number - one.number);
  for (const request of sorted.slice(shown)) {
    requests.delete(request.number);
    more = true;
  }
  sync($("requests-list"), sorted.filter((each) => requests.has(each.number)), (each) => each.number, make, update);
  $("requests-none").hidden = requests.size > 0;
  $("requests-more").hidden = !more;
}

function make(request) {
  const item = document.createElement("li");
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  summary.append(
    element("time", "", clock(request.at)),
    element("span", "method", request.method),
    element("span", "path", request.path),
    element("span", "status"),
    element("span", "agent", request.agent),
  );
  const body = document.createElement("pre");
  details.append(summary, body);
  details.addEventListener("toggle", async () => {
    if (!details.open || body.textContent) return;
    const whole = await get(`requests/${request.number}`);
    body.textContent = !whole ? "No longer kept." : whole.body === null ? "No body." : JSON.stringify(whole.body, null, 2);
  });
  const copy = element("button", "", "Copy as curl");
  copy.type = "button";
  copy.addEventListener("click", async () => {
    const whole = await get(`requests/${request.number}`);
    if (!whole) return say("This request is no longer kept.");
    await clip(curl(whole));
    say("Copied. It uses $DAILY_API_KEY; secrets in the body are masked.");
  });
  item.append(details, copy);
  return item;
}

function update(item, request) {
  item.dataset.status = String(request.status ?? "none");
  write(item.querySelector(".status"), request.status === null ? "…" : String(request.status));
}

function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

export function curl({ method, path, body }) {
  const parts = [`curl -X ${method} ${quote(`${apiUrl()}${path}`)}`, '-H "Authorization: Bearer $DAILY_API_KEY"'];
  if (/[[\]{}]/.test(path)) parts.splice(1, 0, "--globoff");
  if (body !== null) parts.push("-H 'Content-Type: application/json'", `-d ${quote(JSON.stringify(body))}`);
  return parts.join(" \\\n  ");
}

function apiUrl() {
  return `${location.origin}/v1`;
}

async function clip(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = element("textarea", "unseen");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}

export function startRequests() {
  $("requests-text").addEventListener("input", paused(reset));
  $("requests-method").addEventListener("change", reset);
  $("requests-status").addEventListener("change", reset);
  $("requests-more").addEventListener("click", loadMore);
}
