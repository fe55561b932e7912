// SPDX-License-Identifier: BSD-2-Clause
// What a local room does not have, and how daily-js is told so.

const NO_RECORDING = "In a local room, a bot or REST starts and stops recordings: POST /rooms/:name/recordings/start.";
const NO_STREAM = "A local room streams nothing.";
const BOTS_ONLY = "In a local room, only a bot can do this: its program, or a test, holds the telephone.";

// By the action: the sentence. Who waits for an answer gets it as `error`.
export const REFUSED = {
  "local-recording-start": NO_RECORDING,
  "local-recording-stop": NO_RECORDING,
  "daily-method-update-recording": NO_RECORDING,
  "daily-method-start-live-streaming": NO_STREAM,
  "daily-method-update-live-streaming": NO_STREAM,
  "daily-method-update-live-streaming-endpoints": NO_STREAM,
  "daily-method-stop-live-streaming": NO_STREAM,
  "daily-method-start-remote-media-player": "A local room plays no files.",
  "daily-method-update-remote-media-player": "A local room plays no files.",
  "daily-method-stop-remote-media-player": "A local room plays no files.",
  "daily-method-start-transcription": "In a local room, a bot starts the transcription, or a test says what was said.",
  "daily-method-update-transcription": "In a local room, a bot changes the transcription.",
  "daily-method-stop-transcription": "In a local room, a bot stops the transcription.",
  "dialin-start": BOTS_ONLY,
  "dialout-start": BOTS_ONLY,
  "dialout-stop": BOTS_ONLY,
  "send-dtmf": BOTS_ONLY,
  "sip-call-transfer": BOTS_ONLY,
  "start-custom-track": "A local room takes custom tracks from bots only.",
  "stop-custom-track": "A local room takes custom tracks from bots only.",
  "set-session-data": "In a local room, the session's data is set by REST: POST /rooms/:name/set-session-data.",
  "set-network-topology": "A local room has one topology: all goes through the room.",
  "test-network-connectivity": "A local room has no network in between that could be tested.",
  "test-websocket-connectivity": "A local room has no network in between that could be tested.",
  "test-p2p-call-quality": "A local room has no network in between that could be tested.",
  "add-fake-participant": "A local room has no fake participants: a test joins scripted ones, with LocalDaily.join().",
};

// The event with which daily-js tells of such an error where nobody waits for an answer.
const EVENTS = {
  "local-recording-start": "recording-error",
  "local-recording-stop": "recording-error",
  "daily-method-update-recording": "recording-error",
  "daily-method-start-live-streaming": "live-streaming-error",
  "daily-method-update-live-streaming": "live-streaming-error",
  "daily-method-update-live-streaming-endpoints": "live-streaming-error",
  "daily-method-stop-live-streaming": "live-streaming-error",
  "daily-method-start-transcription": "transcription-error",
  "daily-method-update-transcription": "transcription-error",
  "daily-method-stop-transcription": "transcription-error",
};

export function refusal(action, errorMsg) {
  const name = EVENTS[action];
  return name ? { action: name, errorMsg } : { action: "nonfatal-error", type: action, errorMsg };
}

// Accepted, and without effect: there is nothing in a local room that it would change, or only Daily's
// Prebuilt has it.
export const IGNORED = new Set([
  "transmit-log",
  "load-css",
  "set-bandwidth",
  "set-proxy-url",
  "set-ice-config",
  "set-daily-lang",
  "daily-method-set-play-ding",
  "set-active-speaker-mode",
  "abort-test-network-connectivity",
  "abort-test-websocket-connectivity",
  "stop-test-call-quality",
  "stop-test-p2p-call-quality",
  "local-screen-update",
  "iframe-launch-config",
  "fullscreen",
  "exited-fullscreen",
  "set-show-names",
  "set-show-local-video",
  "set-show-participants-bar",
  "set-custom-integrations",
  "start-custom-integrations",
  "stop-custom-integrations",
  "update-custom-tray-buttons",
  "set-theme",
  "set-sidebar-view",
]);
