# SPDX-License-Identifier: BSD-2-Clause
"""A room that this process owns, from before its creation until it is deleted."""

import asyncio
import atexit
import enum
import os
import time
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any

from loguru import logger

from pipecat_daily_rest._core.callers_line import callers_line
from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._core.timings import DELETE_BOUND
from pipecat_daily_rest._core.waiting import carry_out, finish
from pipecat_daily_rest._http.api import API
from pipecat_daily_rest._rest.deletion_batcher import begin_deletion, delete_room
from pipecat_daily_rest._rest.room_lookup import get_room
from pipecat_daily_rest._rooms.process_rooms import ProcessRooms
from pipecat_daily_rest.errors import DailyError, DailyNotFoundError
from pipecat_daily_rest.models import DailyRoomObject


class RoomState(enum.Enum):
    """What this process does with a room. It owns the room in all states but the last three."""

    WAITING = enum.auto()  # in a pool, which may still be creating it
    IN_USE = enum.auto()  # a block has it, or is creating it
    ABANDONED = enum.auto()  # its block was never ended; a ResourceWarning said so
    UNDOING = enum.auto()  # its creation failed; it is deleted once it is known whether it exists
    DELETING = enum.auto()
    OVERDUE = enum.auto()  # its deletion takes longer than its bound; an error said so
    DELETED_ONCE = enum.auto()  # deleted, but a create without a response may make it again
    GONE = enum.auto()
    FAILED = enum.auto()  # it could not be deleted; an error said so
    RELEASED = enum.auto()  # somebody else has it now, or it was never created


_UNTOUCHED = (RoomState.WAITING, RoomState.IN_USE, RoomState.ABANDONED, RoomState.UNDOING)
_NOT_OWNED = (RoomState.GONE, RoomState.FAILED, RoomState.RELEASED)


class OwnedRoom:
    """A room that this process made and has to delete.

    Parameters:
        name: The room's name.
        url: The room's URL, or "" until Daily has answered.
        expires_at: When Daily ends it by itself.
        opened_at: The caller's line that opened it, as a file's name and a line's number.
        state: What this process does with it.
        found_gone: Whether its deletion found that somebody else had deleted it.
    """

    def __init__(
        self,
        api: API,
        name: str,
        *,
        expires_at: datetime | None,
        is_ours: Callable[[DailyRoomObject], bool] | None = None,
        pool_line: tuple[str, int] | None = None,
    ) -> None:
        """Own a room from now on, before it is created.

        ``is_ours`` tells whether a room of this name is ours, when the name alone does not.
        ``pool_line`` is the caller's line that opened the pool that it waits in.
        """
        self.name = name
        self.url = ""
        self.expires_at = expires_at
        self.opened_at = pool_line or callers_line()
        self._first_state = RoomState.IN_USE if pool_line is None else RoomState.WAITING
        self._api = api.twin()
        self._pauses = api.timings.look_again
        self._is_ours = is_ours
        self._confirmed = False  # whether Daily has answered that it exists
        self._unanswered = 1  # creates without a response, each of which may still take effect
        self._settled_at = float("inf")  # monotonic time from which these have no effect any more
        self._deletion: asyncio.Future[Any] | None = None
        self._created: asyncio.Event | None = None  # set by a late response to the create
        self.found_gone = False
        self._enter(self._first_state)

    def _become(self, state: RoomState) -> None:
        if self.state not in _NOT_OWNED:
            self._enter(state)

    def _enter(self, state: RoomState) -> None:
        self.state = state
        if state is RoomState.GONE and self._confirmed:
            self._api.counts["room", "deleted"] += 1
        if state in _NOT_OWNED:
            process_rooms.owned.pop(id(self), None)
        else:
            process_rooms.owned[id(self)] = self

    @property
    def gone(self) -> bool:
        """Whether it was deleted."""
        return self.state in (RoomState.DELETED_ONCE, RoomState.GONE)

    @property
    def waits(self) -> bool:
        """Whether it waits in a pool."""
        return self.state is RoomState.WAITING

    @property
    def ending(self) -> bool:
        """Whether its deletion has begun, or this process owns it no longer."""
        return self.state not in _UNTOUCHED

    def hand_out(self) -> None:
        """Take it out of its pool."""
        if self.waits:
            self._become(RoomState.IN_USE)

    def put_back(self) -> None:
        """Have it wait in its pool again."""
        if self.state is RoomState.IN_USE:
            self._become(RoomState.WAITING)

    def undo(self) -> None:
        """Note that its creation failed, so that it is to be deleted."""
        if self.state is RoomState.IN_USE:
            self._become(RoomState.UNDOING)

    def confirm(self, room: DailyRoomObject | None = None) -> None:
        """Note that the room exists, as Daily answered: a 404 now means that it is gone."""
        if not self._confirmed:
            self._api.counts["room", "created"] += 1
        self._confirmed = True
        self._unanswered = 0
        if room is not None:
            self.name, self.url = room.name, room.url
        if self.state in _NOT_OWNED:  # its deletion ended before it was created
            self._deletion = None
            self._enter(self._first_state)
        if self._created is not None and self._deletion is not None:
            with suppress(RuntimeError):  # that event loop has ended
                self._deletion.get_loop().call_soon_threadsafe(self._created.set)

    def may_be_created(self, unanswered: int) -> None:
        """Note how many creates have no response, beside the one that made the room, if one did."""
        self._unanswered = unanswered
        self._settled_at = time.monotonic() + sum(self._pauses)

    def abandon(self) -> None:
        """Warn, once, that nobody will delete the room, unless its deletion has begun."""
        if self.state not in (RoomState.WAITING, RoomState.IN_USE):
            return
        self._become(RoomState.ABANDONED)
        file, line = self.opened_at
        msg = f"Room {self.name}, opened at {file}:{line}, was not closed. {self._expiry()}"
        warnings.warn_explicit(msg, ResourceWarning, file, line, source=self)

    def at_exit(self) -> None:
        """Say what is left of it when the program ends."""
        if self.state in (RoomState.UNDOING, RoomState.DELETING, RoomState.DELETED_ONCE):
            self._fail("the program ended first.")
        self.abandon()

    def release(self) -> None:
        """Own it no longer: it was never created, or somebody else takes it over."""
        self._become(RoomState.RELEASED)

    async def delete(self, bound: float = DELETE_BOUND) -> bool:
        """Delete the room, once, whatever happens to the caller.

        A cancellation is kept until the deletion has ended and raised then. A failure is logged,
        never raised.

        Args:
            bound: Seconds to wait for it at the most.

        Returns:
            Whether the room is known to be gone.
        """
        if self.state in _NOT_OWNED:
            return self.gone
        if self._deletion is None or self._deletion.get_loop() is not asyncio.get_running_loop():
            if self.state in _UNTOUCHED:
                self._become(RoomState.DELETING)
            self._deletion = self._begin(bound)
        deletion = self._deletion
        try:
            await finish(deletion, bound)
            if deletion.done():
                self._ended(deletion)  # its own callback comes only after this
        finally:
            if not deletion.done() and not self.gone:
                self._fail(f"no answer within {bound:g} s.", RoomState.OVERDUE)
        return self.gone

    def _begin(self, bound: float) -> "asyncio.Future[Any]":
        """Begin to delete it. The result may be a `DailyError`; None has been noted already."""
        deletion: asyncio.Future[Any]
        if self._confirmed and not self._unanswered:
            deletion = begin_deletion(self._api, self.name, Deadline(bound))
        else:
            twice = carry_out(lambda: self._delete_twice(bound), anew=bound)
            deletion = asyncio.create_task(twice, name=f"delete {self.name}")
        deletion.add_done_callback(self._ended)
        return deletion

    def _ended(self, deletion: "asyncio.Future[Any]") -> None:
        if deletion.cancelled():
            self.release()
        elif (outcome := deletion.exception() or deletion.result()) is not None:
            self._note(outcome)

    def _note(self, outcome: BaseException | bool) -> None:
        """Note how its deletion ended: False is that the room was gone already."""
        if isinstance(outcome, BaseException):
            self._fail(
                str(outcome) if isinstance(outcome, DailyError) else f"{type(outcome).__name__}."
            )
        else:
            self.found_gone = outcome is False
            self._become(RoomState.GONE)

    # -- When a create has no response, or a late one -------------------------------------

    async def _delete_twice(self, bound: float) -> None:
        """Delete the room, and what a create without a response may still make of its name."""
        api = self._api.sharing()
        self._created = asyncio.Event()
        try:
            if not self._confirmed:
                await self._look_again(api, bound, (0.0, *self._pauses))
            if self._confirmed:
                await delete_room(api, self.name, deadline=Deadline(bound))
                self._become(RoomState.DELETED_ONCE)
                await self._look_again(api, bound, self._pauses)
            self._note(True)  # here, since the task that waits for this may be cancelled
        except DailyError as exc:
            self._note(exc)
        finally:
            await api.aclose()

    async def _look_again(self, api: API, bound: float, pauses: Iterable[float]) -> None:
        """Delete what was created late. A 404 proves nothing at first, so look after each pause."""
        if time.monotonic() >= self._settled_at:
            return
        confirmed = self._confirmed
        failure: DailyError | None = None
        for pause in pauses:
            if not self._unanswered:
                break
            await self._pause(pause)
            if self._confirmed and not confirmed:
                return
            try:
                await self._delete_late(api, Deadline(bound))
                failure = None
            except DailyError as exc:
                failure = exc
        if failure is not None and self._confirmed is confirmed:
            raise failure

    async def _pause(self, seconds: float) -> None:
        """Wait; a late response to the create cuts it short."""
        if self._confirmed or self._created is None:
            await asyncio.sleep(seconds)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._created.wait()

    async def _delete_late(self, api: API, deadline: Deadline) -> None:
        """Delete what a create without a response has made by now, if it has."""
        if self._is_ours is not None:
            try:
                room = await get_room(api, self.name, deadline=deadline)
            except DailyNotFoundError:
                return
            if not self._is_ours(room):
                self._unanswered = 0  # a create on its way finds the name taken
                return
        if await delete_room(api, self.name, deadline=deadline, known=False):
            logger.debug("Room {} deleted", self.name)
            self._unanswered = max(0, self._unanswered - 1)  # it may have been answered meanwhile

    # -- What is said --------------------------------------------------------------------------

    def _fail(self, why: str, state: RoomState = RoomState.FAILED) -> None:
        """Log, once, that it could not be deleted."""
        if self.state not in (RoomState.OVERDUE, *_NOT_OWNED):
            self._api.counts["room", "leaked"] += 1
            logger.error("Room {} could not be deleted: {} {}", self.name, why, self._expiry())
        self._become(state)

    def _expiry(self) -> str:
        if self.expires_at is None:
            return "It has no expiry: delete it in Daily's dashboard."
        return f"It ends by itself at {self.expires_at:%Y-%m-%d %H:%M:%S %Z}."


process_rooms: ProcessRooms[OwnedRoom] = ProcessRooms()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=process_rooms.after_fork)


def owned_rooms() -> tuple[OwnedRoom, ...]:
    """Give the rooms that this process owns.

    Returns:
        The rooms, oldest first; one leaves when it is deleted or kept.
    """
    return tuple(process_rooms.owned.values())


@atexit.register
def _at_exit() -> None:
    for room in owned_rooms():
        room.at_exit()
