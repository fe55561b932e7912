# SPDX-License-Identifier: BSD-2-Clause
"""A room is made once or not at all, whatever happens to the answers.

Daily knows no idempotency key, so the room's name is one: it is chosen before the first request,
and a lost answer is resolved by looking.
"""

import asyncio
from typing import Any

from loguru import logger

from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._http.api import API
from pipecat_daily_rest._http.retry import Repeat, never_happened
from pipecat_daily_rest._rest.room_lookup import get_room, read_room
from pipecat_daily_rest.errors import (
    DailyAuthenticationError,
    DailyError,
    DailyInvalidRequestError,
    DailyNotFoundError,
    DailyRoomExistsError,
)
from pipecat_daily_rest.models import DailyRoomObject

_WHAT = "Unable to create room"


class Posting:
    """The sending of what makes rooms.

    Parameters:
        api: The API.
        lost: How many requests got no answer that could be read. Each may still come about.
    """

    def __init__(self, api: API) -> None:
        """Initialize; nothing is sent yet."""
        self.api = api
        self.lost = 0
        self._posts = 0

    async def _send(self, path: str, body: Any, *, what: str, deadline: Deadline) -> Any:
        """Send it once. ``lost`` counts it, unless it surely had no effect."""
        before = self.lost

        def sending() -> None:
            self._posts += 1
            self.lost += 1  # now, since a cancellation loses the answer as well

        try:
            return await self.api.request(
                "POST",
                path,
                what=what,
                json=body,
                repeat=Repeat.UNSENT,
                deadline=deadline,
                surface=(DailyError,),
                sending=sending,
            )
        except DailyError as exc:
            if never_happened(exc):
                self.lost = before
            raise


class Creation(Posting):
    """The making of one room.

    Parameters:
        lost: How many requests to make it got no answer that could be read. Each may still come
            about, but for the one that is known to have.
        answered: Whether Daily answered that it made the room.
    """

    def __init__(self, api: API, body: dict[str, Any], *, unique_name: bool) -> None:
        """Initialize; nothing is sent yet."""
        super().__init__(api)
        self.name: str | None = body.get("name")
        self.answered = False
        self._body = body
        self._unique_name = unique_name

    @property
    def may_exist(self) -> bool:
        """Whether a room may be there, or come to be."""
        return self.answered or self.lost > 0

    async def run(self, deadline: Deadline | None = None) -> DailyRoomObject:
        """Make the room.

        Args:
            deadline: When it must be over; the policy's deadline from now when None.

        Returns:
            The room; after a lost answer it may be one that an earlier attempt made.

        Raises:
            DailyRoomExistsError: A room of that name exists and is not this one.
            DailyError: It could not be made; see ``may_exist``.
        """
        deadline = deadline or self.api.deadline()
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._post(deadline)
            except DailyError as exc:
                exc.attempts = self._posts
                if isinstance(exc, DailyInvalidRequestError):
                    return await self._already_there(exc, deadline)
                pause = self.api.policy.pause(attempt, getattr(exc, "retry_after", None))
                lost = not never_happened(exc)
                if (
                    not exc.retryable
                    or (lost and self.name is None)
                    or attempt >= self.api.policy.attempts
                    or pause >= deadline.left()
                ):
                    raise
                logger.info("{} Looking again in {:.2f} s.", exc, pause)
                await asyncio.sleep(pause)
                if lost and (room := await self._look(exc, deadline)) is not None:
                    return room

    async def _post(self, deadline: Deadline) -> DailyRoomObject:
        data = await self._send("/rooms", self._body, what=_WHAT, deadline=deadline)
        if self.name is None and isinstance(data, dict) and isinstance(data.get("name"), str):
            self.name = data["name"]
        room = read_room(data, name=self.name)
        self._made()
        return room

    def _made(self) -> None:
        self.lost = max(0, self.lost - 1)
        self.answered = True

    async def _find(self, deadline: Deadline) -> DailyRoomObject | None:
        """After a lost answer: the room if it is ours, None if there is none yet."""
        name = self.name
        if name is None:
            return None
        try:
            room = await get_room(self.api, name, deadline=deadline)
        except DailyNotFoundError:
            return None
        # A namesake of the caller's cannot be this call's when each of its requests was refused.
        if not (self._unique_name or (self.lost and self.is_ours(room))):
            unknown = self.lost > 0 and same_exp(room, self._body) is None
            raise exists(_WHAT, room, path="/rooms", unknown=unknown)
        self._made()
        return room

    async def _look(self, lost: DailyError, deadline: Deadline) -> DailyRoomObject | None:
        """Look after a lost answer; when the look fails too, the first failure tells more."""
        try:
            return await self._find(deadline)
        except DailyRoomExistsError:
            raise
        except DailyError as exc:
            raise lost from exc

    async def _already_there(
        self, refusal: DailyInvalidRequestError, deadline: Deadline
    ) -> DailyRoomObject:
        """A 400 stands for a taken name and for any other fault: only a look tells which."""
        if self.name is None or isinstance(refusal, DailyAuthenticationError):
            raise refusal
        try:
            room = await self._find(deadline)
        except DailyRoomExistsError as exc:
            exc.info, exc.attempts = refusal.info, refusal.attempts
            raise exc from refusal
        except DailyError as exc:
            raise refusal from exc
        if room is None:
            raise refusal
        return room

    def is_ours(self, room: DailyRoomObject) -> bool:
        """Tell whether a room that was found is the one that this call made."""
        return self._unique_name or same_exp(room, self._body) is True

    def doubt(self) -> str:
        """Tell, after a failure, what may be there and how to find out."""
        if not self.may_exist:
            return ""
        ends = "" if self._body["properties"].get("exp") else " It would never end by itself."
        if self.name is None:
            return (
                "Whether a room was made is unknown: if so, Daily made up its name, and "
                f"list_rooms() has it among the first.{ends} With a name in the parameters the "
                "helper looks by itself."
            )
        return (
            f"Whether the room was made is unknown: get_room({self.name!r}) tells, from some "
            f"seconds on.{ends}"
        )


def exists(what: str, room: DailyRoomObject, *, path: str, unknown: bool) -> DailyRoomExistsError:
    """Make the error for a name that is taken."""
    msg = f"{what}: a room named {room.name!r} exists and was not made by this call."
    if unknown:
        msg = (
            f"{what}: a room named {room.name!r} exists, and whether this call made it is unknown: "
            "an answer was lost, and without an exp of its own the room looks like any other. "
            f"Its created_at is {room.created_at[:40]!r}."
        )
    return DailyRoomExistsError(
        msg, status=400, code="invalid-request-error", method="POST", path=path
    )


def same_exp(room: DailyRoomObject, body: dict[str, Any]) -> bool | None:
    """Tell whether a room expires when it was asked to.

    Args:
        room: A room that was found.
        body: What was sent.

    Returns:
        Whether it does; None when that cannot be told, since no ``exp`` was sent.
    """
    found, exp = room.config.exp, body["properties"].get("exp")
    if exp is None:
        return None
    # A server may drop the fraction that makes an exp all but unique.
    return found in (exp, int(exp))
