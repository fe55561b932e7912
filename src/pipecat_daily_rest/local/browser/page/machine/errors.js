// SPDX-License-Identifier: BSD-2-Clause
// Errors that end a call, as daily-js takes them.

const TYPES = [
  "no-room", "not-allowed", "meeting-full", "exp-room", "exp-token", "nbf-room", "nbf-token", "ejected",
];

// Who waits for something when the call ends is told this.
export const LEFT = "The call was left before this was done.";

// With any other type, or with "no-room" and a sentence without "deleted", daily-js would report
// the error to its vendor.
export function errorOf(kind, sentence) {
  const type = TYPES.includes(kind) ? kind : "not-allowed";
  const msg = type === "no-room" && !sentence.includes("deleted") ? `${sentence} Its rooms are deleted.` : sentence;
  return { errorMsg: msg, error: { type, msg, localizedMsg: msg } };
}
