# SPDX-License-Identifier: BSD-2-Clause
"""Meetings: from when to when people were together in a room, and what belongs to that time.

Reference: https://docs.daily.co/reference/rest-api/meetings
"""

import uuid
from dataclasses import dataclass, field
from typing import Any

from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.clock import Clock, Timer
from pipecat_daily_rest.local.log import Log
from pipecat_daily_rest.local.room import Participant, Room

_ALONE_STARTS = 30.0  # seconds alone until a meeting counts; it counts at once with two
_ALONE_ENDS = 600.0  # seconds after which somebody who was left alone is in a meeting of their own
_RECORDED = 10.0  # seconds that somebody must stay to be in the list


@dataclass(eq=False)
class Attendance:
    """One stay of somebody in a meeting: a record, which outlives the participant.

    Parameters:
        participant_id: The session id.
        user_id: The token's ``user_id``, or None.
        joined_at: Unix seconds.
        user_name: Display name, as it was at the end.
        hidden: Whether nobody saw the participant.
        left_at: Unix seconds; None while it lasts.
    """

    participant_id: str
    user_id: str | None
    joined_at: float
    user_name: str = ""
    hidden: bool = False
    left_at: float | None = None

    @classmethod
    def of(cls, participant: Participant, joined_at: float) -> "Attendance":
        """Begin the record of a stay.

        Args:
            participant: Who.
            joined_at: Unix seconds.

        Returns:
            The record.
        """
        stay = cls(participant.id, participant.user_id, joined_at)
        stay.note(participant)
        return stay

    def note(self, participant: Participant) -> None:
        """Note what changes during a stay.

        Args:
            participant: Who.
        """
        self.user_name, self.hidden = participant.user_name, participant.hidden

    def seconds(self, now: float) -> float:
        """Tell how long it lasts, or has lasted.

        Args:
            now: The present, in unix seconds.

        Returns:
            Seconds.
        """
        return (now if self.left_at is None else self.left_at) - self.joined_at


@dataclass(eq=False)
class Meeting:
    """A meeting session.

    Parameters:
        room: The room's name.
        began_at: When the first came, in unix seconds.
        id: UUID.
        started: Whether it counts: somebody was alone for 30 s, or a second one came.
        ended_at: Unix seconds; None while it runs.
        company: Whether more than one were in it at a time.
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
        """Give the stays that are in Daily's records.

        Args:
            now: The present, in unix seconds.
            hidden: Whether those of participants whom nobody saw are, too.

        Returns:
            The stays of 10 s or more, in order.
        """
        return [
            stay
            for stay in self.people
            if stay.seconds(now) >= _RECORDED and (hidden or not stay.hidden)
        ]


class Meetings(Log):
    """The meetings in the rooms, past ones too."""

    def __init__(self, clock: Clock, choices: Choices) -> None:
        """Initialize without meetings.

        Args:
            clock: The time.
            choices: What to do where Daily's behaviour is unconfirmed.
        """
        super().__init__(clock)
        self.choices = choices
        self.meetings: list[Meeting] = []  # that count, in order of their beginning

    def _came(self, participant: Participant) -> None:
        """Somebody is in the room now."""
        room, now = participant.room, self.clock.now()
        meeting = room.meeting or self._begin(room, now)
        meeting.people.append(Attendance.of(participant, now))
        if len(room.participants) > 1:
            meeting.company = True
            self._start(meeting)
        self._watch(room, meeting)

    def _went(self, participant: Participant) -> None:
        """Somebody is no longer in the room."""
        room, now = participant.room, self.clock.now()
        meeting = room.meeting
        if meeting is None:
            return
        for stay in meeting.people:
            if stay.participant_id == participant.id:
                stay.note(participant)
                stay.left_at = now
        if room.participants:
            self._watch(room, meeting)
        else:
            self._finish(room, meeting)

    def _begin(self, room: Room, now: float) -> Meeting:
        room.meeting = Meeting(room.name, now)
        return room.meeting

    def _start(self, meeting: Meeting) -> None:
        """From here on it counts."""
        if not meeting.started:
            meeting.started = True
            self.meetings.append(meeting)
            self.meetings.sort(key=lambda each: each.began_at)

    def _finish(self, room: Room, meeting: Meeting) -> None:
        """It is over, and with it the session data and the bans."""
        if meeting.alone is not None:
            meeting.alone.cancel()
        meeting.ended_at = self.clock.now()
        for stay in meeting.people:
            stay.left_at = stay.left_at or meeting.ended_at
        room.meeting = None

    def _watch(self, room: Room, meeting: Meeting, alone_for: float = 0.0) -> None:
        """Look how long somebody is alone."""
        if meeting.alone is not None:
            meeting.alone.cancel()
            meeting.alone = None
        if len(room.participants) > 1:
            return
        now = self.clock.now()
        if not meeting.started:
            meeting.alone = self.clock.call_at(
                now + _ALONE_STARTS, lambda: self._alone_long_enough(room, meeting)
            )
        elif meeting.company or self.choices.lonely_meeting_ends:
            meeting.alone = self.clock.call_at(
                now + _ALONE_ENDS - alone_for, lambda: self._alone_too_long(room, meeting)
            )

    def _alone_long_enough(self, room: Room, meeting: Meeting) -> None:
        self._start(meeting)
        self._watch(room, meeting, alone_for=_ALONE_STARTS)

    def _alone_too_long(self, room: Room, meeting: Meeting) -> None:
        """The meeting is over, and a new one starts for whoever is still there."""
        self._finish(room, meeting)
        now = self.clock.now()
        following = self._begin(room, now)
        following.people = [Attendance.of(each, now) for each in room.participants.values()]
        self._start(following)
        self._watch(room, following)
        self.notify("meeting ended", (room, meeting.id))
        self.notify("meeting started", (room, following.id))
