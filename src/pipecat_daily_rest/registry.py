# SPDX-License-Identifier: BSD-2-Clause
"""The rooms that this process owns, and how they go."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from loguru import logger

from pipecat_daily_rest._finish import finish
from pipecat_daily_rest._http import API, Deadline
from pipecat_daily_rest._rooms import delete_room, get_room
from pipecat_daily_rest.errors import DailyError, DailyNotFoundError
from pipecat_daily_rest.models import DailyRoomObject

DELETE_BOUND = 10.0  # seconds
_LOOK_AGAIN = (1.0, 5.0)  # seconds after a create whose outcome is unknown

_owned: dict[int, "OwnedRoom"] = {}


class OwnedRoom:
    """A room that this process made and has to delete.

    Parameters:
        name: The room's name.
        url: The room's URL, or "" while no answer has told it.
        expires_at: When Daily ends it by itself.
        gone: Whether it is known to exist no longer.
    """

    def __init__(
        self,
        api: API,
        name: str,
        *,
        expires_at: datetime | None,
        is_ours: Callable[[DailyRoomObject], bool] | None = None,
    ) -> None:
        """Initialize, and enter it into the registry.

        Args:
            api: The API that made it.
            name: The room's name.
            expires_at: When Daily ends it by itself.
            is_ours: How to tell that a room of this name is ours, when the name alone does not.
        """
        self.name = name
        self.url = ""
        self.expires_at = expires_at
        self.gone = False
        self._api = api.twin()
        self._is_ours = is_ours
        self._known = False
        self._deletion: asyncio.Task[None] | None = None
        _owned[id(self)] = self

    def confirm(self, room: DailyRoomObject) -> None:
        """Note that the room exists, so that a 404 at its deletion tells that it is gone.

        Args:
            room: The room as Daily answered it.
        """
        self._known = True
        self.name, self.url = room.name, room.url

    def release(self) -> None:
        """Own it no longer: it is gone, never came about, or somebody else takes over."""
        _owned.pop(id(self), None)

    async def delete(self, bound: float = DELETE_BOUND) -> bool:
        """Delete the room, once, whatever happens to the caller.

        A cancellation is kept until the deletion has ended and raised then. A failure is logged,
        never raised.

        Args:
            bound: Seconds to wait for it at the most.

        Returns:
            Whether the room is known to be gone.
        """
        if id(self) not in _owned:
            return self.gone
        if self._deletion is None or self._deletion.get_loop() is not asyncio.get_running_loop():
            self._deletion = asyncio.create_task(self._delete(bound), name=f"delete {self.name}")
        deletion = self._deletion
        try:
            await finish(deletion, bound)
        finally:
            if not deletion.done():
                self._report(f"no answer within {bound:g} s.")
        return self.gone

    async def _delete(self, bound: float) -> None:
        """Never raises but a cancellation."""
        try:
            await (self._delete_known(bound) if self._known else self._undo(bound))
            self.gone = True
        except DailyError as exc:
            self._report(str(exc))
        finally:
            self.release()
            await self._api.aclose()

    async def _delete_known(self, bound: float) -> None:
        await delete_room(self._api, self.name, deadline=Deadline(bound))
        logger.debug("Room {} deleted", self.name)

    async def _undo(self, bound: float) -> None:
        """A create without an answer may still come about: a 404 proves nothing at first."""
        for pause in (0.0, *_LOOK_AGAIN):
            await asyncio.sleep(pause)
            deadline = Deadline(bound)
            if self._is_ours is not None:
                try:
                    room = await get_room(self._api, self.name, deadline=deadline)
                except DailyNotFoundError:
                    continue
                if not self._is_ours(room):
                    return
            if await delete_room(self._api, self.name, deadline=deadline):
                logger.debug("Room {} deleted", self.name)
                return

    def _report(self, why: str) -> None:
        end = "It has no expiry: delete it in Daily's dashboard."
        if self.expires_at is not None:
            end = f"It ends by itself at {self.expires_at:%Y-%m-%d %H:%M:%S %Z}."
        logger.error("Room {} could not be deleted: {} {}", self.name, why, end)


def owned_rooms() -> tuple[OwnedRoom, ...]:
    """Give the rooms that this process owns.

    Returns:
        The rooms, oldest first; one leaves when it is deleted or kept.
    """
    return tuple(_owned.values())


async def drain(bound: float = DELETE_BOUND) -> bool:
    """Delete every room that this process owns.

    Args:
        bound: Seconds to wait at the most.

    Returns:
        Whether all are known to be gone.
    """
    return all(await asyncio.gather(*(room.delete(bound) for room in owned_rooms())))


@asynccontextmanager
async def drain_on_exit(bound: float = DELETE_BOUND) -> AsyncIterator[None]:
    """Delete every room that this process owns when the block ends.

    For a FastAPI lifespan or an aiohttp cleanup context: under a server that gets SIGTERM, a bot's
    own ``finally`` may never run.

    Args:
        bound: Seconds to wait at the most.

    Yields:
        Nothing.
    """
    try:
        yield
    finally:
        await drain(bound)
