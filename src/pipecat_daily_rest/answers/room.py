# SPDX-License-Identifier: BSD-2-Clause
"""The domain, presence and meetings, as Daily answers them."""

from typing import Any

from pydantic import Field

from pipecat_daily_rest.answers.answer import Answer, Id


class DailyPresence(Answer):
    """A participant who is in a room.

    Reference: https://docs.daily.co/reference/rest-api/rooms/session/presence

    Parameters:
        room: The room's name.
        id: The session id, new for each join.
        userId: The token's ``user_id``, or None. In older answers it is an id of Daily's own.
        userName: The participant's name, or None.
        mtgSessionId: The meeting's id.
        joinTime: When the participant joined, as ``2023-01-01T20:53:19.000Z``.
        duration: Seconds since the join.
    """

    room: str = ""
    id: str = ""
    userId: str | None = None
    userName: str | None = None
    mtgSessionId: str = ""
    joinTime: str = ""
    duration: float | None = None


class DailyRoomPresence(Answer):
    """Who is in a room.

    Reference: https://docs.daily.co/reference/rest-api/rooms/session/presence

    Parameters:
        data: The participants, at most as many as were asked for.
        total_count: How many are in the room; None when Daily did not say.
    """

    data: list[DailyPresence]  # required: an answer without it is not "nobody"
    total_count: int | None = None


class DailyMeetingParticipant(Answer):
    """A participant's stay in a meeting, from a join to a leave.

    Reference: https://docs.daily.co/reference/rest-api/meetings

    Parameters:
        participant_id: The session id.
        user_id: The token's ``user_id``, or None.
        user_name: The participant's name, or None.
        join_time: When the participant joined, in unix seconds, with a granularity of about 15 s.
        duration: Seconds.
    """

    participant_id: Id
    user_id: str | None = None
    user_name: str | None = None
    join_time: float | None = None
    duration: float | None = None


class DailyMeeting(Answer):
    """A meeting: Daily's record of a call in a room.

    Reference: https://docs.daily.co/reference/rest-api/meetings

    Parameters:
        id: The meeting's id.
        room: The room's name.
        start_time: When it began, in unix seconds.
        duration: Seconds until its end, or until now.
        ongoing: Whether it is running.
        max_participants: How many were in it at the same time, at most.
        participants: Who was in it for 10 s or more; empty where Daily leaves them out.
    """

    id: Id
    room: str = ""
    start_time: float | None = None
    duration: float | None = None
    ongoing: bool | None = None
    max_participants: int | None = None
    participants: list[DailyMeetingParticipant] = Field(default_factory=list)


class DailyDomain(Answer):
    """The domain of the key.

    Reference: https://docs.daily.co/reference/rest-api/domain

    Parameters:
        domain_name: Its name, as in ``https://<name>.daily.co``.
        domain_id: Its id; "" in the answer to a change.
        config: Its properties; unlike a room's, with the defaults, nulls, and some that cannot be
            set.
    """

    domain_name: str = ""
    domain_id: str = ""
    config: dict[str, Any] = Field(default_factory=dict)
