# SPDX-License-Identifier: BSD-2-Clause
"""Rooms are created, changed and deleted, and they expire."""

from collections.abc import Mapping
from typing import Any

from pipecat_daily_rest.local.call.calls import Calls
from pipecat_daily_rest.local.call.domain import Domain
from pipecat_daily_rest.local.call.lobby import Lobby
from pipecat_daily_rest.local.call.room import Room


class Rooms:
    """The life of the domain's rooms."""

    def __init__(self, domain: Domain, calls: Calls, lobby: Lobby) -> None:
        self._domain = domain
        self._clock = domain.clock
        self._choices = domain.choices
        self._calls = calls
        self._lobby = lobby

    def create(
        self, name: str, privacy: str, config: Mapping[str, Any], *, made_by: str = ""
    ) -> Room:
        """Create a room whose parameters were checked; it replaces an expired one of that name."""
        if (expired := self._domain.rooms.get(name)) is not None:
            self._end(expired, "room-expired")
        room = Room(name, privacy, dict(config), self._clock.now(), made_by=made_by)
        self._domain.rooms[name] = room
        self._calls.log.record(name, "created", privacy)
        self._watch_expiry(room)
        return room

    def update(self, room: Room, privacy: str | None, config: Mapping[str, Any]) -> None:
        """Change a room's privacy, but for None, and replace its properties.

        Those inside are ejected at the instant fixed at their join (`Choices.update_moves_ejection`).
        """
        if privacy is not None:
            room.privacy = privacy
        room.config = dict(config)
        self._watch_expiry(room)
        if self._choices.update_moves_ejection:
            for participant in list(room.participants.values()):
                self._calls.limit_stay(participant)
        self._calls.log.notify("room changed", room)

    def delete(self, room: Room) -> None:
        """Delete a room and eject everyone."""
        self._end(room, "room-deleted", "deleted")

    def collect(self) -> None:
        """Delete the rooms that expired long ago and that nobody is in any more."""
        over = self._clock.now() - self._choices.collected_after
        for room in list(self._domain.rooms.values()):
            exp = room.config.get("exp")
            if exp is not None and exp <= over and not room.participants:
                self._end(room, "room-expired")

    def close(self) -> None:
        """Eject everyone: the local Daily ends."""
        for room in list(self._domain.rooms.values()):
            self._empty(room, "shutdown", ("shutdown", "The local Daily was stopped."))

    def _end(self, room: Room, reason: str, what: str | None = None) -> None:
        if self._domain.rooms.get(room.name) is room:
            del self._domain.rooms[room.name]
        if room.expiry is not None:
            room.expiry.cancel()
        if what is not None:
            self._calls.log.record(room.name, what)
        self._empty(room, reason, ("no-room", "The room was deleted. Ask for a new link."))
        self._calls.log.notify("room ended", room)

    def _empty(self, room: Room, reason: str, refused: tuple[str, str]) -> None:
        self._lobby.refuse_all(room, *refused)
        for participant in list(room.participants.values()):
            self._calls.eject(participant, reason)

    def _watch_expiry(self, room: Room) -> None:
        if room.expiry is not None:
            room.expiry.cancel()
            room.expiry = None
        exp = room.config.get("exp")
        if exp is not None:
            room.expiry = self._clock.call_at(exp, lambda: self._expire(room))

    def _expire(self, room: Room) -> None:
        """Those who are in stay, but nobody joins any more."""
        self._calls.log.record(room.name, "expired")
        self._lobby.refuse_all(room, "exp-room", "The room has expired. Ask for a new link.")
