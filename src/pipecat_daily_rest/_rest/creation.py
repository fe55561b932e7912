# SPDX-License-Identifier: BSD-2-Clause
"""A room is created once or not at all, whatever happens to the responses.

Daily has no idempotency key, so the room's name is one: it is chosen before the first request,
and after a lost response the room is looked up by it.
"""

import asyncio
from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

from loguru import logger

from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._http.api import API
from pipecat_daily_rest._http.retry import Repeat, never_happened
from pipecat_daily_rest._rest.room_lookup import get_room, read_room
from pipecat_daily_rest.errors import (
    DailyAPIError,
    DailyError,
    DailyInvalidRequestError,
    DailyNotFoundError,
    DailyRoomExistsError,
)
from pipecat_daily_rest.models import DailyRoomObject

Created = TypeVar("Created")

_WHAT = "Unable to create room"


class SafeCreation(ABC, Generic[Created]):
    """A POST that creates rooms; it is repeated only after a look whether they exist.

    Parameters:
        api: The API.
        lost: How many requests got no usable response. Daily may still carry out each of them.
    """

    def __init__(self, api: API) -> None:
        self.api = api
        self.lost = 0
        self._posts = 0

    async def run(self, deadline: Deadline | None = None) -> Created:
        """Create the rooms, or find those that an earlier attempt created."""
        deadline = deadline or self.api.deadline()
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._post(deadline)
            except DailyError as exc:
                exc.attempts = self._posts
                if isinstance(exc, DailyInvalidRequestError):
                    if (found := await self._look(exc, deadline)) is not None:
                        return found
                    raise
                pause = self.api.policy.pause(attempt, getattr(exc, "retry_after", None))
                if (
                    not exc.retryable
                    or (self.lost and not self._can_look())
                    or attempt >= self.api.policy.attempts
                    or pause >= deadline.left()
                ):
                    raise
                logger.info("{} Looking again in {:.2f} s.", exc, pause)
                await asyncio.sleep(pause)
                if self.lost and (found := await self._look(exc, deadline)) is not None:
                    return found
                self.api.counts["retry", "POST"] += 1

    @abstractmethod
    async def _post(self, deadline: Deadline) -> Created:
        """Send the request with `_send` and read the answer."""

    def _can_look(self) -> bool:
        """Whether the name of a room that may have been created is known."""
        return True

    @abstractmethod
    async def _look(self, failure: DailyError, deadline: Deadline) -> Created | None:
        """Look for the rooms after a failure; None when they do not exist yet."""

    def _found(self) -> None:
        """Note that one of the requests created the rooms."""
        self.lost = max(0, self.lost - 1)

    async def _send(self, path: str, body: Any, *, what: str, deadline: Deadline) -> Any:
        """Send it once. ``lost`` counts it, unless it certainly had no effect."""
        before = self.lost

        def sent() -> Any:
            self._posts += 1
            self.lost += 1  # now, since a cancellation loses the response as well
            return body

        try:
            return await self.api.request(
                "POST",
                path,
                what=what,
                json=sent,
                repeat=Repeat.UNSENT,
                deadline=deadline,
                surface=(DailyError,),
            )
        except DailyError as exc:
            if never_happened(exc):
                self.lost = before
            raise


class Creation(SafeCreation[DailyRoomObject]):
    """The creation of one room.

    Parameters:
        name: The room's name; None while only Daily knows it.
        lost: How many requests got no usable response, without the one that is known to have
            created the room. Daily may still carry out each of them.
        answered: Whether Daily answered that it created the room.
    """

    def __init__(self, api: API, body: dict[str, Any], *, unique_name: bool) -> None:
        super().__init__(api)
        self.name: str | None = body.get("name")
        self.answered = False
        self._body = body
        self._unique_name = unique_name  # made here, for this room alone

    @property
    def may_exist(self) -> bool:
        """Whether the room may exist, now or later."""
        return self.answered or self.lost > 0

    async def _post(self, deadline: Deadline) -> DailyRoomObject:
        data = await self._send("/rooms", self._body, what=_WHAT, deadline=deadline)
        if self.name is None and isinstance(data, dict) and isinstance(data.get("name"), str):
            self.name = data["name"]
        room = read_room(data, what=_WHAT, name=self.name)
        self._found()
        return room

    def _found(self) -> None:
        super()._found()
        self.answered = True

    def _can_look(self) -> bool:
        return self.name is not None

    async def _look(self, failure: DailyError, deadline: Deadline) -> DailyRoomObject | None:
        """Give the room if this call created it; a refusal (400) may mean that its name is taken."""
        if self.name is None:
            return None
        try:
            room = await get_room(self.api, self.name, deadline=deadline)
        except DailyNotFoundError:
            return None
        except DailyError as exc:  # the first failure tells more
            raise failure from exc
        # A room with a name of the caller's is somebody else's if every request was refused.
        if not (self._unique_name or (self.lost and self.is_ours(room))):
            unknown = self.lost > 0 and same_exp(room, self._body) is None
            raise exists(_WHAT, room, failure, path="/rooms", unknown=unknown) from failure
        self._found()
        return room

    def is_ours(self, room: DailyRoomObject) -> bool:
        """Tell whether this call created a room that was found."""
        return self._unique_name or same_exp(room, self._body) is True

    def doubt(self) -> str:
        """Tell, after a failure, what may exist and how to find out."""
        if not self.may_exist:
            return ""
        ends = "" if self._body["properties"].get("exp") else " It would never end by itself."
        if self.name is None:
            return (
                "Whether a room was created is unknown: if so, Daily chose its name, and "
                f"list_rooms() gives it among the first.{ends} With a name in the parameters the "
                "helper looks it up itself."
            )
        return (
            f"Whether the room was created is unknown: get_room({self.name!r}) tells, after some "
            f"seconds.{ends}"
        )


def exists(
    what: str, room: DailyRoomObject, failure: DailyError, *, path: str, unknown: bool
) -> DailyRoomExistsError:
    """Make the error for a name that is taken; ``unknown``: perhaps by this call itself."""
    msg = f"{what}: a room named {room.name!r} exists, and this call did not create it."
    if unknown:
        msg = (
            f"{what}: a room named {room.name!r} exists, and whether this call created it is "
            "unknown: a response was lost, and without an exp the room looks like any other. "
            f"Its created_at is {room.created_at[:40]!r}."
        )
    error = DailyRoomExistsError(
        msg, status=400, code="invalid-request-error", method="POST", path=path
    )
    error.attempts = failure.attempts
    if isinstance(failure, DailyAPIError):
        error.info = failure.info
    return error


def same_exp(room: DailyRoomObject, body: dict[str, Any]) -> bool | None:
    """Tell whether a room that was found has the ``exp`` that was sent; None when none was."""
    found, exp = room.config.exp, body["properties"].get("exp")
    if exp is None:
        return None
    # A server may drop the fraction, which makes an exp almost unique.
    return found in (exp, int(exp))
