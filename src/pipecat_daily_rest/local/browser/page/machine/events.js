// SPDX-License-Identifier: BSD-2-Clause
// Turns the events of the room into those of daily-js. Its rule: a participant is known before its tracks
// start, so "participant-joined" comes with tracks that are still loading.

import { GONE, SENTENCES } from "../sentences.js";

export function roomEvents(machine) {
  const tellWaiting = ({ event, participant }) => {
    const allWaitingParticipants = Object.fromEntries(machine.call.waiting);
    machine.emit(event, { participant, allWaitingParticipants });
  };
  return {
    joined: (event) => {
      const { call, inputs, inLobby, remote } = machine;
      machine.about = event.about;
      machine.inLobby = false;
      remote.open();
      machine.emit("access-state-updated", { access: { level: "full" } });
      machine.emit("meeting-session-summary-updated", { meetingSession: { id: event.about.meeting } });
      const { sessionData: data } = event.about;
      machine.emit("meeting-session-state-updated", { meetingSessionState: { data, topology: "sfu" } });
      machine.emit("network-connection", { type: "signaling", event: "connected" });
      machine.emit("network-connection", { type: "sfu", event: "connected" });
      machine.emit("network-quality-change", { state: { state: "good", reasons: [] }, threshold: "good", quality: 100 });
      if (!inLobby) machine.tellJoined();
      machine.tellLocal();
      call.tell({ event: "update", microphone: inputs.isOn("audio") }); // it may have changed meanwhile
      for (const [source, track] of [["camera", inputs.track("video")], ["screenVideo", inputs.screen]]) {
        const on = source === "camera" ? inputs.isOn("video") : Boolean(track);
        if (on) call.tell({ event: "update", [source]: true });
        if (on) remote.pictures.send(source, track);
      }
      for (const id of call.people.keys()) if (id !== call.id) machine.tellOf(id, "participant-joined");
      for (const each of event.waiting) tellWaiting({ event: "waiting-participant-added", participant: each });
      machine.emit("participant-counts-updated", { participantCounts: event.about.counts });
      if (event.about.activeSpeaker) machine.emit("active-speaker-change", { activeSpeaker: { peerId: event.about.activeSpeaker } });
      remote.update();
      machine.answered({});
    },
    refused: ({ error, info }) => {
      if (machine.inLobby) machine.answered({ access: { level: "lobby" }, granted: false });
      else machine.fail(error, info);
    },
    closed: ({ error, reason }) => machine.fail(error, SENTENCES[reason] ?? "The room ended the call."),
    ended: async (reason) => {
      const { call } = machine;
      if (!call.joined && reason === "no-connection") {
        // As the answer it rejects the join; as an event daily-js would report it to its vendor.
        const msg = SENTENCES[reason];
        machine.forget({ type: "connection-error", msg, localizedMsg: msg });
        return;
      }
      const { error } = await machine.check();
      if (machine.call === call) machine.fail(error ? "no-room" : "ejected", error ? GONE : SENTENCES.lost);
    },
    interrupted: (yes) => machine.emit("network-connection", { type: "sfu", event: yes ? "interrupted" : "connected" }),
    "participant-joined": ({ participant }) => {
      machine.tellOf(participant.id, "participant-joined");
      machine.remote.update();
    },
    "participant-updated": ({ participant }) => {
      if (participant.id === machine.call.id) {
        machine.tellLocal();
        return;
      }
      machine.remote.update();
      machine.tellOf(participant.id);
    },
    "participant-left": ({ participant, reason }) => {
      machine.emit("participant-left", { participant: machine.describe(participant), reason });
      machine.remote.forget(participant.id);
      machine.remote.update();
    },
    "participant-counts-updated": ({ counts }) => machine.emit("participant-counts-updated", { participantCounts: counts }),
    "active-speaker-changed": ({ participant }) =>
      machine.emit("active-speaker-change", { activeSpeaker: { peerId: participant.id } }),
    "app-message": ({ message, sender }) => machine.emit("app-message", { data: message, fromId: sender }),
    "mute": ({ microphone, camera }) => {
      if (microphone === false) machine.inputs.set("audio", false, { remotely: true });
      if (camera === false) machine.inputs.set("video", false, { remotely: true });
    },
    "pictures": (event) => machine.remote.pictures.answer(event),
    "wanted": ({ source, wanted }) => machine.remote.pictures.wanted(source, wanted),
    "waiting-participant-added": tellWaiting,
    "waiting-participant-removed": tellWaiting,
    "network-connection-status-updated": ({ status }) => {
      if (status.connection === "signalling") machine.emit("network-connection", { type: "signaling", event: status.event });
    },
    "not-sent": ({ info }) => machine.emit("nonfatal-error", { type: "app-msg", errorMsg: `The message was not sent: ${info}.` }),
    "not-done": ({ info }) => machine.emit("nonfatal-error", { type: "update-participant", errorMsg: info }),
    "recording-started": ({ status }) => machine.emit("recording-started", { ...status, instanceId: status.streamId }),
    "recording-stopped": ({ streamId }) => machine.emit("recording-stopped", { instanceId: streamId }),
    "recording-error": ({ streamId, message }) => machine.emit("recording-error", { instanceId: streamId, errorMsg: message }),
    "transcription-started": ({ status }) => machine.emit("transcription-started", status),
    "transcription-message": ({ message }) => machine.emit("transcription-message", message),
    "transcription-error": ({ message }) => machine.emit("transcription-error", { errorMsg: message }),
    "transcription-stopped": ({ updatedBy }) => machine.emit("transcription-stopped", { updatedBy }),
    "dialin-ready": ({ sipEndpoint }) => machine.emit("dialin-ready", { sipEndpoint }),
    ...Object.fromEntries(
      [
        "dialin-connected", "dialin-stopped", "dialin-warning", "dialin-error", "dialout-answered",
        "dialout-connected", "dialout-stopped", "dialout-warning", "dialout-error", "dtmf-event",
      ].map((name) => [name, ({ data }) => machine.emit(name, data)]),
    ),
  };
}
