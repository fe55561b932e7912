// SPDX-License-Identifier: BSD-2-Clause
// Knocking: waiting to be let in, and letting others in.

import { $, element, show } from "./view.js";

export function showWaitingRoom() {
  const sentence = "You have knocked. Leave this page open: an owner of the room can let you in.";
  show("waiting", "Waiting to be let in", { sentence });
  $("giveup").focus();
}

// Shows who waits to those who may let them in. `decide` gets a session id, and whether to let it in.
export function showKnocks(waiting, decide) {
  const items = [...waiting.values()].map(({ id, name }) => {
    const item = document.createElement("li");
    item.dataset.id = id;
    item.append(element("span", "who", name || "Guest"));
    for (const [label, letIn] of [["Let in", true], ["Deny", false]]) {
      const button = element("button", letIn ? "primary" : "", label);
      button.type = "button";
      button.setAttribute("aria-label", `${label}: ${name || "Guest"}`);
      button.addEventListener("click", () => decide(id, letIn));
      item.append(button);
    }
    return item;
  });
  $("waiting").replaceChildren(...items);
  $("knocks").hidden = items.length === 0;
}
