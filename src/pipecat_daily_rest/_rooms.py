# SPDX-License-Identifier: BSD-2-Clause
"""Look rooms up, read them, delete them."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from pydantic import ValidationError

from pipecat_daily_rest._http import API, Deadline
from pipecat_daily_rest._pages import listed
from pipecat_daily_rest.errors import (
    DailyError,
    DailyNotFoundError,
    DailyRateLimitError,
    DailyResponseError,
)
from pipecat_daily_rest.models import DailyRoomObject

# https://docs.daily.co/reference/rest-api/batch/delete-rooms
_BATCH = 1000


def read_room(data: Any, *, name: str | None = None) -> DailyRoomObject:
    """Read a room from an answer, leniently.

    Args:
        data: The answer's JSON.
        name: The name that was asked for, when one was.

    Returns:
        The room.

    Raises:
        DailyResponseError: It is not a room, or another one.
    """
    try:
        room = DailyRoomObject.model_validate(data)
    except ValidationError as exc:
        fields = ", ".join(str(error["loc"][0]) for error in exc.errors() if error["loc"])
        msg = f"Invalid response: not a room ({fields or 'no object'})."
        raise DailyResponseError(msg) from exc
    if name is not None and room.name != name:
        msg = f"Invalid response: asked for room {name!r}, answered with {room.name!r}."
        raise DailyResponseError(msg)
    return room


async def get_room(api: API, name: str, *, deadline: Deadline | None = None) -> DailyRoomObject:
    """Look a room up.

    Args:
        api: The API.
        name: The room's name, checked.
        deadline: When it must be over.

    Returns:
        The room.

    Raises:
        DailyNotFoundError: There is none.
        DailyError: It could not be told.
    """
    what = f"Unable to get room {name!r}"
    try:
        data = await api.request("GET", f"/rooms/{name}", what=what, deadline=deadline)
    except DailyNotFoundError as exc:
        exc.args = (f"Room not found: {name}",)
        raise
    return read_room(data, name=name)


def list_rooms(api: API) -> AsyncIterator[DailyRoomObject]:
    """List the rooms that exist, all pages, newest first, each once.

    Reference: https://docs.daily.co/reference/rest-api/rooms/list-rooms

    Args:
        api: The API.

    Returns:
        The rooms; a page that cannot be had raises a `DailyError` there.
    """
    return listed(
        api,
        "/rooms",
        what="Unable to list the rooms",
        read=read_room,
        key=lambda room: room.name,
        cursor=lambda room: room.id,
    )


async def delete_rooms(api: API, names: Sequence[str]) -> int:
    """Delete rooms in batches of 1000, each all or nothing.

    Reference: https://docs.daily.co/reference/rest-api/batch/delete-rooms

    Args:
        api: The API.
        names: The rooms' names, checked, none twice.

    Returns:
        How many were deleted.

    Raises:
        DailyError: A batch was refused, as it is when one of its rooms does not exist; those
            before it are deleted.
    """
    deleted = 0
    for start in range(0, len(names), _BATCH):
        batch = names[start : start + _BATCH]
        what = f"Failed to delete {len(batch)} rooms"
        body = {"room_names": list(batch)}
        data = await api.request("DELETE", "/batch/rooms", what=what, json=body)
        count = data.get("deleted_count") if isinstance(data, dict) else None
        deleted += count if isinstance(count, int) else len(batch)
    return deleted


async def delete_room(api: API, name: str, *, deadline: Deadline | None = None) -> bool:
    """Delete a room.

    Single deletes have a slow rate tier (50 in 30 s). One that Daily refuses for the rate goes out
    as a batch instead, which has not.

    Reference: https://docs.daily.co/reference/rest-api/rooms/delete-room

    Args:
        api: The API.
        name: The room's name, checked.
        deadline: When it must be over.

    Returns:
        Whether it was there; False when it was gone already.

    Raises:
        DailyError: It could not be deleted.
    """
    deadline = deadline or Deadline(api.policy.deadline)
    what = f"Failed to delete room [{name}]"
    try:
        try:
            await api.request(
                "DELETE",
                f"/rooms/{name}",
                what=what,
                deadline=deadline,
                surface=(DailyRateLimitError,),
            )
        except DailyRateLimitError:
            body = {"room_names": [name]}
            await api.request("DELETE", "/batch/rooms", what=what, json=body, deadline=deadline)
    except DailyNotFoundError:
        return False
    except DailyError:
        # The answer may have been lost, and a batch with an unknown name in it fails as a whole.
        if not await _is_gone(api, name, deadline):
            raise
    return True


async def _is_gone(api: API, name: str, deadline: Deadline) -> bool:
    try:
        await get_room(api, name, deadline=deadline)
    except DailyNotFoundError:
        return True
    except DailyError:
        return False
    return False
