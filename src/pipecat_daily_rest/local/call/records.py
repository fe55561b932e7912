# SPDX-License-Identifier: BSD-2-Clause
"""The records of meetings: who was in them, from when to when."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from pipecat_daily_rest.local.call.clock import Timer

_RECORDED = 10.0  # seconds that somebody must stay to be in Daily's records


@dataclass(eq=False)
class Attendance:
    """One stay of a participant in a meeting: a record, which outlives the participant.

    Parameters:
        participant_id: The session id.
        user_id: The token's ``user_id``, or None.
        joined_at: Unix seconds.
        user_name: Display name, as it was at the end.
        hidden: Whether the participant was hidden (``hasPresence`` false) at the end.
        left_at: Unix seconds; None while it lasts.
    """

    participant_id: str
    user_id: str | None
    joined_at: float
    user_name: str = ""
    hidden: bool = False
    left_at: float | None = None

    def seconds(self, now: float) -> float:
        """Tell how long it has lasted; ``now`` is in unix seconds."""
        return (now if self.left_at is None else self.left_at) - self.joined_at


@dataclass(eq=False)
class Meeting:
    """What Daily calls a meeting session.

    Parameters:
        room: The room's name.
        began_at: When the first participant joined, in unix seconds.
        id: UUID.
        started: Whether it counts: somebody was alone for 30 s, or a second one joined.
        ended_at: Unix seconds; None while it runs.
        company: Whether more than one participant was in it at a time.
        people: Every stay, in order.
        data: The session data.
        banned: The user ids that may not come back while it runs.
    """

    room: str
    began_at: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: bool = False
    ended_at: float | None = None
    company: bool = False
    people: list[Attendance] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    banned: set[str] = field(default_factory=set)
    alone: Timer | None = field(default=None, repr=False)

    def recorded(self, now: float, *, hidden: bool) -> list[Attendance]:
        """Give the stays of 10 s or more, in order; ``hidden``: those of the hidden, too."""
        return [
            stay
            for stay in self.people
            if stay.seconds(now) >= _RECORDED and (hidden or not stay.hidden)
        ]
