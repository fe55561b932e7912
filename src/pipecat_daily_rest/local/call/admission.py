# SPDX-License-Identifier: BSD-2-Clause
"""Who may join a room, and joining it."""

import uuid
from collections.abc import Mapping
from typing import Any

from pipecat_daily_rest.local.call.calls import Calls
from pipecat_daily_rest.local.call.domain import Domain
from pipecat_daily_rest.local.call.room import (
    JoinRefused,
    Newcomer,
    Participant,
    Room,
    short_name,
)
from pipecat_daily_rest.local.rules.claims import BadToken
from pipecat_daily_rest.local.rules.properties import DOMAIN_DEFAULTS, ROOM_DEFAULTS
from pipecat_daily_rest.local.rules.rights import permissions, start_off

MAX_PARTICIPANTS = 200  # Daily's default for a room


class Admission:
    """Decides who may join, by the room, the token and the domain. A refusal is `JoinRefused`."""

    def __init__(self, domain: Domain, calls: Calls) -> None:
        self._domain = domain
        self._choices = domain.choices
        self._calls = calls

    def admit(self, name: str, token: str | None) -> tuple[Room, dict[str, Any]]:
        """Decide whether a token, or none, opens a room; give the room and the token's properties.

        Somebody who has to knock is admitted, too: see `must_knock`.
        """
        room = self._domain.rooms.get(name)
        if room is None:
            msg = f"There is no room {name!r} here: it was deleted, or was never created. Start the bot again for a new link."
            raise JoinRefused("no-room", msg)
        if self._domain.expired(room):
            msg = f"The room {name!r} has expired. Start the bot again for a new link."
            raise JoinRefused("exp-room", msg)
        if room.config.get("nbf") is not None and room.config["nbf"] > self._domain.clock.now():
            raise JoinRefused("nbf-room", f"The room {name!r} is not open yet. Try again later.")
        rights = self._rights(room, token)
        if rights.get("knocking") is True and not room.config.get("enable_knocking"):
            if self._choices.knocking_without_lobby_refused:
                msg = "This token has knocking, but the room has no enable_knocking: create a token without knocking."
                raise JoinRefused("not-allowed", msg)
        if room.meeting is not None and rights.get("user_id") in room.meeting.banned:
            raise JoinRefused("ejected", "You were removed from this call and may not come back.")
        if not (self.must_knock(room, token, rights) and self._choices.knock_in_full_room):
            self._need_place(room, rights)
        return room, rights

    def _rights(self, room: Room, token: str | None) -> dict[str, Any]:
        if token:
            try:
                return self._domain.read_token(token, room=room.name)
            except BadToken as exc:
                if room.privacy != "public" or not self._choices.public_room_ignores_bad_token:
                    msg = f"This link does not open the room: {exc}. Ask for a new link."
                    raise JoinRefused(exc.kind, msg) from exc
        elif room.privacy != "public" and not room.config.get("enable_knocking"):
            msg = "This room is private: it needs a link with a token (…?t=…). Use the link that the program of the bot printed."
            raise JoinRefused("not-allowed", msg)
        return {}

    def _need_place(self, room: Room, rights: Mapping[str, Any]) -> None:
        limit = room.config.get("max_participants", MAX_PARTICIPANTS)
        leave = self._replaced(room, rights) if self._choices.replacing_in_full_room else []
        if len(room.participants) - len(leave) >= limit:
            msg = f"The room is full ({limit} participants). Try again when somebody has left."
            raise JoinRefused("meeting-full", msg)

    def _replaced(self, room: Room, rights: Mapping[str, Any]) -> list[Participant]:
        """Those whom a newcomer with the same user id replaces."""
        user_id, properties = rights.get("user_id"), {**self._domain.properties, **room.config}
        if user_id is None or not properties.get("enforce_unique_user_ids"):
            return []
        return [each for each in room.participants.values() if each.user_id == user_id]

    def must_knock(self, room: Room, token: str | None, rights: Mapping[str, Any]) -> bool:
        """Tell whether the room is private and there is no token, or the token says so."""
        uninvited = not token and room.privacy != "public"
        knocks = uninvited or rights.get("knocking") is True
        return knocks and room.config.get("enable_knocking") is True

    def participant(
        self, room: Room, rights: Mapping[str, Any], newcomer: Newcomer, id: str | None = None
    ) -> Participant:
        """Make the participant that a newcomer is when it joins now."""
        properties = {**self._domain.properties, **room.config, **rights}
        name = rights.get("user_name") or newcomer.user_name
        participant = Participant(
            id=id or str(uuid.uuid4()),
            room=room,
            seat=newcomer.seat,
            kind=newcomer.kind,
            user_name=room.guest_name() if name is None else short_name(name),
            user_id=rights.get("user_id"),
            is_owner=rights.get("is_owner") is True,
            permissions=permissions(room.config, rights, self._domain.properties),
            joined_at=self._domain.clock.now(),
            rights=rights,
            may_share=properties.get("enable_screenshare") is not False,
        )
        off = start_off(room.config, rights)
        if newcomer.kind == "bot" and not self._choices.start_off_for_bots:
            off = {}
        participant.set_media({**newcomer.media, **off}, newcomer.custom_audio)
        return participant

    def about(self, participant: Participant) -> dict[str, Any]:
        """Describe the call to a participant: its meeting, who speaks, and the room."""
        room = participant.room
        return {
            "meeting": room.meeting_id,
            "sessionData": {} if room.meeting is None else room.meeting.data,
            "counts": room.counts(),
            "activeSpeaker": room.active_speaker,
            **self.about_room(room, participant.rights),
        }

    def about_room(self, room: Room, rights: Mapping[str, Any]) -> dict[str, Any]:
        """Describe a room to who may join it: what daily-js has in ``room()``."""
        # https://docs.daily.co/reference/daily-js/instance-methods/room
        return {
            "mostMessage": self._choices.app_message_limit,
            "room": {
                "id": room.id,
                "name": room.name,
                "domainId": self._domain.id,
                "config": _open(room.config),
                "domainConfig": _open({**DOMAIN_DEFAULTS, **self._domain.properties}),
                "tokenConfig": rights,
            },
            "roomDefaults": ROOM_DEFAULTS,
        }

    def let_in(self, participant: Participant) -> Participant:
        """Have a participant join its room, if it has a place left, instead of those it replaces."""
        room, rights = participant.room, participant.rights
        self._need_place(room, rights)
        for other in self._replaced(room, rights):
            self._calls.eject(other, "replaced")
        self._calls.enter(participant)
        return participant


def _open(config: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is the account's own business: buckets, hooks, telephones, streams."""
    private = ("bucket", "hook", "dialin", "endpoints")
    return {name: value for name, value in config.items() if not name.endswith(private)}
