# SPDX-License-Identifier: BSD-2-Clause
"""Look a room up, read it, delete it."""

from typing import Any

from pydantic import ValidationError

from pipecat_daily_rest._http import API, Deadline
from pipecat_daily_rest.errors import (
    DailyError,
    DailyNotFoundError,
    DailyRateLimitError,
    DailyResponseError,
)
from pipecat_daily_rest.models import DailyRoomObject


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
        await api.request(
            "DELETE",
            f"/rooms/{name}",
            what=what,
            deadline=deadline,
            surface=(DailyRateLimitError,),
        )
    except DailyNotFoundError:
        return False
    except DailyResponseError:
        return True
    except DailyRateLimitError:
        await _delete_in_batch(api, name, what, deadline)
    return True


async def _delete_in_batch(api: API, name: str, what: str, deadline: Deadline) -> None:
    body = {"room_names": [name]}
    try:
        await api.request("DELETE", "/batch/rooms", what=what, json=body, deadline=deadline)
    except DailyRateLimitError:
        raise
    except DailyError:
        # A batch with an unknown name in it may fail as a whole: a look tells.
        try:
            await get_room(api, name, deadline=deadline)
        except DailyNotFoundError:
            return
        raise
