# SPDX-License-Identifier: BSD-2-Clause
"""How a participant that a test drives joins, and lets others in."""

from typing import Any

from pipecat_daily_rest.local.arguments import must_be
from pipecat_daily_rest.local.call.lobby import Lobby
from pipecat_daily_rest.local.call.room import JoinRefused, Knock, Newcomer, Participant


class Joining:
    """The part of `Scripted` for joining, with a knock if need be, and for letting others in."""

    def __init__(
        self, lobby: Lobby, room: str, token: str | None, newcomer: Newcomer, *, knock: bool
    ) -> None:
        self._lobby = lobby
        self._newcomer = newcomer
        self._participant: Participant | None = None
        self._knock: Knock | None = None
        self.refused: JoinRefused | None = None
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
            msg = f"{self.user_name or self.id} is not in the room: it knocked. Wait with is_in()"
            raise RuntimeError(msg)
        return self._participant

    def let_in(self, participant: Participant) -> None:
        """Take note that it is in the room (`Caller`)."""
        self._participant = participant
        self._newcomer.seat.send({"event": "joined"})

    def turned_away(self, refused: JoinRefused) -> None:
        """Take note that it is refused (`Caller`)."""
        self.refused = refused
        self._newcomer.seat.close(refused.kind)

    # -- Inside, as an owner ---------------------------------------------------------------

    @property
    def waiting(self) -> list[dict[str, Any]]:
        """Those who wait to be let in, with ``id`` and ``name``; none if it may not let them in."""
        return self._lobby.waiting(self.participant)

    def lets_in(self, id: str = "*") -> None:
        """Let somebody in who waits.

        Args:
            id: Who: the ``id`` of one of `waiting`; everybody with ``*``.

        Raises:
            LookupError: Nobody of this id waits.
            PermissionError: It may not decide that: its token has no owner rights.
            DailyConfigError: The argument has the wrong type.
        """
        must_be(str, id=id)
        self._lobby.decide(self.participant.room, id, by=self.participant, let_in=True)

    def turns_away(self, id: str = "*") -> None:
        """Refuse somebody who waits.

        Args:
            id: Who: the ``id`` of one of `waiting`; everybody with ``*``.

        Raises:
            LookupError: Nobody of this id waits.
            PermissionError: It may not decide that: its token has no owner rights.
            DailyConfigError: The argument has the wrong type.
        """
        must_be(str, id=id)
        self._lobby.decide(self.participant.room, id, by=self.participant, let_in=False)
