# SPDX-License-Identifier: BSD-2-Clause
"""Meetings: who was together in a room, and for how long.

Reference: https://docs.daily.co/reference/rest-api/meetings
"""

from collections.abc import AsyncIterator
from datetime import datetime
from math import isfinite

from pipecat_daily_rest._core import arguments, room_names
from pipecat_daily_rest._core.secret import hide_secrets
from pipecat_daily_rest._rest.endpoints.base import Methods, segment
from pipecat_daily_rest._rest.pages import listed
from pipecat_daily_rest.answers import DailyMeeting, DailyMeetingParticipant
from pipecat_daily_rest.answers.answer import read_list
from pipecat_daily_rest.errors import DailyConfigError

_PAGE = 100


class MeetingMethods(Methods):
    """Meetings."""

    def list_meetings(
        self,
        *,
        room_name: str | None = None,
        timeframe_start: datetime | float | None = None,
        timeframe_end: datetime | float | None = None,
        ongoing: bool | None = None,
        no_participants: bool = False,
    ) -> AsyncIterator[DailyMeeting]:
        """List the meetings, all pages, newest first. They lag by 10 to 15 seconds.

        Reference: https://docs.daily.co/reference/rest-api/meetings/get-meeting-information

        Args:
            room_name: Only those in this room, even if it no longer exists.
            timeframe_start: Only those that began then or later: an aware ``datetime`` or unix
                seconds.
            timeframe_end: Only those that began before.
            ongoing: True: only those that are running; False: only those that have ended.
            no_participants: Whether the participants are left out.

        Returns:
            The meetings, for ``async for``, which raises `DailyError` if a page cannot be read.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
        """
        arguments.flag("ongoing", ongoing)
        arguments.flag("no_participants", no_participants)
        what = "Unable to list the meetings"
        return listed(
            self.api,
            "/meetings",
            what=what,
            read=DailyMeeting.read,
            key=lambda meeting: meeting.id,
            query={
                "room": None if room_name is None else room_names.check(room_name),
                "timeframe_start": _seconds("timeframe_start", timeframe_start),
                "timeframe_end": _seconds("timeframe_end", timeframe_end),
                "ongoing": None if ongoing is None else str(ongoing).lower(),
                "no_participants": "true" if no_participants else None,
            },
        )

    async def get_meeting(self, meeting_id: str) -> DailyMeeting:
        """Look a meeting up. `list_meeting_participants` gives who was in it.

        Reference: https://docs.daily.co/reference/rest-api/meetings/get-individual-meeting-information

        Args:
            meeting_id: The meeting session's id.

        Returns:
            The meeting.

        Raises:
            DailyNotFoundError: It does not exist.
            DailyError: Daily gave no usable answer.
        """
        meeting_id = hide_secrets(meeting_id, self.api.key)
        path = self._meeting(meeting_id)
        return await self._ask(DailyMeeting, "GET", path, "Unable to get the meeting")

    async def list_meeting_participants(
        self, meeting_id: str
    ) -> AsyncIterator[DailyMeetingParticipant]:
        """List who was in a meeting for 10 s or more, all pages.

        Reference: https://docs.daily.co/reference/rest-api/meetings/get-meeting-participants

        Args:
            meeting_id: The meeting session's id.

        Yields:
            The participants, each once.

        Raises:
            DailyNotFoundError: The meeting does not exist.
            DailyError: Daily gave no usable answer.
        """
        meeting_id = hide_secrets(meeting_id, self.api.key)
        path = hide_secrets(f"{self._meeting(meeting_id)}/participants", self.api.key)
        what = "Unable to list the participants"
        seen: set[str] = set()
        cursors: list[dict[str, str]] = [{}]
        while cursors:
            query = {"limit": str(_PAGE), **cursors.pop()}
            data = await self.api.request("GET", path, what=what, query=query)
            entries = read_list(data, what=what)
            page = [DailyMeetingParticipant.read(each, what=what) for each in entries]
            fresh = [each for each in page if each.participant_id not in seen]
            if fresh:
                cursors = _beyond(page)
            for each in fresh:
                seen.add(each.participant_id)
                yield each

    def _meeting(self, id: str) -> str:
        path: str = hide_secrets(
            f"/meetings/{segment('meeting_id', id, key=self.api.key)}", self.api.key
        )
        return path


def _beyond(page: list[DailyMeetingParticipant]) -> list[dict[str, str]]:
    """Give the cursors of the next page. Daily does not document the order: the times show it."""
    first, last = page[0], page[-1]
    before = {"joined_before": last.participant_id}
    after = {"joined_after": last.participant_id}
    times = (first.join_time, last.join_time)
    if not all(isinstance(time, int | float) for time in times) or times[0] == times[1]:
        return [after, before]
    return [before] if (times[0] or 0) > (times[1] or 0) else [after]


def _seconds(field: str, instant: datetime | float | None) -> str | None:
    """Whole unix seconds, for a query."""
    if isinstance(instant, datetime):
        if instant.tzinfo is None:
            msg = f"{field} must be an aware datetime: give it a time zone, as UTC."
            raise DailyConfigError(msg)
        instant = instant.timestamp()
    if instant is None:
        return None
    if not arguments.is_number(instant) or not isfinite(instant):
        msg = f"{field} must be an aware datetime or unix seconds, not {instant!r}."
        raise DailyConfigError(msg)
    return str(int(instant))
