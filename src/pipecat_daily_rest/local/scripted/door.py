# SPDX-License-Identifier: BSD-2-Clause
"""What a participant that a test drives does on both sides of a room's door."""

from typing import Any

from pipecat_daily_rest.local.arguments import must_be
from pipecat_daily_rest.local.call.calls import Calls
from pipecat_daily_rest.local.call.lobby import Lobby
from pipecat_daily_rest.local.call.room import JoinRefused, Knock, Newcomer, Participant
from pipecat_daily_rest.local.call.seat import Seat


class Door:
    """The part of `Scripted` for coming in, with a knock if need be, and for letting others in."""

    def __init__(
        self,
        lobby: Lobby,
        calls: Calls,
        seat: Seat,
        room: str,
        token: str | None,
        knock: bool,
        *,
        kind: str,
        user_name: str,
    ) -> None:
        """Come in, or knock.

        Args:
            lobby: Lets it in.
            calls: Who is in the rooms.
            seat: How the room reaches it.
            room: The room's name.
            token: The meeting token, or None.
            knock: Whether it waits at the door where it has to.
            kind: As in `Participant.kind`.
            user_name: Display name when the token has none.

        Raises:
            JoinRefused: It may not come in, and why.
        """
        self._lobby = lobby
        self._calls = calls
        self._door_seat = seat
        self._participant: Participant | None = None
        self._knock: Knock | None = None
        self.refused: JoinRefused | None = None
        newcomer = Newcomer(seat, kind, user_name, {"microphone": "playable"})
        came: Participant | Knock
        if knock:
            came = lobby.join_or_knock(room, token, newcomer, self)
        else:
            came = lobby.join(room, token, newcomer)
        self.id = came.id
        self.user_name = came.user_name
        if isinstance(came, Participant):
            self._participant = came
        else:
            self._knock = came

    @property
    def participant(self) -> Participant:
        """What the room knows about it."""
        if self._participant is None:
            msg = f"{self.user_name or self.id} is not in the room: it knocked; see is_in()"
            raise RuntimeError(msg)
        return self._participant

    def let_in(self, participant: Participant) -> None:
        """Be in the room from now on (`Caller`)."""
        self._participant = participant
        self._door_seat.send({"event": "joined"})

    def turned_away(self, refused: JoinRefused) -> None:
        """Be out for good (`Caller`)."""
        self.refused = refused
        self._door_seat.close(refused.kind)

    # -- Inside, as an owner ---------------------------------------------------------------

    @property
    def waiting(self) -> list[dict[str, Any]]:
        """Who waits to be let in, with ``id`` and ``name``; nobody if it may not let them in."""
        return self._lobby.waiting(self.participant)

    def lets_in(self, id: str = "*") -> None:
        """Let somebody in who has knocked."""
        must_be(str, id=id)
        self._lobby.decide(self.participant.room, id, by=self.participant, let_in=True)

    def turns_away(self, id: str = "*") -> None:
        """Do not let somebody in who has knocked."""
        must_be(str, id=id)
        self._lobby.decide(self.participant.room, id, by=self.participant, let_in=False)
