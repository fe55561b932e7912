# SPDX-License-Identifier: BSD-2-Clause
"""Meetings: from when to when people were together in a room, and what belongs to that time.

Reference: https://docs.daily.co/reference/rest-api/meetings
"""

from pipecat_daily_rest.local.call.log import Log
from pipecat_daily_rest.local.call.records import Attendance, Meeting
from pipecat_daily_rest.local.call.room import Participant, Room
from pipecat_daily_rest.local.choices import Choices

_ALONE_STARTS = 30.0  # seconds alone until a meeting counts; it counts at once with two
_ALONE_ENDS = 600.0  # seconds until a participant who was left alone gets a new meeting
_MOST = 10_000  # meetings, and stays in each; the oldest go


class Meetings:
    """The records of the meetings.

    Parameters:
        records: The meetings that count, past ones too, in the order in which they began.
    """

    def __init__(self, log: Log, choices: Choices | None = None) -> None:
        self.records: list[Meeting] = []
        self._log = log
        self._clock = log.clock
        self._choices = choices or Choices()

    def joined(self, participant: Participant) -> None:
        """Note that a participant has joined its room."""
        room, now = participant.room, self._clock.now()
        meeting = room.meeting or self._begin(room, now)
        if len(meeting.people) >= _MOST:
            oldest, rest = meeting.people[: _MOST // 10], meeting.people[_MOST // 10 :]
            meeting.people = [stay for stay in oldest if stay.left_at is None] + rest
        meeting.people.append(_stay(participant, now))
        if len(room.participants) > 1:
            meeting.company = True
            self._start(meeting)
        self._watch(room, meeting)

    def left(self, participant: Participant) -> None:
        """Note that a participant has left its room."""
        room, now = participant.room, self._clock.now()
        meeting = room.meeting
        if meeting is None:
            return
        for stay in meeting.people:
            if stay.participant_id == participant.id:
                stay.user_name, stay.hidden = participant.user_name, participant.hidden
                stay.left_at = now
        if room.participants:
            self._watch(room, meeting)
        else:
            self._finish(room, meeting)

    def _begin(self, room: Room, now: float) -> Meeting:
        room.meeting = Meeting(room.name, now)
        return room.meeting

    def _start(self, meeting: Meeting) -> None:
        """Have a meeting count from here on."""
        if not meeting.started:
            meeting.started = True
            self.records.append(meeting)
            self.records.sort(key=lambda each: each.began_at)
            del self.records[:-_MOST]

    def _finish(self, room: Room, meeting: Meeting) -> None:
        """End a meeting, and with it its session data and bans."""
        if meeting.alone is not None:
            meeting.alone.cancel()
        meeting.ended_at = self._clock.now()
        for stay in meeting.people:
            stay.left_at = stay.left_at or meeting.ended_at
        room.meeting = None

    def _watch(self, room: Room, meeting: Meeting, alone_for: float = 0.0) -> None:
        """Set the timer for a participant who is alone, for so many seconds already."""
        if meeting.alone is not None:
            meeting.alone.cancel()
            meeting.alone = None
        if len(room.participants) > 1:
            return
        now = self._clock.now()
        if not meeting.started:
            meeting.alone = self._clock.call_at(
                now + _ALONE_STARTS, lambda: self._alone_long_enough(room, meeting)
            )
        elif meeting.company or self._choices.lonely_meeting_ends:
            meeting.alone = self._clock.call_at(
                now + _ALONE_ENDS - alone_for, lambda: self._alone_too_long(room, meeting)
            )

    def _alone_long_enough(self, room: Room, meeting: Meeting) -> None:
        self._start(meeting)
        self._watch(room, meeting, alone_for=_ALONE_STARTS)

    def _alone_too_long(self, room: Room, meeting: Meeting) -> None:
        """End the meeting, and start a new one for those who are still in the room."""
        self._finish(room, meeting)
        now = self._clock.now()
        following = self._begin(room, now)
        following.people = [_stay(each, now) for each in room.participants.values()]
        self._start(following)
        self._watch(room, following)
        self._log.notify("meeting ended", (room, meeting.id))
        self._log.notify("meeting started", (room, following.id))


def _stay(participant: Participant, joined_at: float) -> Attendance:
    return Attendance(
        participant.id,
        participant.user_id,
        joined_at,
        participant.user_name,
        participant.hidden,
    )
