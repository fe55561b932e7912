// SPDX-License-Identifier: BSD-2-Clause
// The door of the room: waiting to be let in, and letting others in.

import { $, element, show } from "./view.js";

export function showWaitingRoom() {
  const sentence = "You have knocked. Whoever leads the call sees it and lets you in: leave this page open.";
  show("waiting", "Waiting to be let in", { sentence });
  $("giveup").focus();
}

// Who waits, for those who may let them in; `decide` takes the session id and whether they come in.
export function showDoor(waiting, decide) {
  const items = [...waiting.values()].map(({ id, name }) => {
    const item = document.createElement("li");
    item.dataset.id = id;
    item.append(element("span", "who", name || "Guest"));
    for (const [label, letIn] of [["Let in", true], ["Turn away", false]]) {
      const button = element("button", letIn ? "primary" : "", label);
      button.type = "button";
      button.setAttribute("aria-label", `${label}: ${name || "Guest"}`);
      button.addEventListener("click", () => decide(id, letIn));
      item.append(button);
    }
    return item;
  });
  $("waiting").replaceChildren(...items);
  $("door").hidden = items.length === 0;
}
