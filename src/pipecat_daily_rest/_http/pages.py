# SPDX-License-Identifier: BSD-2-Clause
"""Lists that come in pages."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, TypeVar

from pipecat_daily_rest._http.api import API
from pipecat_daily_rest.errors import DailyInvalidRequestError, DailyResponseError

T = TypeVar("T")

# https://docs.daily.co/reference/rest-api#pagination
_PAGE = 100


async def listed(
    api: API,
    path: str,
    *,
    what: str,
    read: Callable[[Any], T],
    key: Callable[[T], str],
    cursor: Callable[[T], str] | None = None,
    query: Mapping[str, str | None] | None = None,
) -> AsyncIterator[T]:
    """List objects, all pages, newest first, each once.

    Args:
        api: The API.
        path: The list's path, below the API URL.
        what: What failed, as an error's message begins: ``Unable to list the …``.
        read: Reads an object from its JSON.
        key: What tells an object from the others; never empty.
        cursor: The id by which Daily goes on after an object, "" when it has none; ``key`` if None.
        query: What else is asked for; None is left out.

    Yields:
        The objects.

    Raises:
        DailyError: They could not be listed.
    """
    cursor = cursor or key
    filters = {name: value for name, value in (query or {}).items() if value is not None}
    seen: set[str] = set()
    cursors: list[str] = []
    while True:
        after = {"starting_after": cursors[-1]} if cursors else {}
        asked = {**filters, "limit": str(_PAGE), **after}
        try:
            data = await api.request("GET", path, what=what, query=asked)
        except DailyInvalidRequestError:
            if not cursors:
                raise
            cursors.pop()  # that object is gone by now: go on from the one before it
            continue
        page = data.get("data") if isinstance(data, dict) else None
        if not isinstance(page, list):
            msg = f"{what}: Invalid response: no list."
            raise DailyResponseError(msg)
        if not page:
            return
        fresh = {key(item): item for item in map(read, page) if key(item) not in seen}
        if not fresh:
            if not cursors:
                return
            cursors.pop()  # Daily may begin anew where it does not know the cursor
        seen |= fresh.keys()
        for item in fresh.values():
            yield item
        cursors.extend(id for item in fresh.values() if (id := cursor(item)))
