// SPDX-License-Identifier: BSD-2-Clause
// Captions: the words that are spoken now, large, for those who switch them on.

import { $ } from "./view.js";

const LONGEST = 140; // characters at a time
const STAY = 4000; // ms, and for each character
const READ = 50;
const REMEMBERED = "local room: captions";

let timer = 0;

// `spoken` is how many characters of the text have been said.
export function caption(who, text, spoken = text.length) {
  const end = Math.max(LONGEST, spoken);
  const from = end - LONGEST > 0 ? text.indexOf(" ", Math.min(end, text.length) - LONGEST) + 1 : 0;
  const words = text.slice(from, end);
  const [name, shown] = $("caption").children;
  name.textContent = who;
  shown.textContent = words;
  clearTimeout(timer);
  timer = setTimeout(clearCaption, STAY + READ * words.length);
}

export function clearCaption() {
  for (const part of $("caption").children) part.textContent = "";
}

export function showCaptions(joined) {
  const on = localStorage.getItem(REMEMBERED) !== null;
  $("captions").setAttribute("aria-pressed", String(on));
  $("caption").hidden = !(on && joined);
}

export function toggleCaptions() {
  if (localStorage.getItem(REMEMBERED) !== null) localStorage.removeItem(REMEMBERED);
  else localStorage.setItem(REMEMBERED, "on");
  showCaptions(true);
}
