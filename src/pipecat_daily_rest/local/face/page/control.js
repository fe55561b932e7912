// SPDX-License-Identifier: BSD-2-Clause
// What a local Daily that was started with --control lets this page do.

import { $, ask, element, get, say, sync, write } from "./parts.js";

let allowed = false;

async function act(action, body) {
  let answer;
  try {
    const response = await ask(`do/${action}`, { method: "POST", body: JSON.stringify(body) });
    answer = await response.json();
  } catch {
    answer = { said: "The local Daily did not answer." };
  }
  say(answer.said);
}

function button(label, press, className = "") {
  const made = element("button", className, label);
  made.type = "button";
  made.addEventListener("click", press);
  return made;
}

// The buttons of the chosen room, made once for each room.
export function roomControls(place, room) {
  place.hidden = !allowed || room.state === "ended";
  const made = `${room.number} ${room.calls.length > 0}`;
  if (place.hidden || place.dataset.made === made) return;
  place.dataset.made = made;
  const body = { room: room.number };
  const label = element("label", "", "Without network for ");
  const outage = element("input", "");
  Object.assign(outage, { id: "outage", type: "number", min: "1", value: "10" });
  label.append(outage, " s");
  place.replaceChildren(button("Delete the room", () => act("delete", body), "danger"));
  if (room.calls.length) place.append(button("Dial in", () => act("dial-in", body)));
  place.append(label);
}

export function personControls(item, room, person) {
  if (!allowed || item.querySelector(".buttons")) return;
  const place = element("span", "buttons");
  const body = { room: room.number, participant: person.id };
  place.append(
    button("Lose network", () => act("lose-network", { ...body, seconds: Number($("outage").value) })),
    button("Eject", () => act("eject", body)),
  );
  if (person.kind === "phone") {
    const keys = element("input", "keys");
    keys.value = "1";
    keys.setAttribute("aria-label", "Keys to press");
    place.prepend(keys, button("Press", () => act("keys", { ...body, keys: keys.value })));
  }
  item.append(place);
}

export async function showFaults() {
  if (!allowed || $("control").hidden) return;
  const found = await get("faults");
  if (!found) return;
  const faults = found.faults.map((fault, number) => ({ ...fault, number }));
  sync($("faults"), faults, (fault) => fault.number, () => document.createElement("li"), (item, fault) => {
    const all = fault.times === null ? "" : ` of ${fault.times}`;
    write(item, `${fault.method} ${fault.path}: ${fault.hits}${all} failed`);
  });
  $("clear").hidden = !faults.length;
}

function given(form, submitter) {
  const values = Object.fromEntries(new FormData(form));
  for (const field of form.querySelectorAll("input[type=number]")) {
    values[field.name] = field.value === "" ? null : Number(field.value);
  }
  for (const field of form.querySelectorAll("input[type=checkbox]")) values[field.name] = field.checked;
  if (submitter?.value) values.seconds = Number(submitter.value);
  const { how, ...rest } = values;
  return how ? { ...rest, ...JSON.parse(how) } : rest;
}

export function allowControl(is) {
  allowed = is;
  document.querySelector("#views [data-view=control]").hidden = !is;
}

export function startControl() {
  for (const form of document.querySelectorAll("#control form")) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      await act(form.dataset.action, given(form, event.submitter));
      await showFaults();
    });
  }
  $("clear").addEventListener("click", async () => {
    await act("clear", {});
    await showFaults();
  });
}
