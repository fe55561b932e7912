# SPDX-License-Identifier: BSD-2-Clause
"""What the endpoints of the REST API have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar

from aiohttp import web

from pipecat_daily_rest.local.call.room import Room
from pipecat_daily_rest.local.rest.parts import Parts
from pipecat_daily_rest.local.rules.kinds import as_text
from pipecat_daily_rest.local.rules.schema import Schema, invalid, no_room, refusal

Endpoint: TypeAlias = Callable[[web.Request, Any], Any]
Route: TypeAlias = tuple[str, str, Endpoint]

T = TypeVar("T")
_OLDEST = "OLDEST"


class Family(ABC):
    """Endpoints that belong together, one method each: request and JSON body in, JSON out.

    A method raises `Refusal` to answer with an error. Each method is atomic, since it does not
    wait; only those that test a URL of the caller do.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._domain = parts.domain
        self._choices = parts.domain.choices
        self._schema = Schema(parts.domain.choices)

    @abstractmethod
    def routes(self) -> list[Route]:
        """List the endpoints."""

    @property
    def _now(self) -> float:
        return self._domain.clock.now()

    def _room(self, request: web.Request) -> Room:
        name = request.match_info["name"]
        if (room := self._domain.find(name)) is None:
            raise no_room(name)
        return room

    def _find(
        self, request: web.Request, items: Mapping[str, T], what: str, status: int = 404
    ) -> T:
        id = request.match_info["id"]
        if (item := items.get(id)) is None:
            raise refusal(status, f"{what} {as_text(id)} not found")
        return item

    def _page(
        self,
        request: web.Request,
        items: Sequence[T],
        *,
        id: Callable[[T], str],
        what: str,
        default: int = 100,
    ) -> Sequence[T]:
        """Pick the page that the query asks for; ``what`` an item is, in words."""
        # https://docs.daily.co/reference/rest-api#pagination
        limit = self._schema.limit(request.query, default)
        ids = [id(item) for item in items]
        start, end = (
            self._position(ids, request.query.get(name), name, what)
            for name in ("starting_after", "ending_before")
        )
        page = items[0 if start is None else start + 1 : end]
        return page[-limit:] if end is not None and start is None else page[:limit]

    def _listed(self, request: web.Request, items: list[dict[str, Any]], what: str) -> Any:
        page = self._page(request, items, id=lambda item: str(item["id"]), what=what)
        return {"total_count": len(items), "data": page}

    def _position(self, ids: list[str], cursor: str | None, name: str, what: str) -> int | None:
        if cursor == _OLDEST and name == "ending_before":
            return len(ids)
        if cursor is None or (cursor not in ids and self._choices.unknown_cursor == "ignore"):
            return None
        if cursor not in ids:
            raise invalid(f"{name} was '{as_text(cursor)}', which is no {what}'s id")
        return ids.index(cursor)


def iso(instant: float) -> str:
    """Write unix seconds as Daily does: ``2019-01-26T09:01:22.000Z``."""
    return datetime.fromtimestamp(int(instant), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
