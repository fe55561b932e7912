// SPDX-License-Identifier: BSD-2-Clause
// What daily-js asks the call machine to do. A function gives the answer, or throws a sentence.

import { permissionsForRoom } from "./participants.js";

const AUDIO_OR_VIDEO = ["audio", "video"];
const NOT_YET = { returnPreloadCache: true }; // daily-js keeps it itself until there is a call

export const ACTIONS = {
  // -- Joining and leaving --
  "daily-method-preauth": async (machine, message) => {
    machine.begin(message);
    const answer = await machine.check();
    if (answer.error) return { error: { type: answer.error, msg: answer.info, localizedMsg: answer.info } };
    machine.about = answer.about ?? null;
    machine.emit("access-state-updated", { access: answer.access });
    return { access: answer.access };
  },
  "start-camera": (machine, message) => {
    machine.begin(message);
    return machine.startCamera(message.properties);
  },
  "join-meeting": (machine, message) => machine.join(message),
  "leave-meeting": (machine) => machine.leave(),
  "daily-method-request-access": async (machine, { name }) => {
    if (!machine.inLobby) return { access: { level: "full" }, granted: true };
    machine.emit("access-state-updated", { access: { level: "lobby" }, awaitingAccess: { level: "full" } });
    const answer = await machine.connect(name || machine.properties.userName || "");
    return answer.access || answer.error ? answer : { access: { level: "full" }, granted: true };
  },

  // -- The own inputs --
  "local-audio": (machine, { state, options }) =>
    machine.inputs?.set("audio", state, { discard: options?.forceDiscardTrack === true }),
  "local-video": (machine, { state }) => machine.inputs?.set("video", state),
  "set-allow-local-audio": (machine, { state }) => machine.inputs?.allow("audio", state),
  "set-allow-local-video": (machine, { state }) => machine.inputs?.allow("video", state),
  "get-input-devices": (machine) => machine.inputs?.devices() ?? NOT_YET,
  "enumerate-devices": async () => ({
    devices: (await navigator.mediaDevices.enumerateDevices()).map((device) => device.toJSON()),
  }),
  "set-input-devices": async (machine, { audioDeviceId, videoDeviceId }) => {
    if (!machine.inputs) return NOT_YET;
    if (audioDeviceId) await machine.inputs.change("audio", { deviceId: audioDeviceId });
    if (videoDeviceId) await machine.inputs.change("video", { deviceId: videoDeviceId });
    return machine.tellDevices();
  },
  "set-output-device": (machine, { outputDeviceId }) => {
    if (!machine.inputs) return NOT_YET;
    machine.inputs.speaker = outputDeviceId;
    return machine.tellDevices();
  },
  "set-camera": async (machine, { cameraDeviceId }) => {
    await machine.inputs?.change("video", { deviceId: cameraDeviceId });
    return { device: (await machine.inputs?.devices())?.camera };
  },
  "cycle-camera": async (machine) => ({ device: (await machine.inputs?.next("video")) ?? null }),
  "cycle-mic": async (machine) => ({ device: (await machine.inputs?.next("audio")) ?? null }),
  "get-camera-facing-mode": () => ({ facingMode: null }),
  "update-input-settings": async (machine, { inputSettings }) => {
    if (!machine.inputs) return NOT_YET;
    const given = AUDIO_OR_VIDEO.filter((kind) => inputSettings[kind]);
    for (const kind of given) {
      const { type = "none" } = inputSettings[kind].processor ?? {};
      if (type !== "none") throw new Error(`A local room processes neither sound nor pictures: no processor ${type}.`);
    }
    for (const kind of given) {
      if (inputSettings[kind].settings) await machine.inputs.change(kind, inputSettings[kind].settings);
    }
    const settings = AUDIO_OR_VIDEO.map((kind) => [
      kind, { settings: machine.inputs.settings[kind], processor: { type: "none" } },
    ]);
    return { inputSettings: Object.fromEntries(settings) };
  },
  "local-screen-start": async (machine, { captureOptions = {} }) => {
    if (!machine.maySend("screenVideo")) {
      screenFailed(machine, "The room or the token does not allow to share a screen.");
      return;
    }
    try {
      const shared = await machine.inputs.share(captureOptions);
      if (!shared) machine.emit("local-screen-share-canceled");
    } catch (error) {
      machine.emit("local-screen-share-canceled");
      screenFailed(machine, `The screen is not shared: ${error.message || error.name}.`);
    }
  },
  "local-screen-stop": (machine) => machine.inputs?.unshare(),
  "start-local-audio-level-observer": (machine, { interval }) => {
    if (!machine.inputs) throw new Error("The microphone was not started yet: join, or call startCamera().");
    machine.levels.observe("local", interval);
  },
  "stop-local-audio-level-observer": (machine) => machine.levels.unobserve("local"),
  "start-remote-participants-audio-level-observer": (machine, { interval }) => machine.levels.observe("remote", interval),
  "stop-remote-participants-audio-level-observer": (machine) => machine.levels.unobserve("remote"),

  // -- The own participant --
  "set-user-name": (machine, { name }) => {
    machine.properties.userName = name;
    if (!machine.inputs) return { userName: name };
    machine.me.info.userName = name;
    machine.call?.tell({ event: "update", userName: name });
    machine.tellLocal();
    return { userName: name };
  },
  "set-user-data": (machine, { userData }) => {
    machine.properties.userData = userData;
    machine.tellLocal();
    return { userData };
  },

  // -- The others --
  "app-msg": (machine, { data, to }) => {
    if (machine.call?.tell({ event: "app-message", message: data, recipient: to })) return;
    throw new Error("The message was not sent: it is too large, or the room was left.");
  },
  "update-participant": (machine, { id, properties }) => updateParticipant(machine, id, properties),
  "update-participants": (machine, { participants }) => {
    for (const [id, properties] of Object.entries(participants)) updateParticipant(machine, id, properties);
  },
  "daily-method-update-waiting-participant": (machine, { id, updates }) => {
    decide(machine, id, updates);
    return { id };
  },
  "daily-method-update-waiting-participants": (machine, { updatesById }) => {
    for (const [id, updates] of Object.entries(updatesById)) decide(machine, id, updates);
    return { ids: Object.keys(updatesById) };
  },
  "daily-method-subscribe-to-tracks-automatically": (machine, { enabled }) => {
    machine.automatic = enabled;
    machine.remote?.automatically(enabled);
  },
  "update-receive-settings": (machine, { receiveSettings }) => {
    machine.receiveSettings = { ...machine.receiveSettings, ...receiveSettings };
    machine.emit("receive-settings-updated", { receiveSettings: machine.receiveSettings });
    return { receiveSettings: machine.receiveSettings };
  },
  "get-single-participant-receive-settings": (machine, { id }) => ({
    receiveSettings: machine.receiveSettings[id] ?? machine.receiveSettings.base ?? {},
  }),
  "update-send-settings": (machine, { sendSettings }) => {
    machine.sendSettings = { ...machine.sendSettings, ...sendSettings };
    machine.emit("send-settings-updated", { sendSettings: machine.sendSettings });
    return { sendSettings: machine.sendSettings };
  },

  // -- The room --
  "lib-room-info": (machine, { includeRoomConfigDefaults }) => {
    if (!machine.about) return {};
    const { room, roomDefaults, mostMessage } = machine.about;
    const config = includeRoomConfigDefaults === false ? room.config : { ...roomDefaults, ...room.config };
    return { ...room, config, domainConfig: { ...room.domainConfig, max_app_message_size: mostMessage ?? 65_536 } };
  },
  "get-meeting-session": (machine) => ({ meetingSession: { id: machine.about?.meeting ?? "" } }),
  "get-network-topology": () => ({ topology: "sfu" }),
  "get-daily-lang": () => ({ lang: "en", lang_setting: "en" }),
  "get-cpu-load-stats": () => ({ cpuStats: { cpuLoadState: "low", cpuLoadStateReason: "none", stats: {} } }),
  "get-calc-stats": (machine) => networkStats(machine),
  "get-sidebar-view": () => ({ view: null }),
  "test-call-quality": () => ({ results: { result: "aborted", secondsElapsed: 0 } }),
};

function screenFailed(machine, errorMsg) {
  machine.emit("nonfatal-error", { type: "screen-share-error", errorMsg });
}

function decide(machine, id, { grantRequestedAccess }) {
  machine.call?.tell({ event: "decide", id, letIn: grantRequestedAccess === true });
}

function updateParticipant(machine, id, properties) {
  const { setAudio, setVideo, setScreenShare, setSubscribedTracks, eject, updatePermissions } = properties;
  if (id === "local" || id === machine.call?.id) {
    if (setAudio !== undefined) machine.inputs?.set("audio", setAudio);
    if (setVideo !== undefined) machine.inputs?.set("video", setVideo);
    if (setScreenShare === false) machine.inputs?.unshare();
    return;
  }
  if (setSubscribedTracks !== undefined) machine.remote?.subscribe(id, setSubscribedTracks);
  const change = { microphone: setAudio, camera: setVideo, eject };
  if (updatePermissions) change.permissions = permissionsForRoom(updatePermissions);
  if (Object.values(change).some((given) => given !== undefined)) {
    const others = id === "*" ? [...(machine.call?.people.keys() ?? [])].filter((each) => each !== machine.call.id) : [id];
    for (const other of others) machine.call?.tell({ event: "change", id: other, ...change });
  }
}

// Bits of sound per second since the app asked last; the pictures have a connection of their own.
async function networkStats(machine) {
  const totals = { sent: 0, received: 0, roundTrip: null };
  const reports = machine.call?.joined ? await machine.call.pc.getStats() : [];
  reports.forEach((report) => {
    if (report.type === "outbound-rtp") totals.sent += report.bytesSent;
    if (report.type === "inbound-rtp") totals.received += report.bytesReceived;
    if (report.type === "candidate-pair" && report.nominated) totals.roundTrip = report.currentRoundTripTime ?? null;
  });
  const now = Date.now();
  const before = machine.statsBefore ?? { at: now, sent: totals.sent, received: totals.received };
  machine.statsBefore = { at: now, ...totals };
  const perSecond = (name) => (now > before.at ? ((totals[name] - before[name]) * 8000) / (now - before.at) : 0);
  const latest = {
    timestamp: now,
    recvBitsPerSecond: perSecond("received"),
    sendBitsPerSecond: perSecond("sent"),
    networkRoundTripTime: totals.roundTrip,
  };
  return { stats: { latest } };
}
