# SPDX-License-Identifier: BSD-2-Clause
"""What happens between the people in a room."""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from loguru import logger

from pipecat_daily_rest.local.call.messages import Messages
from pipecat_daily_rest.local.call.room import MEDIA, Participant, Room, short_name
from pipecat_daily_rest.local.rules import rights


def set_media(
    participant: Participant,
    media: Mapping[str, str],
    custom_audio: Mapping[str, str] | None = None,
) -> None:
    """Note which tracks somebody sends. Tells nobody.

    Args:
        participant: Who.
        media: Track states, ``playable`` or ``off``.
        custom_audio: The states of all its custom audio tracks, by name; None leaves them.
    """
    participant.media.update(media)
    if custom_audio is not None:
        participant.custom_audio = dict(custom_audio)
    participant.open_feeds()


class Calls(Messages):
    """The calls in the rooms: mutes, rights, and who leaves or is put out."""

    def update(
        self,
        participant: Participant,
        *,
        media: Mapping[str, str] | None = None,
        custom_audio: Mapping[str, str] | None = None,
        user_name: str | None = None,
    ) -> None:
        """Change what others see of somebody, as it wishes: a mute, a new name.

        Args:
            participant: Who.
            media: New track states, ``playable`` or ``off``.
            custom_audio: The states of all its custom audio tracks, by name; None leaves them.
            user_name: New display name.
        """
        change = partial(
            self.change,
            participant,
            media=media,
            custom_audio=custom_audio,
            user_name=user_name,
        )
        if participant.outage is None:
            change()
        else:
            participant.outage.hold(change)

    def change(
        self,
        participant: Participant,
        *,
        media: Mapping[str, str] | None = None,
        custom_audio: Mapping[str, str] | None = None,
        user_name: str | None = None,
    ) -> None:
        """Change what others see of somebody, whether it has a network or not."""
        before = participant.describe()
        set_media(participant, media or {}, custom_audio)
        if user_name is not None:
            participant.user_name = short_name(user_name)
        after = participant.describe()
        joined = participant.id in participant.room.participants
        if joined and after != before and not participant.hidden:
            self.tell(
                participant.room,
                {"event": "participant-updated", "participant": after},
                but=participant,
            )

    def mute(
        self,
        participant: Participant,
        *,
        by: Participant,
        microphone: bool | None = None,
        camera: bool | None = None,
    ) -> None:
        """Switch somebody's inputs, as an owner may.

        Args:
            participant: Whose.
            by: The owner who does it.
            microphone: False is off, None leaves it; True is for owners alone.
            camera: As for the microphone.

        Raises:
            PermissionError: ``by`` is neither an owner nor an admin of participants.
        """
        self._need_admin(by)
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
        """Tell whether somebody may have what another sends."""
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

    def _need_admin(self, by: Participant) -> None:
        if not by.administers:
            msg = "only an owner may change other participants: join with an owner's token"
            raise PermissionError(msg)

    def permit(
        self,
        room: Room,
        changes: Mapping[str, Mapping[str, Any]],
        *,
        by: Participant | None = None,
    ) -> None:
        """Change what people may do, and tell them and the others.

        Reference: https://docs.daily.co/reference/rest-api/rooms/session/update-permissions

        Args:
            room: The room.
            changes: What to change, by session id; ``*`` is for all who are not named.
            by: Who does it; None for whoever has the API key.

        Raises:
            PermissionError: ``by`` is neither an owner nor an admin of participants.
        """
        if by is not None:
            self._need_admin(by)
        for participant in list(room.participants.values()):
            change = changes.get(participant.id, changes.get("*", {}))
            after = rights.changed(participant.permissions, change)
            if after != participant.permissions:
                self._permit(participant, after)

    def _permit(self, participant: Participant, permissions: dict[str, Any]) -> None:
        room, was_hidden, could = participant.room, participant.hidden, participant.administers
        sent = {name for name, kind in MEDIA.items() if participant.may_send(kind)}
        participant.permissions = permissions
        lost = {name for name in sent if not participant.may_send(MEDIA[name])}
        if lost and not self.choices.regained_right_unmutes:
            participant.media.update(dict.fromkeys(lost, "off"))
            off = {name: False if name in lost else None for name in ("microphone", "camera")}
            self.reach([participant], {"event": "mute", "by": participant.id, **off})
        participant.open_feeds()
        described = participant.describe()
        self.record(room.name, f"{participant.kind} has other permissions", participant.id)
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
        self._admins_changed(participant, could)

    def _admins_changed(self, participant: Participant, could: bool) -> None:
        """Somebody may administer participants from now on, or no longer."""

    def speaking(self, room: Room, participant_id: str | None) -> None:
        """Note who speaks loudest, and tell everybody when that changes.

        Args:
            room: The room.
            participant_id: The session id; None leaves the last one.
        """
        participant = room.participants.get(participant_id or "")
        if participant is None or participant.hidden or room.active_speaker == participant_id:
            return
        room.active_speaker = participant_id
        self.tell(room, {"event": "active-speaker-changed", "participant": participant.describe()})

    def leave(self, participant: Participant, reason: str = "leftCall") -> None:
        """Take somebody out of the room and tell the others. A second time does nothing."""
        room = participant.room
        whose = {"participant": participant.id, "meeting": room.meeting_id or ""}
        if room.participants.pop(participant.id, None) is None:
            return
        if participant.ejection is not None:
            participant.ejection.cancel()
        if room.active_speaker == participant.id:
            room.active_speaker = None
        meeting = room.meeting_id
        self._went(participant)
        set_media(participant, dict.fromkeys(MEDIA, "off"), {})
        self.record(room.name, f"{participant.kind} left", f"{participant.id}: {reason}", **whose)
        if not participant.hidden:
            self.tell(
                room,
                {
                    "event": "participant-left",
                    "participant": participant.describe(),
                    "reason": "leftCall",
                },
            )
        self._tell_counts(room)
        self.notify("left", participant)
        if room.meeting_id is None:
            self.notify("meeting ended", (room, meeting))

    def put_out(self, participant: Participant, reason: str) -> None:
        """End somebody's stay against its will."""
        if participant.id in participant.room.participants:
            self.leave(participant, reason)
            try:
                participant.seat.close(reason)
            except Exception as exc:
                logger.error(
                    "Local room {}: a seat does not close: {!r}", participant.room.name, exc
                )

    def eject(
        self, room: Room, targets: list[Participant], *, ban: Collection[str] = ()
    ) -> list[str]:
        """Put people out on request."""
        if room.meeting is not None:
            room.meeting.banned |= set(ban)
        for target in targets:
            self.put_out(target, "ejected")
        return [target.id for target in targets]
