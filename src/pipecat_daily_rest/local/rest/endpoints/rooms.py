# SPDX-License-Identifier: BSD-2-Clause
"""Rooms: created, listed, updated and deleted, one by one and in batches.

Reference: https://docs.daily.co/reference/rest-api/rooms
"""

import json
import secrets
import string
from typing import Any

from aiohttp import web

from pipecat_daily_rest.local.call.room import Room
from pipecat_daily_rest.local.rest.endpoints.family import Family, Route, iso
from pipecat_daily_rest.local.rest.journal import user_agent
from pipecat_daily_rest.local.rules import schema
from pipecat_daily_rest.local.rules.properties import BATCH_CREATE, BATCH_DELETE
from pipecat_daily_rest.local.rules.schema import RoomBody, invalid, no_room

_SIP_HOST = "sip.local-daily.invalid"
_LETTERS = string.ascii_letters + string.digits


class RoomEndpoints(Family):
    """The rooms of the domain."""

    def routes(self) -> list[Route]:
        """List the endpoints."""
        return [
            ("GET", "/rooms", self.list_rooms),
            ("POST", "/rooms", self.create_room),
            ("GET", "/rooms/{name}", self.get_room),
            ("POST", "/rooms/{name}", self.update_room),
            ("DELETE", "/rooms/{name}", self.delete_room),
            ("POST", "/batch/rooms", self.batch_create),
            ("DELETE", "/batch/rooms", self.batch_delete),
        ]

    def list_rooms(self, request: web.Request, body: Any) -> Any:
        """List the rooms, newest first."""
        # https://docs.daily.co/reference/rest-api/rooms/list-rooms
        rooms = sorted(
            self._domain.existing().values(),
            key=lambda room: (int(room.created_at), room.id),
            reverse=True,
        )
        page = self._page(request, rooms, id=lambda room: room.id, what="room")
        counted = self._domain.rooms if self._choices.expired_in_total_count else rooms
        return {"total_count": len(counted), "data": [self._describe(room) for room in page]}

    def create_room(self, request: web.Request, body: Any) -> Any:
        """Create a room."""
        # https://docs.daily.co/reference/rest-api/rooms/create-room
        wanted = self._schema.room(body, now=self._now)
        [room] = self._create([wanted], user_agent(request, self._domain.api_key))
        return self._describe(room)

    def get_room(self, request: web.Request, body: Any) -> Any:
        """Give a room."""
        # https://docs.daily.co/reference/rest-api/rooms/get-room
        return self._describe(self._read(request))

    def update_room(self, request: web.Request, body: Any) -> Any:
        """Update a room; null resets a property."""
        # https://docs.daily.co/reference/rest-api/rooms/update-room
        room = self._read(request)
        wanted = self._schema.room(body, now=self._now, named=False)
        changes = self._possible(room, wanted.properties)
        config = schema.config({**room.config, **changes})
        if "sip" in changes:
            config = self._with_sip_uri(room.name, config)
        self._parts.rooms.update(room, wanted.privacy, config)
        return self._describe(room)

    def _read(self, request: web.Request) -> Room:
        expired = self._domain.rooms.get(request.match_info["name"])
        if expired is not None and self._choices.expired_room_answers:
            return expired
        return self._room(request)

    def _possible(self, room: Room, changes: dict[str, Any]) -> dict[str, Any]:
        """Give the changes that are possible while people are in the room."""
        name = "enable_screenshare"
        same = schema.config({name: changes.get(name)}) == schema.config(
            {name: room.config.get(name)}
        )
        if room.meeting is None or name not in changes or same:
            return changes
        if self._choices.screenshare_in_meeting == "error":
            raise invalid(f"{name} cannot change while a meeting runs")
        return {each: value for each, value in changes.items() if each != name}

    def delete_room(self, request: web.Request, body: Any) -> Any:
        """Delete a room; an expired one is deleted, and the response is a 404 nevertheless."""
        # https://docs.daily.co/reference/rest-api/rooms/delete-room
        name = request.match_info["name"]
        if (room := self._domain.rooms.get(name)) is None:
            raise no_room(name)
        expired = self._domain.expired(room)
        self._parts.rooms.delete(room)
        if expired:
            raise no_room(name, deleted=True)
        return {"deleted": True, "name": name}

    def batch_create(self, request: web.Request, body: Any) -> Any:
        """Create all of some rooms, or none."""
        # https://docs.daily.co/reference/rest-api/batch/create-rooms
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
            raise invalid(
                f"the rooms have {len(buckets)} different recordings_buckets (10 at most)"
            )
        made_by = user_agent(request, self._domain.api_key)
        rooms = [self._describe(room) for room in self._create(wanted, made_by)]
        wrapped = self._choices.batch_create_wrapped
        return {"total_count": len(rooms), "data": rooms} if wrapped else rooms

    def batch_delete(self, request: web.Request, body: Any) -> Any:
        """Delete all of some rooms, or none."""
        # https://docs.daily.co/reference/rest-api/batch/delete-rooms
        names = self._schema.body(BATCH_DELETE, body).get("room_names")
        if names is None or (not names and self._choices.batch_delete_of_nothing == 400):
            raise invalid(schema.MISSING)
        if len(set(names)) < len(names) and not self._choices.batch_delete_duplicates:
            raise invalid("room_names has a name twice")
        found = {name: self._domain.find(name) for name in names}
        missing = [name for name, room in found.items() if room is None]
        if missing and self._choices.batch_delete_missing is not None:
            raise no_room(missing[0], self._choices.batch_delete_missing)
        rooms = [room for room in found.values() if room is not None]
        for room in rooms:
            self._parts.rooms.delete(room)
        return {"deleted_count": len(rooms)}

    def _create(self, wanted: list[RoomBody], made_by: str) -> list[Room]:
        """Create all of these rooms, or none."""
        free = self._choices.expired_name_free
        taken = self._domain.existing() if free else self._domain.rooms
        names: list[str] = []
        for each in wanted:
            name = each.name or "".join(secrets.choice(_LETTERS) for _ in range(20))
            if name in taken or name in names:
                raise invalid(schema.NAME_TAKEN.format(name=name))
            names.append(name)
        limit = self._choices.max_api_rooms
        if limit is not None and len(self._domain.existing()) + len(names) > limit:
            raise invalid(self._choices.too_many_rooms_info.format(limit=limit))
        return [
            self._parts.rooms.create(
                name,
                each.privacy or "public",
                self._with_sip_uri(name, schema.config(each.properties)),
                made_by=made_by,
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

    def _describe(self, room: Room) -> dict[str, Any]:
        hidden = () if self._choices.sip_in_config else ("sip",)
        return {
            "id": room.id,
            "name": room.name,
            "api_created": True,
            "privacy": room.privacy,
            "url": f"{self._parts.url()}/{room.name}",
            "created_at": iso(room.created_at),
            "config": {name: each for name, each in room.config.items() if name not in hidden},
        }
