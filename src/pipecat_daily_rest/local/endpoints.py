# SPDX-License-Identifier: BSD-2-Clause
"""What each endpoint of the REST API does to the state.

Reference: https://docs.daily.co/reference/rest-api
"""

import json
import secrets
import string
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web

from pipecat_daily_rest.local import schema
from pipecat_daily_rest.local.claims import BadToken, issue
from pipecat_daily_rest.local.kinds import as_text
from pipecat_daily_rest.local.properties import BATCH_CREATE, BATCH_DELETE, EJECT
from pipecat_daily_rest.local.room import Room
from pipecat_daily_rest.local.schema import Refusal, RoomRequest, Schema, invalid, no_room

if TYPE_CHECKING:
    from pipecat_daily_rest.local.server import LocalDaily

_SIP_HOST = "sip.local-daily.invalid"
_LETTERS = string.ascii_letters + string.digits


class Endpoints:
    """One method per endpoint: request and JSON body in, JSON of the answer out.

    A method raises `Refusal` to answer with an error. None of them waits, so that each is atomic.
    """

    def __init__(self, daily: "LocalDaily") -> None:
        """Initialize the endpoints.

        Args:
            daily: Whose.
        """
        self._daily = daily
        self._state = daily.state
        self._choices = daily.state.choices
        self._schema = Schema(daily.state.choices)

    @property
    def _now(self) -> float:
        return self._state.clock.now()

    # -- The domain ------------------------------------------------------------------------

    def domain(self, request: web.Request, body: Any) -> Any:
        """Give the domain, with its id.

        Reference: https://docs.daily.co/reference/rest-api/domain/get-domain-config
        """
        return {
            "domain_name": self._state.domain_name,
            "domain_id": self._state.domain_id,
            "config": {
                "hide_daily_branding": False,
                "hipaa": False,
                "lang": "en",
                "meeting_join_hook": "",
                "redirect_on_meeting_exit": "",
                "max_api_rooms": self._choices.max_api_rooms,
                "enable_prejoin_ui": True,
                "enable_people_ui": True,
            },
        }

    # -- Rooms -----------------------------------------------------------------------------

    def list_rooms(self, request: web.Request, body: Any) -> Any:
        """List the rooms, newest first.

        Reference: https://docs.daily.co/reference/rest-api/rooms/list-rooms
        """
        limit = self._schema.limit(request.query.get("limit"))
        rooms = sorted(
            self._daily.rooms.values(),
            key=lambda room: (int(room.created_at), room.id),
            reverse=True,
        )
        ids = [room.id for room in rooms]
        start = self._position(ids, request.query.get("starting_after"), "starting_after")
        end = self._position(ids, request.query.get("ending_before"), "ending_before")
        page = rooms[0 if start is None else start + 1 : end]
        page = page[-limit:] if end is not None and start is None else page[:limit]
        counted = self._state.rooms if self._choices.expired_in_total_count else rooms
        return {"total_count": len(counted), "data": [self._describe(room) for room in page]}

    def create_room(self, request: web.Request, body: Any) -> Any:
        """Make a room.

        Reference: https://docs.daily.co/reference/rest-api/rooms/create-room
        """
        wanted = self._schema.room(body, now=self._now)
        [room] = self._create([wanted])
        return self._describe(room)

    def get_room(self, request: web.Request, body: Any) -> Any:
        """Give a room.

        Reference: https://docs.daily.co/reference/rest-api/rooms/get-room
        """
        return self._describe(self._room(request))

    def update_room(self, request: web.Request, body: Any) -> Any:
        """Change a room; null resets a property.

        Reference: https://docs.daily.co/reference/rest-api/rooms/update-room
        """
        room = self._room(request)
        wanted = self._schema.room(body, now=self._now, named=False)
        config = schema.config({**room.config, **wanted.properties})
        if "sip" in wanted.properties:
            config = self._with_sip_uri(room.name, config)
        self._state.update_room(room, wanted.privacy, config)
        return self._describe(room)

    def delete_room(self, request: web.Request, body: Any) -> Any:
        """Delete a room. An expired one is deleted and the answer is a 404 all the same.

        Reference: https://docs.daily.co/reference/rest-api/rooms/delete-room
        """
        name = request.match_info["name"]
        if (room := self._state.rooms.get(name)) is None:
            raise no_room(name)
        expired = self._state.expired(room)
        self._state.delete_room(room)
        if expired:
            raise no_room(name, deleted=True)
        return {"deleted": True, "name": name}

    def batch_create(self, request: web.Request, body: Any) -> Any:
        """Make all of some rooms, or none.

        Reference: https://docs.daily.co/reference/rest-api/batch/create-rooms
        """
        entries = self._schema.body(BATCH_CREATE, body).get("rooms")
        if not entries:
            raise invalid(schema.MISSING)
        wanted = [self._schema.room(entry, now=self._now) for entry in entries]
        buckets = {
            json.dumps(bucket, sort_keys=True)
            for each in wanted
            if (bucket := each.properties.get("recordings_bucket")) is not None
        }
        if len(buckets) > 10:
            raise invalid(f"there are {len(buckets)} different recordings_buckets (10 at most)")
        rooms = [self._describe(room) for room in self._create(wanted)]
        wrapped = self._choices.batch_create_wrapped
        return {"total_count": len(rooms), "data": rooms} if wrapped else rooms

    def batch_delete(self, request: web.Request, body: Any) -> Any:
        """Delete all of some rooms, or none.

        Reference: https://docs.daily.co/reference/rest-api/batch/delete-rooms
        """
        names = self._schema.body(BATCH_DELETE, body).get("room_names")
        if not names:
            raise invalid(schema.MISSING)
        if len(set(names)) < len(names) and not self._choices.batch_delete_duplicates:
            raise invalid("a name is in room_names twice")
        found = {name: self._state.find_room(name) for name in names}
        missing = [name for name, room in found.items() if room is None]
        if missing and self._choices.batch_delete_missing is not None:
            raise no_room(missing[0], self._choices.batch_delete_missing)
        rooms = [room for room in found.values() if room is not None]
        for room in rooms:
            self._state.delete_room(room)
        return {"deleted_count": len(rooms)}

    def _create(self, wanted: list[RoomRequest]) -> list[Room]:
        """Make all of these rooms, or none."""
        names: list[str] = []
        for each in wanted:
            name = each.name or "".join(secrets.choice(_LETTERS) for _ in range(20))
            taken = self._state.rooms if not self._choices.expired_name_free else self._daily.rooms
            if name in taken or name in names:
                raise invalid(schema.NAME_TAKEN.format(name=name))
            names.append(name)
        limit = self._choices.max_api_rooms
        if limit is not None and len(self._daily.rooms) + len(names) > limit:
            raise invalid(self._choices.too_many_rooms_info.format(limit=limit))
        return [
            self._state.create_room(
                name,
                each.privacy or "public",
                self._with_sip_uri(name, schema.config(each.properties)),
            )
            for name, each in zip(names, wanted, strict=True)
        ]

    def _with_sip_uri(self, name: str, config: dict[str, Any]) -> dict[str, Any]:
        # https://docs.daily.co/docs/guides/features/dial-in-dial-out/sip
        config.pop("sip_uri", None)
        if (sip := config.get("sip")) is None:
            return config
        prefix = "sip:" if self._choices.sip_prefix else ""
        users = [f"{name}.{number}" for number in range(int(sip.get("num_endpoints") or 1))]
        if sip.get("force_digit_only_username"):
            users = ["".join(secrets.choice(string.digits) for _ in range(10))]
        first, *more = [f"{prefix}{user}@{_SIP_HOST}" for user in users]
        return {
            **config,
            "sip_uri": {"endpoint": first, **({"extra_endpoints": more} if more else {})},
        }

    def _room(self, request: web.Request) -> Room:
        name = request.match_info["name"]
        if (room := self._state.find_room(name)) is None:
            raise no_room(name)
        return room

    def _describe(self, room: Room) -> dict[str, Any]:
        return {
            "id": room.id,
            "name": room.name,
            "api_created": True,
            "privacy": room.privacy,
            "url": f"{self._daily.url}/{room.name}",
            "created_at": _iso(room.created_at),
            "config": room.config,
        }

    def _position(self, ids: list[str], cursor: str | None, name: str) -> int | None:
        if cursor is None or (cursor not in ids and self._choices.unknown_cursor == "ignore"):
            return None
        if cursor not in ids:
            raise invalid(f"{name} was '{as_text(cursor)}', which is no room's id")
        return ids.index(cursor)

    # -- Who is in -------------------------------------------------------------------------

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
                "joinTime": _iso(participant.joined_at),
                "duration": int(self._now - participant.joined_at),
            }
            for participant in room.participants.values()
            if not participant.hidden or self._choices.hidden_in_presence
        ]

    # -- Meeting tokens --------------------------------------------------------------------

    def create_token(self, request: web.Request, body: Any) -> Any:
        """Make a meeting token.

        Reference: https://docs.daily.co/reference/rest-api/meeting-tokens/create-meeting-token
        """
        properties = self._schema.token(body, now=self._now)
        name = properties.get("room_name")
        if name is not None and not self._choices.token_for_unknown_room:
            if self._state.find_room(name) is None:
                raise no_room(name, 400)
        token = issue(
            properties,
            api_key=self._state.api_key,
            domain_id=self._state.domain_id,
            issued_at=self._now,
        )
        return {"token": token}

    def validate_token(self, request: web.Request, body: Any) -> Any:
        """Give what a meeting token says.

        Reference: https://docs.daily.co/reference/rest-api/meeting-tokens/validate-meeting-token
        """
        ignore_nbf = request.query.get("ignoreNbf") == "true"
        try:
            properties = self._state.read_token(request.match_info["token"], ignore_nbf=ignore_nbf)
        except BadToken as exc:
            raise invalid(str(exc)) from exc
        hidden = () if self._choices.validation_shows_times else ("exp", "nbf")
        return {name: value for name, value in properties.items() if name not in hidden}


def _iso(instant: float) -> str:
    return datetime.fromtimestamp(int(instant), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
