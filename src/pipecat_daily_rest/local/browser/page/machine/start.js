// SPDX-License-Identifier: BSD-2-Clause
// The beginning of the bundle: daily-js has noted which call objects wait for their machine.

import { Machine } from "./machine.js";

for (const id of window._daily?.pendings?.splice(0) ?? []) {
  (window._daily.instances[id] ??= { tracks: {} }).callMachine = new Machine(id);
}
