# SPDX-License-Identifier: BSD-2-Clause
"""Who may come into a room, and coming in."""

import uuid
from collections.abc import Mapping
from typing import Any

from pipecat_daily_rest.local.call.calls import set_media
from pipecat_daily_rest.local.call.clock import Clock
from pipecat_daily_rest.local.call.lobby import Lobby
from pipecat_daily_rest.local.call.room import (
    Caller,
    JoinRefused,
    Knock,
    Participant,
    Room,
    short_name,
)
from pipecat_daily_rest.local.call.seat import Seat
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.rules import claims
from pipecat_daily_rest.local.rules.rights import ejection, ejection_reason, permissions, start_off

MAX_PARTICIPANTS = 200  # Daily's default for a room


class Arrivals(Lobby):
    """The rooms, and how one comes into them: with a token or without, at once or after a knock."""

    def __init__(self, *, api_key: str, clock: Clock, choices: Choices) -> None:
        """Initialize without rooms."""
        super().__init__(clock, choices)
        self.api_key = api_key
        # A new local Daily with the same key is the same account: its tokens go on to be good.
        self.domain_id = str(uuid.uuid5(uuid.NAMESPACE_URL, api_key))
        self.domain: dict[str, Any] = {}  # the properties that were set
        self.rooms: dict[str, Room] = {}

    def expired(self, room: Room) -> bool:
        """Tell whether a room's ``exp`` is over."""
        exp = room.config.get("exp")
        return exp is not None and exp <= self.clock.now()

    def read_token(
        self, token: str, *, room: str | None = None, ignore_nbf: bool = False
    ) -> dict[str, Any]:
        """Verify a meeting token.

        Args:
            token: The JWT.
            room: The room that it has to open; any when None.
            ignore_nbf: Whether one that is not valid yet passes.

        Returns:
            Its properties by their long names.

        Raises:
            BadToken: It opens nothing here.
        """
        rights = claims.read(
            token,
            api_key=self.api_key,
            domain_id=self.domain_id,
            now=self.clock.now(),
            ignore_nbf=ignore_nbf,
            ignore_unknown=self.choices.unknown_claims == "ignore",
        )
        if room is not None and rights.get("room_name") not in (None, room):
            raise claims.BadToken("not-allowed", "the token is for another room")
        return rights

    def admit(self, name: str, token: str | None) -> tuple[Room, dict[str, Any]]:
        """Decide whether somebody may come in.

        Args:
            name: The room's name.
            token: The meeting token, or None.

        Returns:
            The room, and the token's properties.

        Raises:
            JoinRefused: No, and why.
        """
        now = self.clock.now()
        room = self.rooms.get(name)
        if room is None:
            msg = f"There is no room {name!r} here: it was deleted or never made. Start the bot again for a new link."
            raise JoinRefused("no-room", msg)
        if self.expired(room):
            msg = f"The room {name!r} has expired. Start the bot again for a new link."
            raise JoinRefused("exp-room", msg)
        if room.config.get("nbf") is not None and room.config["nbf"] > now:
            raise JoinRefused("nbf-room", f"The room {name!r} is not open yet. Try again later.")
        rights: dict[str, Any] = {}
        if token:
            try:
                rights = self.read_token(token, room=name)
            except claims.BadToken as exc:
                if room.privacy != "public" or not self.choices.public_room_ignores_bad_token:
                    msg = f"This link does not open the room: {exc}. Ask for a new link."
                    raise JoinRefused(exc.kind, msg) from exc
        elif room.privacy != "public" and not room.config.get("enable_knocking"):
            msg = "This room is private: it needs a link with a token (…?t=…). Use the one that was printed for you."
            raise JoinRefused("not-allowed", msg)
        if rights.get("knocking") is True and not room.config.get("enable_knocking"):
            if self.choices.knocking_without_lobby_refused:
                msg = "This token makes whoever has it knock first, and the room has no enable_knocking: make one without knocking."
                raise JoinRefused("not-allowed", msg)
        if room.meeting is not None and rights.get("user_id") in room.meeting.banned:
            raise JoinRefused("ejected", "You were removed from this call and may not come back.")
        if not (self._must_knock(room, token, rights) and self.choices.knock_in_full_room):
            self._need_place(room, rights)
        return room, rights

    def _need_place(self, room: Room, rights: Mapping[str, Any]) -> None:
        limit = room.config.get("max_participants", MAX_PARTICIPANTS)
        leave = self._replaced(room, rights) if self.choices.replacing_in_full_room else []
        if len(room.participants) - len(leave) >= limit:
            msg = f"The room is full ({limit} participants). Try again when somebody has left."
            raise JoinRefused("meeting-full", msg)

    def _replaced(self, room: Room, rights: Mapping[str, Any]) -> list[Participant]:
        """Who has to leave for somebody with the same user id."""
        user_id = rights.get("user_id")
        if user_id is None or not {**self.domain, **room.config}.get("enforce_unique_user_ids"):
            return []
        return [each for each in room.participants.values() if each.user_id == user_id]

    def _must_knock(self, room: Room, token: str | None, rights: Mapping[str, Any]) -> bool:
        """Who has no token where one is needed, or one that says so."""
        uninvited = not token and room.privacy != "public"
        knocks = uninvited or rights.get("knocking") is True
        return knocks and room.config.get("enable_knocking") is True

    def join(
        self,
        name: str,
        token: str | None,
        seat: Seat,
        *,
        kind: str,
        user_name: str = "",
        media: Mapping[str, str] | None = None,
        custom_audio: Mapping[str, str] | None = None,
    ) -> Participant:
        """Let somebody in and tell the others.

        Args:
            name: The room's name.
            token: The meeting token, or None.
            seat: How to reach the newcomer.
            kind: ``bot``, ``person``, ``phone`` or ``scripted``.
            user_name: Display name when the token has none.
            media: State of its tracks at the start.
            custom_audio: The same of its custom audio tracks, by name.

        Returns:
            The participant. Who was there before is in ``participant.room.participants``.

        Raises:
            JoinRefused: It may not come in, or not without knocking.
        """
        room, rights = self.admit(name, token)
        if self._must_knock(room, token, rights):
            msg = "Whoever comes to this room without a token, or with one that says so, knocks and is let in by an owner: use a link with a token."
            raise JoinRefused("not-allowed", msg)
        return self._come_in(
            room,
            rights,
            seat,
            kind=kind,
            user_name=user_name,
            media=media or {},
            custom_audio=custom_audio,
        )

    def come(
        self,
        name: str,
        token: str | None,
        seat: Seat,
        caller: Caller,
        *,
        kind: str,
        user_name: str = "",
        media: Mapping[str, str] | None = None,
        custom_audio: Mapping[str, str] | None = None,
    ) -> Participant | Knock:
        """Let somebody in as `join` does, or have it wait at the door if it has to."""
        room, rights = self.admit(name, token)
        if not self._must_knock(room, token, rights):
            return self._come_in(
                room,
                rights,
                seat,
                kind=kind,
                user_name=user_name,
                media=media or {},
                custom_audio=custom_audio,
            )
        knock = Knock(
            room=room,
            token=token,
            seat=seat,
            caller=caller,
            kind=kind,
            user_name=short_name(rights.get("user_name") or user_name),
            user_id=rights.get("user_id"),
            is_owner=rights.get("is_owner") is True,
            permissions=permissions(room.config, rights, self.domain),
            media=media or {},
            custom_audio=custom_audio,
            joined_at=self.clock.now(),
        )
        self._wait(knock)
        return knock

    def _limit_stay(self, participant: Participant) -> None:
        """Fix when it is put out, by what the room and the token say now."""
        if participant.ejection is not None:
            participant.ejection.cancel()
            participant.ejection = None
        says = (participant.room.config, participant.rights, participant.joined_at)
        participant.will_eject_at = ejection(*says)
        if participant.will_eject_at is not None:
            why = ejection_reason(*says)
            participant.ejection = self.clock.call_at(
                participant.will_eject_at, lambda: self.put_out(participant, why)
            )

    def _come_in(
        self,
        room: Room,
        rights: Mapping[str, Any],
        seat: Seat,
        *,
        kind: str,
        user_name: str,
        media: Mapping[str, str],
        custom_audio: Mapping[str, str] | None,
        id: str | None = None,
    ) -> Participant:
        self._need_place(room, rights)
        now = self.clock.now()
        participant = Participant(
            id=id or str(uuid.uuid4()),
            room=room,
            seat=seat,
            kind=kind,
            user_name=short_name(rights.get("user_name") or user_name),
            user_id=rights.get("user_id"),
            is_owner=rights.get("is_owner") is True,
            permissions=permissions(room.config, rights, self.domain),
            joined_at=now,
            rights=rights,
            may_share={**self.domain, **room.config, **rights}.get("enable_screenshare")
            is not False,
        )
        off = start_off(room.config, rights)
        if kind == "bot" and not self.choices.start_off_for_bots:
            off = {}
        set_media(participant, {**media, **off}, custom_audio)
        for other in self._replaced(room, rights):
            self.put_out(other, "replaced")
        room.participants[participant.id] = participant
        try:
            self._arrive(participant)
        except BaseException:
            self.leave(participant, "could not come in")
            raise
        return participant

    def _arrive(self, participant: Participant) -> None:
        """It is in: everybody else is told."""
        room = participant.room
        self._came(participant)
        self._limit_stay(participant)
        whose = {"participant": participant.id, "meeting": room.meeting_id or ""}
        self.record(room.name, f"{participant.kind} joined", participant.id, **whose)
        if not participant.hidden:
            self.tell(
                room,
                {"event": "participant-joined", "participant": participant.describe()},
                but=participant,
            )
        self._tell_counts(room)
        if len(room.participants) == 1:
            self.notify("meeting started", (room, room.meeting_id))
        self.notify("joined", participant)
