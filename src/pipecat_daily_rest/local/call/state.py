# SPDX-License-Identifier: BSD-2-Clause
"""Rooms, tokens, participants and their time: what the local Daily knows. No HTTP, no media.

Everything here runs on one event loop and nothing waits. The routes (`api`), the browsers
(`person`) and the bots' links (`link`) change the state through these methods only; the state
tells each participant what happened through its `Seat`.
"""

from collections.abc import Mapping
from typing import Any

from pipecat_daily_rest.local.call.arrivals import Arrivals
from pipecat_daily_rest.local.call.clock import Clock
from pipecat_daily_rest.local.call.room import Room
from pipecat_daily_rest.local.choices import Choices


class State(Arrivals):
    """The domain: its key, rooms and log."""

    def __init__(
        self,
        *,
        api_key: str,
        domain_name: str = "local",
        clock: Clock,
        choices: Choices = Choices(),  # noqa: B008 - frozen
    ) -> None:
        """Initialize an empty domain."""
        super().__init__(api_key=api_key, clock=clock, choices=choices)
        self.domain_name = domain_name

    # -- Rooms -----------------------------------------------------------------------------

    def create_room(self, name: str, privacy: str, config: Mapping[str, Any]) -> Room:
        """Make a room whose parameters have been checked.

        The name is free; an expired room that still has it is gone at once.
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

    def existing(self) -> dict[str, Room]:
        """Give the rooms that exist, by name; expired ones do not."""
        return {name: room for name, room in self.rooms.items() if not self.expired(room)}

    def update_room(self, room: Room, privacy: str | None, config: Mapping[str, Any]) -> None:
        """Change a room. Whoever is inside keeps the ejection instant fixed at the join.

        But for `Choices.update_moves_ejection`.

        Args:
            room: The room.
            privacy: The new privacy, or None to leave it.
            config: All of its properties from now on.
        """
        if privacy is not None:
            room.privacy = privacy
        room.config = dict(config)
        self._watch_expiry(room)
        if self.choices.update_moves_ejection:
            for participant in list(room.participants.values()):
                self._limit_stay(participant)

    def delete_room(self, room: Room) -> None:
        """Delete a room and put everybody out."""
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
        self._turn_all_away(room, "no-room", "The room was deleted. Ask for a new link.")
        for participant in list(room.participants.values()):
            self.put_out(participant, reason)

    def _watch_expiry(self, room: Room) -> None:
        if room.expiry is not None:
            room.expiry.cancel()
            room.expiry = None
        exp = room.config.get("exp")
        if exp is not None:
            room.expiry = self.clock.call_at(exp, lambda: self._expire(room))

    def _expire(self, room: Room) -> None:
        """Who is in stays, but nobody comes in any more."""
        self.record(room.name, "expired")
        self._turn_all_away(room, "exp-room", "The room has expired. Ask for a new link.")

    def close(self) -> None:
        """Put everybody out and stop the timers: the local Daily ends."""
        for room in list(self.rooms.values()):
            self._turn_all_away(room, "shutdown", "The local Daily was stopped.")
            for participant in list(room.participants.values()):
                self.put_out(participant, "shutdown")
        self.clock.stop()
