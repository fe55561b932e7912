# SPDX-License-Identifier: BSD-2-Clause
"""Who is in a room, and what is done to them.

Reference: https://docs.daily.co/reference/rest-api/rooms/session
"""

from typing import Any

from aiohttp import web

from pipecat_daily_rest.local import schema
from pipecat_daily_rest.local.endpoints.family import Family, Route, iso
from pipecat_daily_rest.local.properties import EJECT
from pipecat_daily_rest.local.room import Room
from pipecat_daily_rest.local.schema import Refusal, invalid, no_room


class SessionEndpoints(Family):
    """The calls in the rooms."""

    def routes(self) -> list[Route]:
        """List the endpoints."""
        return [
            ("GET", "/presence", self.presence),
            ("GET", "/rooms/{name}/presence", self.room_presence),
            ("POST", "/rooms/{name}/eject", self.eject),
        ]

    def room_presence(self, request: web.Request, body: Any) -> Any:
        """List who is in a room.

        Reference: https://docs.daily.co/reference/rest-api/rooms/session/presence
        """
        limit = self._schema.limit(request.query.get("limit"))
        if (room := self._state.find_room(request.match_info["name"])) is None:
            status = self._choices.presence_of_unknown_room
            if status != 200:
                raise no_room(request.match_info["name"], status)
            return {"total_count": 0, "data": []}
        present = self._present(room)
        for query in ("userId", "userName"):
            if query in request.query:
                present = [each for each in present if each[query] == request.query[query]]
        return {"total_count": len(present), "data": present[:limit]}

    def presence(self, request: web.Request, body: Any) -> Any:
        """List who is in any room.

        Reference: https://docs.daily.co/reference/rest-api/presence
        """
        rooms = self._state.rooms if self._choices.expired_in_presence else self._daily.rooms
        present = {name: self._present(room) for name, room in rooms.items()}
        return {name: people for name, people in present.items() if people}

    def eject(self, request: web.Request, body: Any) -> Any:
        """Put people out of a room.

        Reference: https://docs.daily.co/reference/rest-api/rooms/session/eject
        """
        room = self._room(request)
        given = self._schema.body(EJECT, body)
        if not ("ids" in given or "user_ids" in given):
            raise invalid(schema.MISSING)
        if not room.participants and self._choices.eject_from_empty_room == 404:
            raise Refusal(404, "not-found", f"nobody is in room {room.name}")
        ids, user_ids = given.get("ids", []), given.get("user_ids", [])
        targets = [
            participant
            for participant in room.participants.values()
            if participant.id in ids or participant.user_id in user_ids
        ]
        ban = user_ids if given.get("ban") else []
        return {"ejectedIds": self._state.eject(room, targets, ban=ban)}

    def _present(self, room: Room) -> list[dict[str, Any]]:
        return [
            {
                "room": room.name,
                "id": participant.id,
                "userId": participant.user_id,
                "userName": participant.user_name or None,
                "mtgSessionId": room.meeting_id,
                "joinTime": iso(participant.joined_at),
                "duration": int(self._now - participant.joined_at),
            }
            for participant in room.participants.values()
            if not participant.hidden or self._choices.hidden_in_presence
        ]
