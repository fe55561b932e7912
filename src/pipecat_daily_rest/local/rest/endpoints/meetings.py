# SPDX-License-Identifier: BSD-2-Clause
"""Meetings: who was in a room together, and for how long.

Reference: https://docs.daily.co/reference/rest-api/meetings
"""

from typing import Any

from aiohttp import web

from pipecat_daily_rest.local.call.records import Attendance, Meeting
from pipecat_daily_rest.local.rest.endpoints.family import Family, Route
from pipecat_daily_rest.local.rules.kinds import as_text
from pipecat_daily_rest.local.rules.schema import refusal


class MeetingEndpoints(Family):
    """The meetings of the domain."""

    def routes(self) -> list[Route]:
        """List the endpoints."""
        return [
            ("GET", "/meetings", self.list_meetings),
            ("GET", "/meetings/{meeting}", self.get_meeting),
            ("GET", "/meetings/{meeting}/participants", self.participants),
        ]

    def list_meetings(self, request: web.Request, body: Any) -> Any:
        """List the meetings, newest first; an unknown room had none."""
        # https://docs.daily.co/reference/rest-api/meetings/get-meeting-information
        query = request.query
        since, until = (
            self._schema.whole(query, name, "a whole number of seconds since the unix epoch")
            for name in ("timeframe_start", "timeframe_end")
        )
        ongoing = self._schema.flag(query, "ongoing")
        bare = self._schema.flag(query, "no_participants")
        found = [
            meeting
            for meeting in reversed(self._parts.meetings.records)
            if query.get("room") in (None, meeting.room)
            and (since is None or int(meeting.began_at) >= since)
            and (until is None or int(meeting.began_at) < until)
            and ongoing in (None, meeting.ended_at is None)
            and (self._choices.meeting_without_participants or self._recorded(meeting))
        ]
        data = [
            {
                **self._describe(meeting),
                **({} if bare else {"participants": self._people(self._recorded(meeting))}),
            }
            for meeting in self._page(request, found, id=lambda meeting: meeting.id, what="meeting")
        ]
        return {"total_count": len(found), "data": data}

    def get_meeting(self, request: web.Request, body: Any) -> Any:
        """Give a meeting, without its participants."""
        # https://docs.daily.co/reference/rest-api/meetings/get-individual-meeting-information
        return self._describe(self._meeting(request))

    def participants(self, request: web.Request, body: Any) -> Any:
        """List who was in a meeting."""
        # https://docs.daily.co/reference/rest-api/meetings/get-meeting-participants
        stays = self._recorded(self._meeting(request))
        limit = self._schema.limit(request.query)
        ids = [stay.participant_id for stay in stays]
        after, before = (
            self._position(ids, request.query.get(name), name, "participant")
            for name in ("joined_after", "joined_before")
        )
        page = stays[0 if after is None else after + 1 : before]
        if self._choices.meeting_participants == "newest":
            page.reverse()
        return {"data": self._people(page[:limit])}

    def _meeting(self, request: web.Request) -> Meeting:
        id = request.match_info["meeting"]
        for meeting in self._parts.meetings.records:
            if meeting.id == id:
                return meeting
        raise refusal(self._choices.unknown_meeting, f"meeting {as_text(id)} not found")

    def _recorded(self, meeting: Meeting) -> list[Attendance]:
        return meeting.recorded(self._now, hidden=self._choices.hidden_in_meetings)

    def _describe(self, meeting: Meeting) -> dict[str, Any]:
        end = self._now if meeting.ended_at is None else meeting.ended_at
        return {
            "id": meeting.id,
            "room": meeting.room,
            "start_time": int(meeting.began_at),
            "duration": int(end - meeting.began_at),
            "ongoing": meeting.ended_at is None,
            "max_participants": _most(self._recorded(meeting)),
        }

    def _people(self, stays: list[Attendance]) -> list[dict[str, Any]]:
        return [
            {
                "user_id": stay.user_id,
                "participant_id": stay.participant_id,
                "user_name": stay.user_name or None,
                "join_time": int(stay.joined_at),
                "duration": int(stay.seconds(self._now)),
            }
            for stay in stays
        ]


def _most(stays: list[Attendance]) -> int:
    """Give the largest number of people who were in at the same time."""
    return max(
        (
            sum(
                other.joined_at <= stay.joined_at
                and (other.left_at is None or other.left_at > stay.joined_at)
                for other in stays
            )
            for stay in stays
        ),
        default=0,
    )
