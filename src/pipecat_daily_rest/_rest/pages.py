# SPDX-License-Identifier: BSD-2-Clause
"""Lists that come in pages."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import TypeVar

from pipecat_daily_rest._http.api import API
from pipecat_daily_rest.answers.answer import read_list
from pipecat_daily_rest.errors import DailyInvalidRequestError
from pipecat_daily_rest.models.lenient import without_nulls

T = TypeVar("T")

# https://docs.daily.co/reference/rest-api#pagination
_PAGE = 100


async def listed(
    api: API,
    path: str,
    *,
    what: str,
    read: Callable[..., T],
    key: Callable[[T], str],
    cursor: Callable[[T], str] | None = None,
    query: Mapping[str, str | None] | None = None,
) -> AsyncIterator[T]:
    """List objects, all pages, newest first, each once.

    ``read`` takes an object's JSON and ``what``. ``key`` gives what tells it from the others, never
    "". ``cursor`` gives the id after which Daily continues, "" when there is none; ``key`` if None.
    """
    cursor = cursor or key
    filters = without_nulls(query or {})
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
            cursors.pop()  # that object is gone by now: continue after the one before it
            continue
        page = read_list(data, what=what)
        if not page:
            return
        fresh = {
            key(item): item
            for item in (read(each, what=what) for each in page)
            if key(item) not in seen
        }
        if not fresh:
            if not cursors:
                return
            cursors.pop()  # Daily may start again at the top when it does not know the cursor
        seen |= fresh.keys()
        for item in fresh.values():
            yield item
        cursors.extend(id for item in fresh.values() if (id := cursor(item)))
