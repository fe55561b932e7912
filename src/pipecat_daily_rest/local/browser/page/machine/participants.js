// SPDX-License-Identifier: BSD-2-Clause
// Participants, as daily-js takes them: https://docs.daily.co/reference/daily-js/instance-methods/participants

// The tracks of a participant: the room's name for each, daily-js's name, the kind of the stream that
// it is found by, and the kind of the track.
export const TRACKS = {
  microphone: { name: "audio", stream: "cam", kind: "audio" },
  camera: { name: "video", stream: "cam", kind: "video" },
  screenAudio: { name: "screenAudio", stream: "screen", kind: "audio" },
  screenVideo: { name: "screenVideo", stream: "screen", kind: "video" },
};
const WHY_OFF = { sendPermission: "byCanSendPermission", user: "byUser" };

// Describes one of the room's participants. `stateOf(source, media)` gives the state of a track, as
// `{ state, subscribed, … }`.
export function describe(participant, { local = false, userData, stateOf }) {
  const { info, media } = participant;
  const tracks = {};
  for (const [source, { name }] of Object.entries(TRACKS)) tracks[name] = stateOf(source, media[source]);
  for (const [name, state] of Object.entries(media.customAudio ?? {})) {
    tracks[name] = { ...stateOf(`customAudio/${name}`, state), kind: "audio" };
  }
  const plays = ({ state }) => state === "playable";
  return {
    session_id: participant.id,
    user_id: info.userId,
    user_name: info.userName,
    ...(userData === undefined ? {} : { userData }),
    local,
    owner: info.isOwner,
    joined_at: new Date(info.joinedAt * 1000),
    will_eject_at: new Date(0),
    participantType: "person",
    record: false,
    permissions: permissionsOf(info.permissions),
    audio: plays(tracks.audio),
    video: plays(tracks.video),
    screen: plays(tracks.screenVideo),
    tracks,
    cam_info: {},
    screen_info: {},
    networkThreshold: "good",
    networkQualityState: "good",
  };
}

export function isOff(media) {
  return media === undefined || media.state === "off";
}

export function off(media) {
  const why = media?.offReasons?.[0] ?? "user";
  return { subscribed: false, state: "off", off: { [WHY_OFF[why] ?? "byUser"]: true } };
}

function permissionsOf({ hasPresence, canSend, canReceive, canAdmin }) {
  return { hasPresence, canSend: asSet(canSend), canReceive, canAdmin: asSet(canAdmin) };
}

const asSet = (granted) => (Array.isArray(granted) ? new Set(granted) : granted);

// The room takes lists where daily-js has sets.
export function permissionsForRoom(permissions) {
  const entries = Object.entries(permissions).map(([name, given]) => [name, given instanceof Set ? [...given] : given]);
  return Object.fromEntries(entries);
}

// Somebody who has not joined yet: the own participant of a call that only has its camera started.
export function newcomer(id, userName) {
  const permissions = { hasPresence: true, canSend: true, canReceive: { base: true }, canAdmin: false };
  const info = { userId: id, userName, isOwner: false, joinedAt: Date.now() / 1000, permissions };
  return { id, info, media: {} };
}
