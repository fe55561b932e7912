# SPDX-License-Identifier: BSD-2-Clause
"""The rooms that this process owns, and how they go."""

import asyncio
import atexit
import os
import sys
import time
import warnings
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any

from loguru import logger

from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._core.timings import DELETE_BOUND
from pipecat_daily_rest._core.waiting import carry_out, finish
from pipecat_daily_rest._http.api import API
from pipecat_daily_rest._rest.deletion import begin_deletion, delete_room
from pipecat_daily_rest._rest.room_lookup import get_room
from pipecat_daily_rest.errors import DailyError, DailyNotFoundError
from pipecat_daily_rest.models import DailyRoomObject

# Whose lines open no room: ours, and what drives the caller's ``async with``.
_PASSED_OVER = frozenset({"pipecat_daily_rest", "pipecat", "contextlib", "asyncio"})

_owned: dict[int, "OwnedRoom"] = {}

# The ends of rooms that somebody else made and a bot of this process is to delete: each takes
# seconds and gives whether its room is settled.
lent: set[Callable[[float], Awaitable[bool]]] = set()

draining: set[object] = set()  # the blocks of `drain_on_exit` in a process that is to stop


class OwnedRoom:
    """A room that this process made and has to delete.

    Parameters:
        name: The room's name.
        url: The room's URL, or "" while no answer has told it.
        expires_at: When Daily ends it by itself.
        gone: Whether it is known to exist no longer.
        idle: Whether it waits in a pool.
        opened_at: The caller's line that opened it, as a file's name and a line's number.
        undone: Whether it is to go because its making failed.
    """

    def __init__(
        self,
        api: API,
        name: str,
        *,
        expires_at: datetime | None,
        is_ours: Callable[[DailyRoomObject], bool] | None = None,
    ) -> None:
        """Initialize, and enter it into the registry.

        Args:
            api: The API that made it.
            name: The room's name.
            expires_at: When Daily ends it by itself.
            is_ours: How to tell that a room of this name is ours, when the name alone does not.
        """
        self.name = name
        self.url = ""
        self.expires_at = expires_at
        self.gone = False
        self.idle = False
        self.opened_at = callers_line()
        self.undone = False
        self._api = api.twin()
        self._look_again = api.timings.look_again
        self._is_ours = is_ours
        self._known = False
        self._lost = 1
        self._settled = float("inf")
        self._reported = False
        self._deletion: asyncio.Future[Any] | None = None
        self._confirmed: asyncio.Event | None = None  # waited for by a deletion that came before it
        self._warned = False
        _owned[id(self)] = self

    @property
    def ending(self) -> bool:
        """Whether its deletion has begun, or it is owned no longer."""
        return self._deletion is not None or id(self) not in _owned

    def confirm(self, room: DailyRoomObject | None = None) -> None:
        """Note that the room exists, so that a 404 at its deletion tells that it is gone.

        Args:
            room: The room as Daily answered it, if it did.
        """
        self._known = True
        self._lost = 0
        if room is not None:
            self.name, self.url = room.name, room.url
        if id(self) not in _owned:  # its deletion gave up looking before it came about
            _owned[id(self)] = self
            self._deletion, self.gone = None, False
        if self._confirmed is not None and self._deletion is not None:
            with suppress(RuntimeError):  # that event loop has ended
                self._deletion.get_loop().call_soon_threadsafe(self._confirmed.set)

    def suspect(self, lost: int) -> None:
        """Note requests to make the room whose outcome is unknown: each may still come about.

        Args:
            lost: How many, beside the one that is known to have made it.
        """
        self._lost = lost
        self._settled = time.monotonic() + sum(self._look_again)

    def forgotten(self) -> None:
        """Warn, once, that nobody is left who would delete the room, if nobody tried."""
        if self._warned or self._deletion is not None or id(self) not in _owned:
            return
        self._warned = True
        file, line = self.opened_at
        msg = f"Room {self.name}, opened at {file}:{line}, was not closed. {self._ending()}"
        warnings.warn_explicit(msg, ResourceWarning, file, line, source=self)

    def cut_short(self) -> None:
        """Say what is left when the program ends in the middle of its deletion."""
        if self._deletion is not None or self.undone:
            self._report("the program ended first.")

    def release(self) -> None:
        """Own it no longer: it is gone, never came about, or somebody else takes over."""
        _owned.pop(id(self), None)

    async def delete(self, bound: float = DELETE_BOUND) -> bool:
        """Delete the room, once, whatever happens to the caller.

        A cancellation is kept until the deletion has ended and raised then. A failure is logged,
        never raised.

        Args:
            bound: Seconds to wait for it at the most.

        Returns:
            Whether the room is known to be gone.
        """
        if id(self) not in _owned:
            return self.gone
        if self._deletion is None or self._deletion.get_loop() is not asyncio.get_running_loop():
            self._deletion = self._begin(bound)
        end = self._deletion
        try:
            await finish(end, bound)
            if end.done() and not end.cancelled() and id(self) in _owned:
                self._ended(end)  # as it will be called back, but only after this
        finally:
            if not end.done() and not self.gone:
                self._report(f"no answer within {bound:g} s.")
        return self.gone

    def _begin(self, bound: float) -> "asyncio.Future[Any]":
        """Begin to delete it. What it gives never has an error."""
        if not self._known or self._lost:
            return asyncio.create_task(self._see_to_it(bound), name=f"delete {self.name}")
        end = begin_deletion(self._api, self.name, Deadline(bound))
        end.add_done_callback(self._ended)
        return end

    def _ended(self, end: "asyncio.Future[DailyError | bool]") -> None:
        """Take note that the room is gone, or why not."""
        self.release()
        if not end.cancelled():
            if isinstance(outcome := end.result(), DailyError):
                self._report(str(outcome))
            else:
                self.gone = True

    async def _see_to_it(self, bound: float) -> None:
        try:
            await carry_out(lambda: self._delete(bound), anew=bound)
        except asyncio.CancelledError:
            self.release()
            raise
        self.release()

    async def _delete(self, bound: float) -> None:
        """Delete it and what may still come about. Never raises but a cancellation."""
        api = self._api.sharing()
        self._confirmed = asyncio.Event()
        try:
            if not self._known:
                await self._outlast(api, bound, (0.0, *self._look_again))
            if self._known:
                await delete_room(api, self.name, deadline=Deadline(bound))
                self.gone = True
                await self._outlast(api, bound, self._look_again)
            self.gone = True
        except DailyError as exc:
            self._report(str(exc))
        finally:
            await api.aclose()

    async def _outlast(self, api: API, bound: float, pauses: Iterable[float]) -> None:
        """A create without an answer may still come about: a 404 proves nothing at first."""
        if time.monotonic() >= self._settled:
            return
        known = self._known
        failure: DailyError | None = None
        for pause in pauses:
            if not self._lost:
                break
            await self._pause(pause)
            if self._known and not known:
                return
            try:
                await self._undo(api, Deadline(bound))
                failure = None
            except DailyError as exc:
                failure = exc
        if failure is not None and self._known is known:
            raise failure

    async def _pause(self, seconds: float) -> None:
        """Wait; the answer to the create cuts it short."""
        if self._known or self._confirmed is None:
            await asyncio.sleep(seconds)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._confirmed.wait()

    async def _undo(self, api: API, deadline: Deadline) -> None:
        """Delete what a create without an answer made, if it has by now."""
        if self._is_ours is not None:
            try:
                room = await get_room(api, self.name, deadline=deadline)
            except DailyNotFoundError:
                return
            if not self._is_ours(room):
                self._lost = 0  # whatever is on its way finds the name taken
                return
        if await delete_room(api, self.name, deadline=deadline, known=False):
            logger.debug("Room {} deleted", self.name)
            self._lost = max(0, self._lost - 1)  # its create may have been answered meanwhile

    def _report(self, why: str) -> None:
        """Once: a deletion that takes too long may fail later on."""
        self.gone = False
        if self._reported:
            return
        self._reported = True
        logger.error("Room {} could not be deleted: {} {}", self.name, why, self._ending())

    def _ending(self) -> str:
        if self.expires_at is None:
            return "It has no expiry: delete it in Daily's dashboard."
        return f"It ends by itself at {self.expires_at:%Y-%m-%d %H:%M:%S %Z}."


async def came_about(api: API, name: str, deadline: Deadline) -> bool:
    """Look for a room whose create got no answer, for as long as it may still come about."""
    failure: DailyError | None = None
    for pause in (0.0, *api.timings.look_again):
        await asyncio.sleep(pause)
        try:
            await get_room(api, name, deadline=deadline)
        except DailyNotFoundError:
            failure = None
        except DailyError as exc:
            failure = exc
        else:
            return True
    if failure is not None:
        raise failure
    return False


def callers_line() -> tuple[str, int]:
    """Tell which line outside this package and Pipecat is asking."""
    frame = sys._getframe(1)
    while frame.f_globals.get("__name__", "").partition(".")[0] in _PASSED_OVER:
        if frame.f_back is None:
            break
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def _disown() -> None:
    """After a fork the rooms are the parent's."""
    _owned.clear()
    lent.clear()
    draining.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_disown)


def owned_rooms() -> tuple[OwnedRoom, ...]:
    """Give the rooms that this process owns.

    Returns:
        The rooms, oldest first; one leaves when it is deleted or kept.
    """
    return tuple(_owned.values())


@atexit.register
def _warn_of_the_forgotten() -> None:
    for room in owned_rooms():
        room.forgotten()
        room.cut_short()


def in_use() -> bool:
    """Tell whether a room is in use: none that waits in a pool is."""
    return bool(lent) or any(not room.idle for room in owned_rooms())


async def drain(bound: float = DELETE_BOUND, *, only_idle: bool = False) -> bool:
    """Delete every room that this process owns, those that come to be meanwhile included.

    The rooms of bots under `deletes_room` count as well.

    Args:
        bound: Seconds to wait at the most.
        only_idle: Only those that wait in a pool.

    Returns:
        Whether all are known to be gone.
    """
    deadline = Deadline(bound)
    tried: dict[Callable[[float], Awaitable[bool]], bool] = {}
    while ends := _ends(only_idle) - tried.keys():
        if not deadline.left():
            return False
        gone = await asyncio.gather(*(end(deadline.left()) for end in ends))
        tried.update(zip(ends, gone, strict=True))
    return all(tried.values())


def _ends(only_idle: bool) -> set[Callable[[float], Awaitable[bool]]]:
    if only_idle:
        return {room.delete for room in owned_rooms() if room.idle}
    return {*(room.delete for room in owned_rooms()), *lent}
