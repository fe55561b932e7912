# SPDX-License-Identifier: BSD-2-Clause
"""The rooms that this process has to delete: all state that belongs to the process is here."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeAlias, TypeVar

from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._core.timings import DELETE_BOUND

# Takes the seconds that it may wait, and gives whether there is nothing left to delete.
Deletion: TypeAlias = Callable[[float], Awaitable[bool]]


class Room(Protocol):
    """What the process needs to know of an `OwnedRoom`."""

    @property
    def waits(self) -> bool: ...
    async def delete(self, bound: float, /) -> bool: ...
    def release(self) -> None: ...


R = TypeVar("R", bound=Room)


class ProcessRooms(Generic[R]):
    """The rooms that this process has to delete.

    Parameters:
        owned: Those that it made, oldest first, by their `id()`.
        lent: How to delete the rooms that another runner made for bots under `deletes_room`.
        drains: The blocks of `drain_on_exit`, once the process was told to stop.
    """

    def __init__(self) -> None:
        self.owned: dict[int, R] = {}
        self.lent: set[Deletion] = set()
        self.drains: set[object] = set()

    def after_fork(self) -> None:
        """In the child: the rooms are the parent's."""
        for room in tuple(self.owned.values()):
            room.release()
        self.lent.clear()
        self.drains.clear()

    def in_use(self) -> bool:
        """Whether a room is in use: one that waits in a pool is not."""
        return bool(self.lent) or any(not room.waits for room in tuple(self.owned.values()))

    async def drain(self, bound: float = DELETE_BOUND, *, only_waiting: bool = False) -> bool:
        """Delete every room, or those that wait in a pool, and tell whether all are gone.

        What is made meanwhile is deleted too. ``bound`` is in seconds, for all together.
        """
        deadline = Deadline(bound)
        tried: dict[Deletion, bool] = {}
        while deletions := self._deletions(only_waiting) - tried.keys():
            if not deadline.left():
                return False
            gone = await asyncio.gather(*(delete(deadline.left()) for delete in deletions))
            tried.update(zip(deletions, gone, strict=True))
        return all(tried.values())

    def _deletions(self, only_waiting: bool) -> set[Deletion]:
        rooms = tuple(self.owned.values())
        if only_waiting:
            return {room.delete for room in rooms if room.waits}
        return {*(room.delete for room in rooms), *self.lent}
