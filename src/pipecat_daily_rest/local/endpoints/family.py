# SPDX-License-Identifier: BSD-2-Clause
"""What the endpoints of the REST API have in common."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from aiohttp import web

from pipecat_daily_rest.local.room import Room
from pipecat_daily_rest.local.schema import Schema, no_room

if TYPE_CHECKING:
    from pipecat_daily_rest.local.server import LocalDaily

Endpoint: TypeAlias = Callable[[web.Request, Any], Any]
Route: TypeAlias = tuple[str, str, Endpoint]


class Family:
    """Some endpoints that belong together, one method each: request and JSON body in, JSON out.

    A method raises `Refusal` to answer with an error. None of them waits, so that each is atomic.
    """

    def __init__(self, daily: "LocalDaily") -> None:
        """Initialize the endpoints.

        Args:
            daily: Whose.
        """
        self._daily = daily
        self._state = daily.state
        self._choices = daily.state.choices
        self._schema = Schema(daily.state.choices)

    def routes(self) -> list[Route]:
        """List the endpoints.

        Returns:
            Method, path below ``/v1``, and what answers.
        """
        raise NotImplementedError

    @property
    def _now(self) -> float:
        return self._state.clock.now()

    def _room(self, request: web.Request) -> Room:
        name = request.match_info["name"]
        if (room := self._state.find_room(name)) is None:
            raise no_room(name)
        return room


def iso(instant: float) -> str:
    """Write an instant as Daily does.

    Args:
        instant: Unix seconds.

    Returns:
        As ``2019-01-26T09:01:22.000Z``.
    """
    return datetime.fromtimestamp(int(instant), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
