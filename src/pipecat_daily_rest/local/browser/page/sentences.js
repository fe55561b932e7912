// SPDX-License-Identifier: BSD-2-Clause
// What the page says when something does not work, and what a person can do then.

export const SENTENCES = {
  "room-deleted": "The room was deleted: the bot has ended or was stopped. Start it again and open its new link.",
  "room-expired": "The room has expired. Start the bot again and open its new link.",
  "token-expired": "Your link has expired. Ask for a new one.",
  "time-over": "Your time in this room is over. Ask for a new link to come back.",
  "ejected": "You were removed from the room.",
  "replaced": "You joined again from somewhere else, so this page left the room.",
  "network-lost": "You had no network for too long, so you were removed from the room. Join again.",
  "shutdown": "The local Daily was stopped. Start the bot again and open its new link.",
  "failed": "Something went wrong in the room, so you were disconnected. The log of the local Daily says more. Join again.",
  "lost": "The connection to the room was lost. Check that the bot's program is still running, then join again.",
  "unreachable": "The local Daily does not answer. Check that the bot's program is still running, then join again.",
  "no-connection":
    "Sound cannot get through between this browser and the room. Switch off a VPN or a firewall " +
    "that blocks UDP on this computer, and browser extensions that block WebRTC; with no network at all, start " +
    "Chromium with --allow-loopback-in-peer-connection. Then join again.",
};

// For an app: its local Daily has ended.
export const GONE =
  "The local Daily does not answer: it has ended, and its rooms are deleted. Start the bot again and join its new room.";

export const CAMERA = {
  NotAllowedError: "The browser may not use the camera. Allow it in the address bar, then press “Camera” again.",
  NotFoundError: "No camera was found. Plug one in, then press “Camera” again.",
  NotReadableError: "Another program uses the camera. Close it, then press “Camera” again.",
  insecure: "Browsers give the camera only to pages from localhost or https. Open the link on the computer that runs the bot.",
  gone: "The camera is gone. Plug it in again, then press “Camera”.",
  other: "The camera could not be opened.",
};

export const SCREEN = {
  NotAllowedError:
    "Nothing is shared: no screen was chosen, or the browser may not record it. Press “Share screen” again " +
    "and choose one; if nothing can be chosen, allow screen recording for the browser in the system's settings.",
  insecure: "Browsers share the screen only on pages from localhost or https. Open the link on the computer that runs the bot.",
  other: "The screen could not be shared.",
};

export const VIDEO = {
  forbidden: "You may no longer show this, so it was switched off.",
  failed: "Pictures cannot get through between this browser and the room; the sound still works. To try again, leave and join again.",
};

export const MICROPHONE = {
  NotAllowedError: "The browser may not use the microphone, so you are only listening. Allow it in the address bar, then press “Use microphone”.",
  NotFoundError: "No microphone was found, so you are only listening. Plug one in, then press “Use microphone”.",
  NotReadableError: "Another program uses the microphone, so you are only listening. Close it, then press “Use microphone”.",
  insecure: "Browsers give the microphone only to pages from localhost or https, so you are only listening. Open the link on the computer that runs the bot.",
  other: "The microphone could not be opened, so you are only listening.",
};
