# SPDX-License-Identifier: BSD-2-Clause
"""Who is in a room, and what a program does to them.

Reference: https://docs.daily.co/reference/rest-api/rooms/session
"""

from typing import Any, Literal

from aiohttp import web

from pipecat_daily_rest.local.call.room import Room
from pipecat_daily_rest.local.rest.endpoints.family import Family, Route, iso
from pipecat_daily_rest.local.rules import schema
from pipecat_daily_rest.local.rules.properties import (
    APP_MESSAGE,
    EJECT,
    SESSION_DATA,
    UPDATE_PERMISSIONS,
)
from pipecat_daily_rest.local.rules.schema import invalid, no_room, refusal
from pipecat_daily_rest.local.rules.strict_json import size_of

_MOST_MESSAGE = 4096  # bytes of JSON


class SessionEndpoints(Family):
    """The calls in the rooms."""

    def routes(self) -> list[Route]:
        """List the endpoints."""
        return [
            ("GET", "/presence", self.presence),
            ("GET", "/rooms/{name}/presence", self.room_presence),
            ("POST", "/rooms/{name}/eject", self.eject),
            ("POST", "/rooms/{name}/send-app-message", self.send_app_message),
            ("GET", "/rooms/{name}/get-session-data", self.get_session_data),
            ("POST", "/rooms/{name}/set-session-data", self.set_session_data),
            ("POST", "/rooms/{name}/update-permissions", self.update_permissions),
        ]

    def room_presence(self, request: web.Request, body: Any) -> Any:
        """List who is in a room."""
        # https://docs.daily.co/reference/rest-api/rooms/session/presence
        limit = self._schema.limit(request.query)
        if (room := self._domain.find(request.match_info["name"])) is None:
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
        """List who is in any room."""
        # https://docs.daily.co/reference/rest-api/presence
        rooms = self._domain.rooms if self._choices.expired_in_presence else self._domain.existing()
        present = {name: self._present(room) for name, room in rooms.items()}
        return {name: people for name, people in present.items() if people}

    def eject(self, request: web.Request, body: Any) -> Any:
        """Eject people from a room."""
        # https://docs.daily.co/reference/rest-api/rooms/session/eject
        room = self._room(request)
        given = self._schema.body(EJECT, body)
        if not ("ids" in given or "user_ids" in given):
            raise invalid(schema.MISSING)
        self._refuse_empty(room, self._choices.eject_from_empty_room)
        ids, user_ids = given.get("ids", []), given.get("user_ids", [])
        targets = [
            participant
            for participant in room.participants.values()
            if participant.id in ids or participant.user_id in user_ids
        ]
        if given.get("ban") and room.meeting is not None:
            room.meeting.banned |= set(user_ids)
        for target in targets:
            self._parts.calls.eject(target)
        return {"ejectedIds": [target.id for target in targets]}

    def send_app_message(self, request: web.Request, body: Any) -> Any:
        """Send a message to the people in a room."""
        # https://docs.daily.co/reference/rest-api/rooms/session/send-app-message
        room = self._room(request)
        given = self._schema.body(APP_MESSAGE, body)
        if "data" not in given:
            raise invalid(schema.MISSING)
        self._refuse_long("data", given["data"], _MOST_MESSAGE)
        self._refuse_empty(room, self._choices.message_in_empty_room)
        self._parts.messages.send(
            room,
            given["data"],
            sender=self._choices.message_sender,
            recipient=given.get("recipient"),
        )
        return {"sent": "true"}

    def get_session_data(self, request: web.Request, body: Any) -> Any:
        """Give the data that everyone in the running meeting shares."""
        # https://docs.daily.co/reference/rest-api/rooms/session/get-session-data
        room = self._room(request)
        self._refuse_empty(room, self._choices.session_data_of_empty_room)
        return {"data": {} if room.meeting is None else room.meeting.data}

    def set_session_data(self, request: web.Request, body: Any) -> Any:
        """Change the data that everyone in the running meeting shares."""
        # https://docs.daily.co/reference/rest-api/rooms/session/set-session-data
        room = self._room(request)
        given = self._schema.body(SESSION_DATA, body)
        self._refuse_empty(room, self._choices.session_data_of_empty_room)
        data = given.get("data", {})
        if given.get("mergeStrategy") == "shallow-merge" and room.meeting is not None:
            deleted = given.get("keysToDelete", [])
            kept = {name: each for name, each in room.meeting.data.items() if name not in deleted}
            data = {**kept, **data}
        self._refuse_long("data", data, self._choices.session_data_limit)
        if room.meeting is not None:
            room.meeting.data = data
        return {"sent": "true"}

    def update_permissions(self, request: web.Request, body: Any) -> Any:
        """Change what people in a room may do."""
        # https://docs.daily.co/reference/rest-api/rooms/session/update-permissions
        room = self._room(request)
        changes = self._schema.body(UPDATE_PERMISSIONS, body).get("data")
        if not changes:
            raise invalid(schema.MISSING)
        self._refuse_empty(room, self._choices.permissions_in_empty_room)
        unknown = [id for id in changes if id not in ("*", *room.participants)]
        if unknown and self._choices.unknown_permission_target == "error":
            raise refusal(404, f"participant {unknown[0]} not found")
        self._parts.calls.permit(room, changes)
        return {"status": "sent"}

    def _refuse_empty(self, room: Room, status: Literal[200, 400, 404]) -> None:
        if not room.participants and status != 200:
            raise refusal(status, f"nobody is in room {room.name}")

    def _refuse_long(self, name: str, data: Any, most: int | None) -> None:
        size = size_of(data)
        if most is not None and size > most:
            raise self._schema.wrong(name, f"{size} bytes", f"{most} bytes of JSON at most")

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
