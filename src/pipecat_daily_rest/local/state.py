# SPDX-License-Identifier: BSD-2-Clause
"""Rooms, tokens, participants and their time: what the local Daily knows. No HTTP, no media.

Everything here runs on one event loop and nothing waits. The routes (`api`), the browsers
(`person`) and the bots' links (`link`) change the state through these methods only; the state
tells each participant what happened through its `Seat`.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from pipecat_daily_rest.local import claims
from pipecat_daily_rest.local.calls import Calls, set_media
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.clock import Clock
from pipecat_daily_rest.local.room import (
    JoinRefused,
    Participant,
    Room,
    Seat,
    ejection,
    ejection_reason,
    permissions,
)

MAX_PARTICIPANTS = 200  # Daily's default for a room


class State(Calls):
    """The domain: its key, rooms and log."""

    def __init__(
        self,
        *,
        api_key: str,
        domain_name: str = "local",
        clock: Clock,
        choices: Choices = Choices(),  # noqa: B008 - frozen
    ) -> None:
        """Initialize an empty domain.

        Args:
            api_key: The one key that the REST API accepts and that signs tokens.
            domain_name: The domain's name.
            clock: The time.
            choices: What to do where Daily's behaviour is unconfirmed.
        """
        super().__init__(clock, choices)
        self.api_key = api_key
        self.domain_name = domain_name
        # A new local Daily with the same key is the same account: its tokens go on to be good.
        self.domain_id = str(uuid.uuid5(uuid.NAMESPACE_URL, api_key))
        self.domain: dict[str, Any] = {}  # the properties that were set
        self.rooms: dict[str, Room] = {}

    # -- Rooms -----------------------------------------------------------------------------

    def create_room(self, name: str, privacy: str, config: Mapping[str, Any]) -> Room:
        """Make a room whose parameters have been checked.

        The name is free; an expired room that still has it is gone at once.

        Args:
            name: The room's name.
            privacy: ``public`` or ``private``.
            config: The properties to keep.

        Returns:
            The room.
        """
        if (expired := self.rooms.get(name)) is not None:
            self._end(expired, "room-expired")
        room = Room(name, privacy, dict(config), self.clock.now())
        self.rooms[name] = room
        self.record(name, "created", privacy)
        self._watch_expiry(room)
        return room

    def find_room(self, name: str) -> Room | None:
        """Look up a room. An expired one does not exist for most of the API.

        Reference: https://docs.daily.co/reference/rest-api/rooms

        Args:
            name: The room's name.

        Returns:
            The room, or None.
        """
        room = self.rooms.get(name)
        return None if room is None or self.expired(room) else room

    def expired(self, room: Room) -> bool:
        """Tell whether a room's ``exp`` is over.

        Args:
            room: The room.

        Returns:
            Whether it is.
        """
        exp = room.config.get("exp")
        return exp is not None and exp <= self.clock.now()

    def update_room(self, room: Room, privacy: str | None, config: Mapping[str, Any]) -> None:
        """Change a room. Whoever is inside keeps the ejection instant fixed at the join.

        Args:
            room: The room.
            privacy: The new privacy, or None to leave it.
            config: All of its properties from now on.
        """
        if privacy is not None:
            room.privacy = privacy
        room.config = dict(config)
        self._watch_expiry(room)

    def delete_room(self, room: Room) -> None:
        """Delete a room and put everybody out.

        Args:
            room: The room.
        """
        self._end(room, "room-deleted", "deleted")

    def collect(self) -> None:
        """Remove the rooms that expired long ago and that nobody is in any more."""
        over = self.clock.now() - self.choices.collected_after
        for room in list(self.rooms.values()):
            exp = room.config.get("exp")
            if exp is not None and exp <= over and not room.participants:
                self._end(room, "room-expired")

    def _end(self, room: Room, reason: str, what: str | None = None) -> None:
        if self.rooms.get(room.name) is room:
            del self.rooms[room.name]
        if room.expiry is not None:
            room.expiry.cancel()
        if what is not None:
            self.record(room.name, what)
        for participant in list(room.participants.values()):
            self.put_out(participant, reason)

    def _watch_expiry(self, room: Room) -> None:
        if room.expiry is not None:
            room.expiry.cancel()
            room.expiry = None
        exp = room.config.get("exp")
        if exp is not None:
            room.expiry = self.clock.call_at(exp, lambda: self.record(room.name, "expired"))

    # -- Coming in and going ---------------------------------------------------------------

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
        elif room.privacy != "public":
            msg = "This room is private: it needs a link with a token (…?t=…). Use the one that was printed for you."
            raise JoinRefused("not-allowed", msg)
        if rights.get("knocking") is True:
            msg = "This token makes whoever has it knock first, and in a local room nobody can answer: make one without knocking."
            raise JoinRefused("not-allowed", msg)
        if room.meeting is not None and rights.get("user_id") in room.meeting.banned:
            raise JoinRefused("ejected", "You were removed from this call and may not come back.")
        limit = room.config.get("max_participants", MAX_PARTICIPANTS)
        if len(room.participants) >= limit:
            msg = f"The room is full ({limit} participants). Try again when somebody has left."
            raise JoinRefused("meeting-full", msg)
        return room, rights

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
            JoinRefused: It may not come in.
        """
        room, rights = self.admit(name, token)
        now = self.clock.now()
        participant = Participant(
            id=str(uuid.uuid4()),
            room=room,
            seat=seat,
            kind=kind,
            user_name=rights.get("user_name") or user_name,
            user_id=rights.get("user_id"),
            is_owner=rights.get("is_owner") is True,
            permissions=permissions(room, rights, self.domain),
            joined_at=now,
            will_eject_at=ejection(room, rights, now),
            may_share={**self.domain, **room.config, **rights}.get("enable_screenshare")
            is not False,
        )
        set_media(participant, media or {}, custom_audio)
        unique = {**self.domain, **room.config}.get("enforce_unique_user_ids")
        if unique and participant.user_id is not None:
            for other in list(room.participants.values()):
                if other.user_id == participant.user_id:
                    self.put_out(other, "replaced")
        room.participants[participant.id] = participant
        self._came(participant)
        if participant.will_eject_at is not None:
            why = ejection_reason(rights)
            participant.ejection = self.clock.call_at(
                participant.will_eject_at, lambda: self.put_out(participant, why)
            )
        whose = {"participant": participant.id, "meeting": room.meeting_id or ""}
        self.record(name, f"{kind} joined", participant.id, **whose)
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
        return participant

    def close(self) -> None:
        """Put everybody out and stop the timers: the local Daily ends."""
        for room in list(self.rooms.values()):
            for participant in list(room.participants.values()):
                self.put_out(participant, "shutdown")
        self.clock.stop()
