# SPDX-License-Identifier: BSD-2-Clause
"""Rooms.

Reference: https://docs.daily.co/reference/rest-api/rooms
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any, Literal

from loguru import logger

from pipecat_daily_rest._core import arguments
from pipecat_daily_rest._core import room_names as names
from pipecat_daily_rest._core.secret import hide_secrets
from pipecat_daily_rest._rest import checks, room_lookup
from pipecat_daily_rest._rest.batch_creation import create_rooms
from pipecat_daily_rest._rest.creation import Creation
from pipecat_daily_rest._rest.deletion_batcher import delete_room
from pipecat_daily_rest._rest.endpoints.base import Methods
from pipecat_daily_rest.errors import DailyConfigError, DailyError, DailyRoomExistsError
from pipecat_daily_rest.models import DailyRoomObject, DailyRoomParams, DailyRoomProperties


class RoomMethods(Methods):
    """Rooms."""

    def get_name_from_url(self, room_url: str) -> str:
        """Take the room's name from its URL.

        Args:
            room_url: As ``https://x.daily.co/room``.

        Returns:
            The room's name.

        Raises:
            DailyConfigError: It is not the URL of a room.
        """
        room_url = hide_secrets(room_url)
        return names.from_url(room_url)

    async def get_room(self, room_name: str) -> DailyRoomObject:
        """Look a room up by its name.

        Reference: https://docs.daily.co/reference/rest-api/rooms/get-room

        Args:
            room_name: The room's name.

        Returns:
            The room.

        Raises:
            DailyNotFoundError: It does not exist.
            DailyError: Daily gave no usable answer.
        """
        return await room_lookup.get_room(self.api, names.check(room_name))

    async def get_room_from_url(self, room_url: str) -> DailyRoomObject:
        """Look a room up by its URL.

        Args:
            room_url: The room's URL.

        Returns:
            The room.

        Raises:
            DailyNotFoundError: It does not exist.
            DailyError: Daily gave no usable answer.
        """
        room_url = hide_secrets(room_url)
        return await self.get_room(names.from_url(room_url))

    async def create_room(self, params: DailyRoomParams) -> DailyRoomObject:
        """Create a room, exactly as the parameters say.

        After a lost response the room is looked up, if the parameters have a name: a room with the
        ``exp`` that was sent is this call's. If that stays unknown, the error says so.

        Args:
            params: The room's parameters.

        Returns:
            The room.

        Raises:
            DailyRoomExistsError: A room of that name exists.
            DailyError: Daily did not create it, or the response was lost: then the message says
                that the room may exist, and how to find out.
        """
        checks.check_room(params, now=time.time())
        body = params.model_dump(exclude_none=True)
        creation = Creation(self.api, body, unique_name=False)
        try:
            return await creation.run()
        except DailyError as exc:
            if (doubt := creation.doubt()) and not isinstance(exc, DailyRoomExistsError):
                exc.args = (f"{exc} {doubt}",)
            raise
        except asyncio.CancelledError:
            if doubt := creation.doubt():
                logger.warning("The creation of a room was cancelled. {}", doubt)
            raise

    async def create_rooms(self, params: Iterable[DailyRoomParams]) -> list[DailyRoomObject]:
        """Create many rooms, 1000 with each request. A request creates all of its rooms or none.

        A room without a name gets one here, so that it can be looked up after a lost response.
        Rooms that were created before an error stay, and belong to the caller.

        Reference: https://docs.daily.co/reference/rest-api/batch/create-rooms

        Args:
            params: The parameters of each room.

        Returns:
            The rooms, in the same order.

        Raises:
            DailyConfigError: Daily would refuse one of them; nothing was sent.
            DailyBatchError: Some of the rooms exist or may exist: the error names them.
            DailyError: None of the rooms exists.
        """
        return await create_rooms(self.api, params)

    async def update_room(
        self,
        room_name: str,
        properties: DailyRoomProperties | None = None,
        *,
        privacy: Literal["private", "public"] | None = None,
        reset: Iterable[str] = (),
    ) -> DailyRoomObject:
        """Change a room. Properties that are not named stay as they are.

        For instance::

            await helper.update_room("demo", DailyRoomProperties(enable_chat=True), reset=["sip"])

        For participants in the room the time of their ejection, fixed when they joined, stays.

        Reference: https://docs.daily.co/reference/rest-api/rooms/update-room

        Args:
            room_name: The room's name.
            properties: What to change: the fields that were set, not the model's defaults. A field
                that was set to None is reset.
            privacy: ``private`` or ``public``; None does not change it.
            reset: Names of properties that get Daily's default again.

        Returns:
            The room as it is now.

        Raises:
            DailyConfigError: There is nothing to change, or Daily would refuse it.
            DailyNotFoundError: The room does not exist.
            DailyError: Daily did not change it.
        """
        name = names.check(room_name)
        arguments.one_of("privacy", privacy, "private", "public")
        changes = _changes(properties, reset)
        if privacy is None and not changes:
            msg = f"Nothing to change in room {name!r}: set a property, or pass privacy or reset."
            raise DailyConfigError(msg)
        body = {
            **({} if privacy is None else {"privacy": privacy}),
            **({"properties": changes} if changes else {}),
        }
        what = f"Unable to update room {name!r}"
        data = await self.api.request("POST", f"/rooms/{name}", what=what, json=body)
        return room_lookup.read_room(data, what=what, name=name)

    def list_rooms(self) -> AsyncIterator[DailyRoomObject]:
        """List the rooms that exist, all pages, newest first.

        Returns:
            The rooms, for ``async for``, which raises `DailyError` if a page cannot be read.
        """
        return room_lookup.list_rooms(self.api)

    async def delete_rooms(self, room_names: Iterable[str]) -> int:
        """Delete many rooms, 1000 with each request. A request deletes all of its rooms or none.

        Args:
            room_names: The rooms' names.

        Returns:
            How many were deleted.

        Raises:
            DailyError: A request was refused, as it is when one of its rooms does not exist.
        """
        unique = dict.fromkeys(arguments.texts("room_names", room_names))
        return await room_lookup.delete_rooms(self.api, [names.check(name) for name in unique])

    async def delete_room_by_url(self, room_url: str) -> bool:
        """Delete a room.

        Args:
            room_url: The room's URL.

        Returns:
            True: the room no longer exists.

        Raises:
            DailyError: Daily did not delete it.
        """
        room_url = hide_secrets(room_url)
        return await self.delete_room_by_name(names.from_url(room_url))

    async def delete_room_by_name(self, room_name: str) -> bool:
        """Delete a room. That it is gone already is a success.

        Deletions at the same time go out with one request; none waits for the slow rate tier.

        Args:
            room_name: The room's name.

        Returns:
            True: the room no longer exists.

        Raises:
            DailyError: Daily did not delete it.
        """
        await delete_room(self.api, names.check(room_name))
        return True


def _changes(properties: DailyRoomProperties | None, reset: Iterable[str]) -> dict[str, Any]:
    """Give the properties to send: null resets one."""
    changes: dict[str, Any] = dict.fromkeys(arguments.texts("reset", reset))
    if properties is None:
        return changes
    arguments.model("properties", properties, DailyRoomProperties)
    checks.check_room(DailyRoomParams(properties=properties), now=time.time())
    wire = properties.model_dump(exclude_none=True, warnings=False)
    given = properties.model_fields_set - {"sip_uri"}  # Daily sets it; a room that was read has it
    if both := changes.keys() & given:
        msg = f"properties.{min(both)} cannot be set and reset at the same time."
        raise DailyConfigError(msg)
    return changes | {name: wire.get(name) for name in sorted(given)}
