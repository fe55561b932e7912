# SPDX-License-Identifier: BSD-2-Clause
"""The domain of a local Daily: its key, its properties, and which rooms there are."""

import uuid
from typing import Any

from pipecat_daily_rest.local.call.clock import Clock
from pipecat_daily_rest.local.call.room import Room
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.rules import claims


class Domain:
    """What everything in a local Daily shares.

    Parameters:
        api_key: The key that signs tokens.
        id: UUID. It follows from the key, so that tokens stay valid in a new local Daily with it.
        name: As in a room's URL at Daily.
        properties: The domain's properties that were set.
        rooms: By name, expired ones too. `Rooms` changes it.
    """

    def __init__(
        self, api_key: str, clock: Clock, choices: Choices | None = None, *, name: str = "local"
    ) -> None:
        """Initialize a domain without rooms."""
        self.api_key = api_key
        self.clock = clock
        self.choices = choices or Choices()
        self.name = name
        self.id = str(uuid.uuid5(uuid.NAMESPACE_URL, api_key))
        self.properties: dict[str, Any] = {}
        self.rooms: dict[str, Room] = {}

    def expired(self, room: Room) -> bool:
        """Tell whether a room's ``exp`` has passed."""
        exp = room.config.get("exp")
        return exp is not None and exp <= self.clock.now()

    def find(self, name: str) -> Room | None:
        """Look up a room. An expired one does not exist for most of the API."""
        # https://docs.daily.co/reference/rest-api/rooms
        room = self.rooms.get(name)
        return None if room is None or self.expired(room) else room

    def existing(self) -> dict[str, Room]:
        """Give the rooms that have not expired, by name."""
        return {name: room for name, room in self.rooms.items() if not self.expired(room)}

    def sign(self, properties: dict[str, Any]) -> str:
        """Sign a meeting token with properties, by their long names, that were checked."""
        now = self.clock.now()
        return claims.sign(properties, api_key=self.api_key, domain_id=self.id, issued_at=now)

    def read_token(
        self, token: str, *, room: str | None = None, ignore_nbf: bool = False
    ) -> dict[str, Any]:
        """Verify a meeting token (for a room, or any); give its properties by their long names."""
        rights = claims.read(
            token,
            api_key=self.api_key,
            domain_id=self.id,
            now=self.clock.now(),
            ignore_nbf=ignore_nbf,
            ignore_unknown=self.choices.unknown_claims == "ignore",
        )
        if room is not None and rights.get("room_name") not in (None, room):
            raise claims.BadToken("not-allowed", "the token is for another room")
        return rights
