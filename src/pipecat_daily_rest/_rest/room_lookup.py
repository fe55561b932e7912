# SPDX-License-Identifier: BSD-2-Clause
"""Look rooms up, read them, delete them."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._http.api import API
from pipecat_daily_rest._rest.pages import listed
from pipecat_daily_rest.answers.answer import read_model
from pipecat_daily_rest.errors import DailyNotFoundError, DailyResponseError
from pipecat_daily_rest.models import DailyRoomObject

# https://docs.daily.co/reference/rest-api/batch/delete-rooms
BATCH = 1000


def read_room(data: Any, *, what: str, name: str | None = None) -> DailyRoomObject:
    """Read a room from an answer, leniently; ``name`` is the one that was asked for."""
    room = read_model(DailyRoomObject, data, what=what)
    if name is not None and room.name != name:
        msg = (
            f"{what}: Invalid response: asked for room {name!r}, answered with {room.name[:128]!r}."
        )
        raise DailyResponseError(msg)
    return room


async def get_room(api: API, name: str, *, deadline: Deadline | None = None) -> DailyRoomObject:
    """Look a room up; a `DailyNotFoundError` tells that it does not exist."""
    what = f"Unable to get room {name!r}"
    try:
        data = await api.request("GET", f"/rooms/{name}", what=what, deadline=deadline)
    except DailyNotFoundError as exc:
        exc.args = (f"Room not found: {name}",)
        raise
    return read_room(data, what=what, name=name)


def list_rooms(api: API) -> AsyncIterator[DailyRoomObject]:
    """List the rooms that exist, all pages, newest first, each once.

    Reference: https://docs.daily.co/reference/rest-api/rooms/list-rooms
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
    """Delete rooms in batches of 1000, each all or nothing, and tell how many."""
    starts = range(0, len(names), BATCH)
    return sum([await delete_batch(api, names[start : start + BATCH]) for start in starts])


async def delete_batch(
    api: API,
    names: Sequence[str],
    *,
    deadline: Deadline | None = None,
    close: Callable[[], Sequence[str]] | None = None,
) -> int:
    """Delete 1000 rooms at most with one request, all or none, and tell how many.

    ``close`` gives the rooms each time the request is sent, if they may have changed by then.

    Reference: https://docs.daily.co/reference/rest-api/batch/delete-rooms
    """
    what = "Failed to delete "
    what += f"room [{names[0]}]" if len(names) == 1 else f"{len(names)} rooms"
    data = await api.request(
        "DELETE",
        "/batch/rooms",
        what=what,
        json=lambda: {"room_names": names if close is None else close()},
        deadline=deadline,
    )
    count = data.get("deleted_count") if isinstance(data, dict) else None
    return count if isinstance(count, int) else len(names)
