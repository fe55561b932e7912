# SPDX-License-Identifier: BSD-2-Clause
"""Rooms.

Reference: https://docs.daily.co/reference/rest-api/rooms
"""

import time
from collections.abc import AsyncIterator, Iterable

from pipecat_daily_rest import _rooms, checks, names
from pipecat_daily_rest._create import Creation
from pipecat_daily_rest._methods.base import Methods
from pipecat_daily_rest._secret import hidden
from pipecat_daily_rest.models import (
    DailyRoomObject,
    DailyRoomParams,
)


class RoomMethods(Methods):
    """Rooms: made, looked up, listed, deleted."""

    def get_name_from_url(self, room_url: str) -> str:
        """Take the room's name from its URL.

        Args:
            room_url: As ``https://x.daily.co/room``.

        Returns:
            The room's name.

        Raises:
            DailyConfigError: It is not the URL of a room.
        """
        room_url = hidden(room_url)
        return names.from_url(room_url)

    async def get_room_from_url(self, room_url: str) -> DailyRoomObject:
        """Look a room up.

        Args:
            room_url: The room's URL.

        Returns:
            The room.

        Raises:
            DailyNotFoundError: There is none.
            DailyError: It could not be told.
        """
        room_url = hidden(room_url)
        return await _rooms.get_room(self.api, names.from_url(room_url))

    async def create_room(self, params: DailyRoomParams) -> DailyRoomObject:
        """Make a room, exactly as the parameters say.

        An answer that is lost is resolved by looking, if the parameters have a name.

        Args:
            params: The room's parameters.

        Returns:
            The room.

        Raises:
            DailyRoomExistsError: A room of that name exists.
            DailyError: It could not be made.
        """
        checks.check_room(params, now=time.time())
        return await Creation(self.api, params, minted=False).run()

    def list_rooms(self) -> AsyncIterator[DailyRoomObject]:
        """List the rooms that exist, all pages, newest first.

        Returns:
            The rooms, to be read with ``async for``; a page that cannot be had raises a
            `DailyError` there.
        """
        return _rooms.list_rooms(self.api)

    async def delete_rooms(self, room_names: Iterable[str]) -> int:
        """Delete many rooms, 1000 with each request. A request deletes all of its rooms or none.

        Args:
            room_names: The rooms' names.

        Returns:
            How many were deleted.

        Raises:
            DailyError: A request was refused, as it is when one of its rooms does not exist.
        """
        unique = dict.fromkeys(room_names)
        return await _rooms.delete_rooms(self.api, [names.check(name) for name in unique])

    async def delete_room_by_url(self, room_url: str) -> bool:
        """Delete a room.

        Args:
            room_url: The room's URL.

        Returns:
            True: the room no longer exists.

        Raises:
            DailyError: It could not be deleted.
        """
        room_url = hidden(room_url)
        return await self.delete_room_by_name(names.from_url(room_url))

    async def delete_room_by_name(self, room_name: str) -> bool:
        """Delete a room. One that is gone already is a success.

        Args:
            room_name: The room's name.

        Returns:
            True: the room no longer exists.

        Raises:
            DailyError: It could not be deleted.
        """
        await _rooms.delete_room(self.api, names.check(room_name))
        return True
