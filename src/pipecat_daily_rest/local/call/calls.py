# SPDX-License-Identifier: BSD-2-Clause
"""Who is in the rooms, what each may do, and what each is told."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, TypedDict, Unpack

from pipecat_daily_rest.local.call.log import Log
from pipecat_daily_rest.local.call.meetings import Meetings
from pipecat_daily_rest.local.call.room import MEDIA, Knock, Participant, Room, short_name
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.rules import rights


class Changes(TypedDict, total=False):
    """What a participant changes about itself.

    Parameters:
        media: New track states, ``playable`` or ``off``.
        custom_audio: The states of all its custom audio tracks, by name; None leaves them.
        user_name: New display name; None leaves it.
    """

    media: Mapping[str, str]
    custom_audio: Mapping[str, str] | None
    user_name: str | None


class Calls:
    """The calls in the rooms. One participant who cannot be told does not disturb the others."""

    def __init__(
        self, log: Log, meetings: Meetings | None = None, choices: Choices | None = None
    ) -> None:
        self.log = log
        self.choices = choices or Choices()
        self._clock = log.clock
        self._meetings = meetings or Meetings(log, choices)

    # -- Joining and leaving ---------------------------------------------------------------

    def enter(self, participant: Participant) -> None:
        """Have a participant join its room, and tell the others."""
        room = participant.room
        room.participants[participant.id] = participant
        try:
            self._meetings.joined(participant)
            self.limit_stay(participant)
            ids = {"participant": participant.id, "meeting": room.meeting_id or ""}
            self.log.record(room.name, f"{participant.kind} joined", participant.id, **ids)
            if not participant.hidden:
                joined = {"event": "participant-joined", "participant": participant.describe()}
                self.tell(room, joined, but=participant)
            self._tell_counts(room)
            if len(room.participants) == 1:
                self.log.notify("meeting started", (room, room.meeting_id))
            self.log.notify("joined", participant)
        except BaseException:
            self.leave(participant, "could not join")
            raise

    def limit_stay(self, participant: Participant) -> None:
        """Set when Daily ejects a participant, by the room and the token as they are now."""
        if participant.ejection is not None:
            participant.ejection.cancel()
            participant.ejection = None
        says = (participant.room.config, participant.rights, participant.joined_at)
        participant.will_eject_at = rights.ejection(*says)
        if participant.will_eject_at is not None:
            why = rights.ejection_reason(*says)
            participant.ejection = self._clock.call_at(
                participant.will_eject_at, lambda: self.eject(participant, why)
            )

    def leave(self, participant: Participant, reason: str = "leftCall") -> None:
        """Take a participant out of its room and tell the others. A second time does nothing."""
        room, meeting = participant.room, participant.room.meeting_id
        ids = {"participant": participant.id, "meeting": meeting or ""}
        if room.participants.pop(participant.id, None) is None:
            return
        if participant.ejection is not None:
            participant.ejection.cancel()
        if room.active_speaker == participant.id:
            room.active_speaker = None
        self._meetings.left(participant)
        participant.set_media(dict.fromkeys(MEDIA, "off"), {})
        self.log.record(room.name, f"{participant.kind} left", f"{participant.id}: {reason}", **ids)
        if not participant.hidden:
            left = {"event": "participant-left", "participant": participant.describe()}
            self.tell(room, {**left, "reason": "leftCall"})
        self._tell_counts(room)
        self.log.notify("left", participant)
        if room.meeting_id is None:
            self.log.notify("meeting ended", (room, meeting))

    def eject(self, participant: Participant, reason: str = "ejected") -> None:
        """Have a participant leave and close its seat; the reason is as in `Seat.close`."""
        if participant.id in participant.room.participants:
            self.leave(participant, reason)
            try:
                participant.seat.close(reason)
            except Exception as exc:
                self.log.failed(participant.room.name, f"the seat of {participant.id} fails", exc)

    def fail(self, participant: Participant, exc: Exception) -> None:
        """Eject a participant whose seat has failed."""
        self.log.failed(participant.room.name, f"{participant.id} is ejected", exc)
        self.eject(participant, "failed")

    # -- Telling ---------------------------------------------------------------------------

    def tell(self, room: Room, event: dict[str, Any], *, but: Participant | None = None) -> None:
        """Tell everybody in a room, but one."""
        room.told.put(event)
        self.reach([other for other in room.participants.values() if other is not but], event)

    def reach(self, targets: Iterable[Participant], event: dict[str, Any]) -> None:
        """Tell some participants. One whose seat fails is ejected after the others were told."""
        failures: list[tuple[Participant, Exception]] = []
        for target in list(targets):
            try:
                target.seat.send(event)
            except Exception as exc:
                failures.append((target, exc))
        for target, failure in failures:
            self.fail(target, failure)

    def _tell_counts(self, room: Room) -> None:
        self.tell(room, {"event": "participant-counts-updated", "counts": room.counts()})

    def tell_of_knock(self, targets: Iterable[Participant], knock: Knock, what: str) -> None:
        """Tell participants that somebody waits (``added``) or no longer does (``removed``)."""
        event = {"event": f"waiting-participant-{what}", "participant": knock.describe()}
        self.reach(targets, event)

    # -- Changes ---------------------------------------------------------------------------

    def update(self, participant: Participant, **changes: Unpack[Changes]) -> None:
        """Have a participant change something about itself; it waits while it has no network."""
        if participant.outage is None:
            self.change(participant, **changes)
        else:
            participant.outage.hold(partial(self.change, participant, **changes))

    def change(self, participant: Participant, **changes: Unpack[Changes]) -> None:
        """Change something about a participant, with or without a network."""
        before = participant.describe()
        participant.set_media(changes.get("media", {}), changes.get("custom_audio"))
        if (user_name := changes.get("user_name")) is not None:
            participant.user_name = short_name(user_name)
        after = participant.describe()
        joined = participant.id in participant.room.participants
        if joined and after != before and not participant.hidden:
            event = {"event": "participant-updated", "participant": after}
            self.tell(participant.room, event, but=participant)
            self.log.notify("changed", participant)

    def mute(
        self,
        participant: Participant,
        *,
        by: Participant,
        microphone: bool | None = None,
        camera: bool | None = None,
    ) -> None:
        """Have an owner switch a participant's inputs: False is off, None leaves it."""
        need_admin(by)
        switched = {"microphone": microphone, "camera": camera}
        if True in switched.values() and not by.is_owner:
            msg = "only an owner may ask others to switch something on: join with an owner's token"
            raise PermissionError(msg)
        event = {"event": "mute", "by": by.id, **switched}
        participant.room.told.put(event)
        self.reach([participant], event)
        # Off is enforced here; on is a request that the person answers.
        off = {name: "off" for name, on in switched.items() if on is False}
        self.change(participant, media=off)

    def may_receive(
        self, listener: Participant, sender: Participant, kind: str, track: str = "*"
    ) -> bool:
        """Tell whether a participant may receive what another sends."""
        # https://docs.daily.co/reference/rest-api/rooms/create-room (enable_hidden_participants)
        if listener.hidden and listener.room.config.get("enable_hidden_participants"):
            if not (listener.is_owner or sender.is_owner):
                return False
        return rights.receives(
            listener.permissions.get("canReceive") or {},
            kind,
            id=sender.id,
            user_id=sender.user_id or sender.id,
            track=track,
            unnamed=self.choices.unnamed_media_received,
        )

    def permit(
        self,
        room: Room,
        changes: Mapping[str, Mapping[str, Any]],
        *,
        by: Participant | None = None,
    ) -> None:
        """Change permissions, by session id; ``*`` is everybody not named, no ``by`` is REST."""
        # https://docs.daily.co/reference/rest-api/rooms/session/update-permissions
        if by is not None:
            need_admin(by)
        for participant in list(room.participants.values()):
            change = changes.get(participant.id, changes.get("*", {}))
            after = rights.changed(participant.permissions, change)
            if after != participant.permissions:
                self._permit(participant, after)

    def _permit(self, participant: Participant, permissions: dict[str, Any]) -> None:
        room, was_hidden = participant.room, participant.hidden
        administered = participant.administers
        sent = {name for name, kind in MEDIA.items() if participant.may_send(kind)}
        participant.permissions = permissions
        lost = {name for name in sent if not participant.may_send(MEDIA[name])}
        if lost and not self.choices.regained_right_unmutes:
            participant.media.update(dict.fromkeys(lost, "off"))
            off = {name: False if name in lost else None for name in ("microphone", "camera")}
            self.reach([participant], {"event": "mute", "by": participant.id, **off})
        participant.open_feeds()
        described = participant.describe()
        self.log.record(room.name, f"{participant.kind} has other permissions", participant.id)
        event: dict[str, Any] = {"event": "participant-updated", "participant": described}
        if participant.hidden and not was_hidden:
            event = {"event": "participant-left", "participant": described, "reason": "hidden"}
            if room.active_speaker == participant.id:
                room.active_speaker = None
        elif was_hidden and not participant.hidden:
            event = {"event": "participant-joined", "participant": described}
        if not (participant.hidden and was_hidden):
            self.tell(room, event, but=participant)
        own = {"event": "participant-updated", "participant": participant.describe(local=True)}
        self.reach([participant], own)
        if participant.hidden != was_hidden:
            self._tell_counts(room)
        if participant.administers != administered:
            for knock in list(room.waiting.values()):
                self.tell_of_knock([participant], knock, "removed" if administered else "added")

    def speaking(self, room: Room, participant_id: str | None) -> None:
        """Note who speaks loudest (None leaves the last one), and tell everybody of a change."""
        participant = room.participants.get(participant_id or "")
        if participant is None or participant.hidden or room.active_speaker == participant_id:
            return
        room.active_speaker = participant_id
        self.tell(room, {"event": "active-speaker-changed", "participant": participant.describe()})


def need_admin(by: Participant) -> None:
    """Refuse a participant who may not change others, with a PermissionError."""
    if not by.administers:
        msg = "only an owner may change other participants: join with an owner's token"
        raise PermissionError(msg)
