# SPDX-License-Identifier: BSD-2-Clause
"""What the endpoints of the REST API have in common."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeAlias, TypeVar

from aiohttp import web

from pipecat_daily_rest.local.call.room import Room
from pipecat_daily_rest.local.rest.parts import Parts
from pipecat_daily_rest.local.rules.kinds import as_text
from pipecat_daily_rest.local.rules.schema import Refusal, Schema, invalid, no_room

Endpoint: TypeAlias = Callable[[web.Request, Any], Any]
Route: TypeAlias = tuple[str, str, Endpoint]

T = TypeVar("T")
_Method: TypeAlias = Callable[[Any, web.Request, Any], Any]
_OLDEST = "OLDEST"
NOT_HERE = "not-supported-locally"


class Family:
    """Some endpoints that belong together, one method each: request and JSON body in, JSON out.

    A method raises `Refusal` to answer with an error. None of them waits, so that each is atomic,
    but for those that ask an endpoint of the caller's first.
    """

    def __init__(self, parts: Parts) -> None:
        """Initialize the endpoints."""
        self._parts = parts
        self._state = parts.state
        self._choices = parts.state.choices
        self._schema = Schema(parts.state.choices)

    def routes(self) -> list[Route]:
        """List the endpoints."""
        raise NotImplementedError

    @property
    def _now(self) -> float:
        return self._state.clock.now()

    def _room(self, request: web.Request) -> Room:
        name = request.match_info["name"]
        if (room := self._state.find_room(name)) is None:
            raise no_room(name)
        return room

    def _page(
        self,
        request: web.Request,
        items: Sequence[T],
        *,
        id: Callable[[T], str],
        what: str,
        default: int = 100,
    ) -> Sequence[T]:
        """Pick the page that the query asks for.

        Reference: https://docs.daily.co/reference/rest-api#pagination

        Args:
            request: The request, with ``limit``, ``starting_after`` and ``ending_before``.
            items: All of them, newest first.
            id: Gives an item's id.
            what: What an item is, in words.
            default: The limit when the query has none.

        Returns:
            The page.

        Raises:
            Refusal: The query cannot be one.
        """
        limit = self._schema.limit(request.query.get("limit", str(default)))
        ids = [id(item) for item in items]
        start, end = (
            self._position(ids, request.query.get(name), name, what)
            for name in ("starting_after", "ending_before")
        )
        page = items[0 if start is None else start + 1 : end]
        return page[-limit:] if end is not None and start is None else page[:limit]

    def _position(self, ids: list[str], cursor: str | None, name: str, what: str) -> int | None:
        if cursor == _OLDEST and name == "ending_before":
            return len(ids)
        if cursor is None or (cursor not in ids and self._choices.unknown_cursor == "ignore"):
            return None
        if cursor not in ids:
            raise invalid(f"{name} was '{as_text(cursor)}', which is no {what}'s id")
        return ids.index(cursor)


def refused(why: str) -> Callable[[_Method], _Method]:
    """Make an endpoint one that the local Daily refuses with a 501, since it has no meaning here.

    The method checks the request as Daily would, so that unknown rooms and bad bodies are told
    first. Its ``refused`` says why, for the table of what this Daily can do.
    """

    def decorate(check: _Method) -> _Method:
        @wraps(check)
        def endpoint(family: Any, request: web.Request, body: Any) -> Any:
            check(family, request, body)
            raise Refusal(501, NOT_HERE, why)

        endpoint.refused = why  # type: ignore[attr-defined]
        return endpoint

    return decorate


def iso(instant: float) -> str:
    """Write an instant as Daily does.

    Args:
        instant: Unix seconds.

    Returns:
        As ``2019-01-26T09:01:22.000Z``.
    """
    return datetime.fromtimestamp(int(instant), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
