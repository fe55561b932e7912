# SPDX-License-Identifier: BSD-2-Clause
"""Many rooms created with one request, all or none, and owned from before it is sent."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._http.api import API
from pipecat_daily_rest._rest.batch_creation import BatchCreation
from pipecat_daily_rest._rest.room_lookup import get_room
from pipecat_daily_rest._rooms.bounds import Bounds
from pipecat_daily_rest._rooms.owned import OwnedRoom
from pipecat_daily_rest.errors import DailyError, DailyNotFoundError
from pipecat_daily_rest.models import DailyRoomObject


@dataclass(frozen=True, eq=False)
class PoolRoom:
    """A room of a pool, as Daily answered it; it expires at ``exp`` (unix seconds)."""

    room: DailyRoomObject
    exp: float
    ownership: OwnedRoom


class PoolBatch:
    """The creation of many rooms, whose names were made up here. It begins at once."""

    def __init__(self, api: API, bodies: Sequence[dict[str, Any]], line: tuple[str, int]) -> None:
        self._api = api
        self._creation = BatchCreation(api, {body["name"]: body for body in bodies})
        self._exps = [body["properties"]["exp"] for body in bodies]
        self._owned = [
            OwnedRoom(
                api, body["name"], expires_at=datetime.fromtimestamp(exp, UTC), pool_line=line
            )
            for body, exp in zip(bodies, self._exps, strict=True)
        ]
        creating = self._creation.run()
        self._creating = asyncio.create_task(creating, name=f"create {len(bodies)} rooms")

    async def created(self) -> list[PoolRoom]:
        """Wait for the answer; after an error or a cancellation `undo` has to follow."""
        await asyncio.wait({self._creating})
        rooms = self._creating.result()
        for ownership, room in zip(self._owned, rooms, strict=True):
            ownership.confirm(room)
            ownership.may_be_created(self._creation.lost)
        return [PoolRoom(*each) for each in zip(rooms, self._exps, self._owned, strict=True)]

    async def undo(self, bounds: Bounds) -> None:
        """Delete the rooms, if there are any: a request that was sent is waited for."""
        if self._creation.lost:
            await asyncio.wait({self._creating}, timeout=bounds.create())
        if not self._creating.done():
            self._creating.cancel()
            await asyncio.wait({self._creating})
        deadline = Deadline(bounds.delete())
        created: bool | None = not self._creating.cancelled() and not self._creating.exception()
        lost = self._creation.lost
        if not created and lost:
            created = await self._look(deadline)
            lost -= created is True
        for ownership in self._owned:
            if created is False:
                ownership.release()
                continue
            if created:
                ownership.confirm()
            ownership.may_be_created(lost)
        await asyncio.gather(*(each.delete(max(1.0, deadline.left())) for each in self._owned))

    async def _look(self, deadline: Deadline) -> bool | None:
        """Whether the rooms were created: all or none, so one tells of all. None: unknown."""
        created: bool | None = None
        for pause in (0.0, *self._api.timings.look_again):
            await asyncio.sleep(pause)
            try:
                await get_room(self._api, self._owned[0].name, deadline=deadline)
            except DailyNotFoundError:
                created = False
            except DailyError:
                created = None
            else:
                return True
        return created
