# SPDX-License-Identifier: BSD-2-Clause
"""Many rooms are created by requests that create all of their rooms or none.

As with a single room, the names are chosen before the first request, so that the rooms can be
looked up after a lost response, and the caller knows of every room that may exist.
"""

import asyncio
import json
import time
from collections.abc import Iterable, Sequence
from typing import Any

from loguru import logger

from pipecat_daily_rest._core import room_names
from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._http.api import API
from pipecat_daily_rest._rest import checks
from pipecat_daily_rest._rest.creation import SafeCreation, exists, same_exp
from pipecat_daily_rest._rest.room_lookup import get_room, list_rooms, read_room
from pipecat_daily_rest.answers.answer import read_list
from pipecat_daily_rest.errors import (
    DailyBatchError,
    DailyConfigError,
    DailyError,
    DailyNotFoundError,
    DailyResponseError,
)
from pipecat_daily_rest.models import DailyRoomObject, DailyRoomParams

# https://docs.daily.co/reference/rest-api/batch/create-rooms
BATCH = 1000
_BUCKETS = 10

_WHAT = "Unable to create rooms"


async def create_rooms(api: API, params: Iterable[DailyRoomParams]) -> list[DailyRoomObject]:
    """Create many rooms, in the same order; see `DailyRESTHelper.create_rooms`."""
    batches = _batches(api, params)
    made: list[DailyRoomObject] = []
    for number, batch in enumerate(batches):
        try:
            made += await batch.run()
        except DailyError as exc:
            uncertain = batch.names if batch.lost else []
            if not made and not uncertain:
                raise
            unasked = sum(len(later.names) for later in batches[number + 1 :])
            raise _partly(made, uncertain, unasked, exc) from exc
        except asyncio.CancelledError:
            known = [*(room.name for room in made), *(batch.names if batch.lost else ())]
            if known:
                logger.warning(
                    "The creation of rooms was cancelled; these may exist: {}", ", ".join(known)
                )
            raise
    return made


def _partly(
    made: list[DailyRoomObject], uncertain: Sequence[str], unasked: int, error: DailyError
) -> DailyBatchError:
    parts = [f"{len(made)} exist (see created)"]
    if uncertain:
        parts.append(f"{len(uncertain)} may exist, now or later (see uncertain)")
    if unasked:
        parts.append(f"{unasked} were not requested")
    msg = f"{_WHAT}: {', '.join(parts)}. {error}"
    partly = DailyBatchError(msg, created=tuple(made), uncertain=tuple(uncertain))
    partly.attempts = error.attempts
    return partly


def _batches(api: API, params: Iterable[DailyRoomParams]) -> list["BatchCreation"]:
    """The requests, checked, with a name for every room."""
    rooms: dict[str, dict[str, Any]] = {}
    if isinstance(params, DailyRoomParams) or not isinstance(params, Iterable):
        msg = "params must be a list of DailyRoomParams; create_room() creates one room."
        raise DailyConfigError(msg)
    for index, each in enumerate(params):
        try:
            checks.check_room(each, now=time.time())
        except DailyConfigError as exc:
            msg = f"Room {index} of the list: {exc}"
            raise DailyConfigError(msg) from exc
        name = each.name or room_names.anonymous()
        if name in rooms:
            msg = f"Room {index} of the list: an earlier one has the same name, {name!r}."
            raise DailyConfigError(msg)
        rooms[name] = each.model_dump(exclude_none=True)
    listed = list(rooms.items())
    return [
        BatchCreation(api, dict(listed[start : start + BATCH]))
        for start in range(0, len(listed), BATCH)
    ]


class BatchCreation(SafeCreation[list[DailyRoomObject]]):
    """The creation of some rooms by one request.

    Parameters:
        names: The rooms' names, in order.
    """

    def __init__(self, api: API, rooms: dict[str, dict[str, Any]]) -> None:
        super().__init__(api)
        self.names = list(rooms)
        self._rooms = rooms
        entries = [{**body, "name": name} for name, body in rooms.items()]
        self._body = {"rooms": entries}
        buckets = {
            json.dumps(bucket, sort_keys=True)
            for entry in entries
            if (bucket := entry["properties"].get("recordings_bucket")) is not None
        }
        if len(buckets) > _BUCKETS:
            msg = (
                f"{len(buckets)} different recordings_buckets in {len(entries)} rooms: Daily takes "
                f"{_BUCKETS} in a request. Create the rooms of a few buckets at a time."
            )
            raise DailyConfigError(msg)

    async def _post(self, deadline: Deadline) -> list[DailyRoomObject]:
        data = await self._send("/batch/rooms", self._body, what=_WHAT, deadline=deadline)
        rooms = self._read(data)
        self._found()
        return rooms

    def _read(self, data: Any) -> list[DailyRoomObject]:
        # Daily documents a bare list here; its other lists of rooms are wrapped.
        entries = read_list(data, None if isinstance(data, list) else "data", what=_WHAT)
        rooms = (read_room(each, what=_WHAT) for each in entries)
        found = {room.name: room for room in rooms}
        if missing := [name for name in self.names if name not in found]:
            msg = f"{_WHAT}: Invalid response: {len(missing)} rooms are not in it."
            raise DailyResponseError(msg)
        return [found[name] for name in self.names]

    async def _look(self, failure: DailyError, deadline: Deadline) -> list[DailyRoomObject] | None:
        """Look for one of the rooms: Daily has created all of them or none."""
        if not self.lost:
            return None
        proof = max(self.names, key=self._proves)
        try:
            room = await get_room(self.api, proof, deadline=deadline)
        except DailyNotFoundError:
            return None
        except DailyError as exc:  # the first failure tells more
            raise failure from exc
        body = self._rooms[proof]
        same = same_exp(room, body)
        if "name" in body and not same:
            if same is False:
                self.lost = 0  # Daily refuses the whole batch, since that name is taken
            unknown = same is None
            raise exists(_WHAT, room, failure, path="/batch/rooms", unknown=unknown) from failure
        try:
            rooms = await self._all()
        except DailyError as exc:
            raise failure from exc
        self._found()
        return rooms

    def _proves(self, name: str) -> int:
        """How well a room of this name proves the creation: 2 with a name made here, 1 with an ``exp``."""
        body = self._rooms[name]
        return int("exp" in body["properties"]) if "name" in body else 2

    async def _all(self) -> list[DailyRoomObject]:
        found: dict[str, DailyRoomObject] = {}
        async for room in list_rooms(self.api):  # the newest come first
            if room.name in self._rooms:
                found[room.name] = room
            if len(found) == len(self._rooms):
                break
        for name in self.names:
            if name not in found:
                found[name] = await get_room(self.api, name)
        return [found[name] for name in self.names]
