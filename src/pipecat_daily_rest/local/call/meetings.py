# SPDX-License-Identifier: BSD-2-Clause
"""Meetings: from when to when people were together in a room, and what belongs to that time.

Reference: https://docs.daily.co/reference/rest-api/meetings
"""

from pipecat_daily_rest.local.call.clock import Clock
from pipecat_daily_rest.local.call.log import Log
from pipecat_daily_rest.local.call.records import Attendance, Meeting
from pipecat_daily_rest.local.call.room import Participant, Room
from pipecat_daily_rest.local.choices import Choices

_ALONE_STARTS = 30.0  # seconds alone until a meeting counts; it counts at once with two
_ALONE_ENDS = 600.0  # seconds after which somebody who was left alone is in a meeting of their own
_MOST = 10_000  # meetings that are kept, and stays in each


class Meetings(Log):
    """The meetings in the rooms, past ones too."""

    def __init__(self, clock: Clock, choices: Choices) -> None:
        """Initialize without meetings."""
        super().__init__(clock)
        self.choices = choices
        self.meetings: list[Meeting] = []  # that count, in order of their beginning

    def _came(self, participant: Participant) -> None:
        """Somebody is in the room now."""
        room, now = participant.room, self.clock.now()
        meeting = room.meeting or self._begin(room, now)
        if len(meeting.people) >= _MOST:
            oldest, rest = meeting.people[: _MOST // 10], meeting.people[_MOST // 10 :]
            meeting.people = [stay for stay in oldest if stay.left_at is None] + rest
        meeting.people.append(_stay(participant, now))
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
                stay.note(participant.user_name, participant.hidden)
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
            del self.meetings[:-_MOST]

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
        following.people = [_stay(each, now) for each in room.participants.values()]
        self._start(following)
        self._watch(room, following)
        self.notify("meeting ended", (room, meeting.id))
        self.notify("meeting started", (room, following.id))


def _stay(participant: Participant, joined_at: float) -> Attendance:
    return Attendance(
        participant.id,
        participant.user_id,
        joined_at,
        participant.user_name,
        participant.hidden,
    )
