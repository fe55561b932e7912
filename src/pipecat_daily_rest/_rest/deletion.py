# SPDX-License-Identifier: BSD-2-Clause
"""Rooms are deleted, many with one request, without waiting for the slow rate tier.

The deletion of a single room has a slow rate tier (50 in 30 s), a batch has not. But Daily deletes
all rooms of a batch or none, and does not say which of them was the reason.

References:
    https://docs.daily.co/reference/rest-api/rooms/delete-room
    https://docs.daily.co/reference/rest-api/batch/delete-rooms
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeAlias

from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._http.api import API
from pipecat_daily_rest._http.rates import NoTurn
from pipecat_daily_rest._rest.room_lookup import BATCH, delete_batch, get_room, list_rooms
from pipecat_daily_rest.errors import (
    DailyError,
    DailyInvalidRequestError,
    DailyNotFoundError,
    DailyRateLimitError,
    DailyTimeoutError,
)

_SINGLY = 10  # rooms; so many are looked up by name, more are looked for in the list
_SINGLY_IN_FLEET = 100  # there the list has many pages
_REFUSALS = 20  # batches; one bad room among a thousand costs ten

# True, False when the room was gone already, or why it could not be deleted.
Result: TypeAlias = DailyError | bool


class Deletion:
    """The deletion of rooms that may be gone at any moment.

    Parameters:
        failed: Why a room could not be deleted, by its name.
        absent: The rooms that were gone already, as far as Daily told.
    """

    def __init__(self, api: API, deadline: Deadline | None = None) -> None:
        """Initialize; when ``deadline`` is None each request has the retry policy's."""
        self.failed: dict[str, DailyError] = {}
        self.absent: set[str] = set()
        self._api = api.for_teardown()
        self._deadline = deadline
        self._refusals = 0

    async def run(self, names: Sequence[str], *, size: int = BATCH) -> None:
        """Delete rooms, ``size`` with each request at most. It raises nothing: see `result`."""
        for start in range(0, len(names), size):
            await self._delete(list(names[start : start + size]))

    def result(self, name: str) -> Result:
        """Tell how a room's deletion ended."""
        return self.failed.get(name) or name not in self.absent

    async def single(self, name: str) -> bool:
        """Delete a room with a request of its own; False when the slow rate tier has no slot."""
        what = f"Failed to delete room [{name}]"
        try:
            await self._api.request(
                "DELETE",
                f"/rooms/{name}",
                what=what,
                deadline=self._deadline,
                surface=(DailyRateLimitError,),
                patient=False,
            )
        except (DailyRateLimitError, NoTurn):
            return False
        except DailyNotFoundError:
            self.absent.add(name)
        except DailyError as exc:
            await self._look([name], exc)
        return True

    async def batch(
        self, names: list[str], close: Callable[[], list[str]] | None = None
    ) -> list[str]:
        """Delete rooms with one request and give them; ``close`` tells which go when it is sent."""
        sent = names

        def closed() -> list[str]:
            nonlocal sent
            sent = close() if close is not None else names
            return sent

        try:
            count = await delete_batch(self._api, names, deadline=self._deadline, close=closed)
            if not count and len(sent) == 1:
                self.absent.update(sent)
        except DailyError as exc:
            await self._settle(sent, exc)
        return sent

    async def _delete(self, names: list[str]) -> None:
        if len(names) == 1 and await self.single(names[0]):
            return
        if names:
            await self.batch(names)

    async def _settle(self, names: list[str], error: DailyError) -> None:
        """Find out which rooms are left; if all are, halve the batch to find the one in its way."""
        if isinstance(error, DailyRateLimitError):  # a look would cost more requests
            self._fail(names, error)
            return
        self._refusals += 1
        refused = isinstance(error, DailyInvalidRequestError | DailyNotFoundError)
        left = await self._look(names, error, again=refused and self._refusals <= _REFUSALS)
        if len(left) < len(names):
            await self._delete(left)
        elif len(left) > 1:
            half = len(left) // 2
            await self._delete(left[:half])
            await self._delete(left[half:])
        else:
            self._fail(left, error)

    async def _look(self, names: list[str], error: DailyError, *, again: bool = False) -> list[str]:
        """Give the rooms that still exist and are tried ``again``; otherwise they have failed."""
        try:
            there = await self._existing(names)
        except DailyError:
            self._fail(names, error)
            return []
        left = [name for name in names if name in there]
        if again:
            self.absent.update(set(names) - there)
            return left
        self._fail(left, error)
        return []

    async def _existing(self, names: list[str]) -> set[str]:
        if len(names) <= (_SINGLY if self._api.fleet is None else _SINGLY_IN_FLEET):
            found = await asyncio.gather(*map(self._exists, names))
            return {name for name, there in zip(names, found, strict=True) if there}
        try:
            async with asyncio.timeout(self._deadline.left() if self._deadline else None):
                return {room.name async for room in list_rooms(self._api)}
        except TimeoutError as exc:
            msg = "Unable to list the rooms: no answer in time."
            raise DailyTimeoutError(msg) from exc

    async def _exists(self, name: str) -> bool:
        try:
            await get_room(self._api, name, deadline=self._deadline)
        except DailyNotFoundError:
            return False
        return True

    def _fail(self, names: Sequence[str], error: DailyError) -> None:
        self.failed.update(dict.fromkeys(names, error))
