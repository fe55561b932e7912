# SPDX-License-Identifier: BSD-2-Clause
"""Many rooms made with one request, all or none, and owned from before it was sent."""

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
class Made:
    """A room that was made.

    Parameters:
        room: The room as Daily answered it.
        exp: When it ends by itself, in unix seconds.
        ownership: Its entry in the registry.
    """

    room: DailyRoomObject
    exp: float
    ownership: OwnedRoom


class Batch:
    """The making of many rooms, whose names were made up here."""

    def __init__(
        self, api: API, rooms: Sequence[tuple[dict[str, Any], str, float]], line: tuple[str, int]
    ) -> None:
        """Initialize, and send the request."""
        self._api = api
        self._creation = BatchCreation(api, {name: body for body, name, _ in rooms})
        self._exps = [exp for _, _, exp in rooms]
        self._owned = [
            OwnedRoom(api, name, expires_at=datetime.fromtimestamp(exp, UTC), pool_line=line)
            for _, name, exp in rooms
        ]
        creating = self._creation.run()
        self._creating = asyncio.create_task(creating, name=f"create {len(rooms)} rooms")

    async def made(self) -> list[Made]:
        """Wait for the answer.

        Returns:
            The rooms.

        Raises:
            DailyError: There are none, or it is not known; then and after a cancellation `undo` has
                to follow.
        """
        await asyncio.wait({self._creating})
        rooms = self._creating.result()
        for ownership, room in zip(self._owned, rooms, strict=True):
            ownership.confirm(room)
            ownership.may_be_created(self._creation.lost)
        return [Made(*each) for each in zip(rooms, self._exps, self._owned, strict=True)]

    async def undo(self, bounds: Bounds) -> None:
        """Leave no room behind. A request in flight is not abandoned: its answer is waited for.

        One that still waits for its turn is.
        """
        if self._creation.lost:
            await asyncio.wait({self._creating}, timeout=bounds.create())
        if not self._creating.done():
            self._creating.cancel()
            await asyncio.wait({self._creating})
        deadline = Deadline(bounds.delete())
        made: bool | None = not self._creating.cancelled() and not self._creating.exception()
        lost = self._creation.lost
        if not made and lost:
            made = await self._look(deadline)
            lost -= made is True
        for ownership in self._owned:
            if made is False:
                ownership.release()
                continue
            if made:
                ownership.confirm()
            ownership.may_be_created(lost)
        await asyncio.gather(*(each.delete(max(1.0, deadline.left())) for each in self._owned))

    async def _look(self, deadline: Deadline) -> bool | None:
        """Whether the rooms were created: all or none, so that one tells of all. None: unknown."""
        made: bool | None = None
        for pause in (0.0, *self._api.timings.look_again):
            await asyncio.sleep(pause)
            try:
                await get_room(self._api, self._owned[0].name, deadline=deadline)
            except DailyNotFoundError:
                made = False
            except DailyError:
                made = None
            else:
                return True
        return made
