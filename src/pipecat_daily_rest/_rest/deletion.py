# SPDX-License-Identifier: BSD-2-Clause
"""Rooms go, many with one request, and none has to wait for the slow rate tier.

A single delete has a slow rate tier (50 in 30 s), a batch has not; but a batch deletes all of its
rooms or none, and says not which of them is in its way.

References:
    https://docs.daily.co/reference/rest-api/rooms/delete-room
    https://docs.daily.co/reference/rest-api/batch/delete-rooms
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._core.loops import PerLoop
from pipecat_daily_rest._http.api import API
from pipecat_daily_rest._http.rates import NoTurn
from pipecat_daily_rest._rest.room_lookup import BATCH, delete_batch, get_room, list_rooms
from pipecat_daily_rest.errors import (
    DailyError,
    DailyInvalidRequestError,
    DailyNotFoundError,
    DailyRateLimitError,
    DailyTimeoutError,
)

_SINGLY = 10  # rooms; that many are looked for by name, more by listing
_REFUSALS = 20  # batches; one bad room among a thousand costs ten
_GAP = 1.0  # seconds; meanwhile, deletions that cannot go singly gather for the next batch
_GRACE = 0.1  # seconds; a request's own error tells more than that there was no answer


class Deletion:
    """The deletion of rooms that may be gone at any moment.

    Parameters:
        failed: Why a room could not be deleted, by its name.
        absent: The rooms that were gone already, as far as that can be told.
    """

    def __init__(self, api: API, deadline: Deadline | None = None) -> None:
        """Initialize; nothing is sent yet.

        Args:
            api: The API.
            deadline: When it must be over; the policy's for each request when None.
        """
        self.failed: dict[str, DailyError] = {}
        self.absent: set[str] = set()
        self._api = api.for_teardown()
        self._deadline = deadline
        self._refusals = 0

    async def run(self, names: Sequence[str], *, size: int = BATCH) -> None:
        """Delete rooms. What fails is in `failed`; nothing is raised.

        Args:
            names: The rooms' names, checked, none twice.
            size: How many go with one request at the most.
        """
        for start in range(0, len(names), size):
            await self._delete(list(names[start : start + size]))

    async def single(self, name: str) -> bool:
        """Delete a room with a request of its own, if there is one without waiting."""
        what = f"Failed to delete room [{name}]"
        try:
            await self._api.request(
                "DELETE",
                f"/rooms/{name}",
                what=what,
                deadline=self._deadline,
                surface=(DailyRateLimitError,),
                patient=False,
            )
        except (DailyRateLimitError, NoTurn):
            return False
        except DailyNotFoundError:
            self.absent.add(name)
        except DailyError as exc:
            await self._look([name], exc)
        return True

    async def batch(self, names: list[str], sending: Callable[[], None] | None = None) -> None:
        """Delete rooms with one request, and settle it when it is refused.

        Args:
            names: The rooms' names, checked, none twice.
            sending: Called when it goes out, and may add to the names.
        """
        try:
            count = await delete_batch(self._api, names, deadline=self._deadline, sending=sending)
            if not count and len(names) == 1:
                self.absent.update(names)
        except DailyError as exc:
            await self._settle(names, exc)

    async def _delete(self, names: list[str]) -> None:
        if len(names) == 1 and await self.single(names[0]):
            return
        if names:
            await self.batch(names)

    async def _settle(self, names: list[str], error: DailyError) -> None:
        """Look what is left, and halve where that explains nothing."""
        self._refusals += 1
        refused = isinstance(error, DailyInvalidRequestError | DailyNotFoundError)
        left = await self._look(names, error, again=refused and self._refusals <= _REFUSALS)
        if len(left) < len(names):
            await self._delete(left)
        elif len(left) > 1:
            half = len(left) // 2
            await self._delete(left[:half])
            await self._delete(left[half:])
        else:
            self._fail(left, error)

    async def _look(self, names: list[str], error: DailyError, *, again: bool = False) -> list[str]:
        """Tell which rooms are left; these have failed, if they are not tried again."""
        try:
            there = await self._existing(names)
        except DailyError:
            self._fail(names, error)
            return []
        left = [name for name in names if name in there]
        if again:
            self.absent.update(set(names) - there)
            return left
        self._fail(left, error)
        return []

    async def _existing(self, names: list[str]) -> set[str]:
        if len(names) <= _SINGLY:
            found = await asyncio.gather(*map(self._exists, names))
            return {name for name, there in zip(names, found, strict=True) if there}
        try:
            async with asyncio.timeout(self._deadline.left() if self._deadline else None):
                return {room.name async for room in list_rooms(self._api)}
        except TimeoutError as exc:
            msg = "Unable to list the rooms: no answer in time."
            raise DailyTimeoutError(msg) from exc

    async def _exists(self, name: str) -> bool:
        try:
            await get_room(self._api, name, deadline=self._deadline)
        except DailyNotFoundError:
            return False
        return True

    def _fail(self, names: Sequence[str], error: DailyError) -> None:
        self.failed.update(dict.fromkeys(names, error))


End: TypeAlias = "asyncio.Future[DailyError | bool]"
_SOON = object()  # a task that has not begun


class _Batches:
    """What the deletions of one account share, whichever event loop they are on."""

    def __init__(self) -> None:
        self.meetings: PerLoop[dict[tuple[object, ...], _Meeting]] = PerLoop(dict)
        self.last = -math.inf  # when the last batch went out


class _Meeting:
    """The deletions of one account and event loop that are yet to go out."""

    def __init__(self, api: API) -> None:
        self._api = api
        self._batches = api.account.part(_Batches)
        self._waiting: dict[str, list[End]] = {}
        self._until = 0.0
        self._running: set[object] = set()  # the tasks, which nobody else holds
        self._gathering: object | None = None  # the task with which the next ones go out

    def add(self, name: str, deadline: Deadline) -> End:
        """Give what becomes True, False when the room was gone already, or the error."""
        end: End = asyncio.get_running_loop().create_future()
        self._put({name: [end]}, time.monotonic() + deadline.left())
        if self._gathering is None:
            self._start()
        return end

    def _put(self, ends: dict[str, list[End]], until: float) -> None:
        for name, each in ends.items():
            self._waiting.setdefault(name, []).extend(each)
        self._until = max(self._until, until)

    def _take(self, taken: dict[str, list[End]]) -> None:
        """Take what somebody still waits for, as much as fits."""
        for name in list(self._waiting):
            if name in taken or len(taken) < BATCH:
                wanted = [end for end in self._waiting.pop(name) if not end.done()]
                if wanted:
                    taken.setdefault(name, []).extend(wanted)
        if not self._waiting:
            self._until = 0.0

    def _start(self) -> None:
        self._gathering = _SOON
        asyncio.create_task(self._go(), name="delete rooms")  # noqa: RUF006 - it holds itself

    async def _go(self) -> None:
        """Delete what is there by now, and tell those who wait."""
        self._gathering = task = asyncio.current_task()  # here, since an eager one begins at once
        self._running.add(task)
        taken: dict[str, list[End]] = {}
        until = self._until
        api = self._api.sharing()
        deletion = Deletion(api, Deadline(max(0.0, until - time.monotonic())))
        try:
            try:
                await self._delete(deletion, taken, until)
            finally:
                await api.aclose()
            for name, ends in taken.items():
                _tell(ends, deletion.failed.get(name) or name not in deletion.absent)
        except asyncio.CancelledError:
            # The event loop ends. Whoever still waits, as a task does that cleans up, goes anew.
            self._put(taken, until)
            raise
        except Exception as exc:
            # No thread for a look-up in DNS, say. Nobody is to wait for ever, and own a room so long.
            for name, ends in taken.items():
                _tell(ends, DailyError(f"Failed to delete room [{name}]: {type(exc).__name__}."))
            raise
        finally:
            self._running.discard(task)
            if self._gathering is task:
                self._gathering = None
            if self._waiting and self._gathering is None:
                self._start()
            if not self._running and self._gathering is None:
                self._batches.meetings.get().pop(self._api.batch_group, None)

    async def _delete(self, deletion: Deletion, taken: dict[str, list[End]], until: float) -> None:
        self._take(taken)
        if len(taken) == 1:
            self._gathering = None
            if await deletion.single(*taken):
                return
            if self._gathering is not None:  # which take this one with them
                self._put(taken, until)
                taken.clear()
                return
            self._gathering = asyncio.current_task()
            await asyncio.sleep(self._batches.last + _GAP - time.monotonic())
        names = list(taken)

        def sending() -> None:
            """Until it goes out, others join."""
            if self._gathering is asyncio.current_task():
                self._gathering = None
                self._take(taken)
                names[:] = taken
                self._batches.last = time.monotonic()
                if self._waiting:
                    self._start()

        if names:
            await deletion.batch(names, sending)


def _tell(ends: Sequence[End], outcome: DailyError | bool) -> None:
    for end in ends:
        if not end.done():
            end.set_result(outcome)


async def delete_room(
    api: API, name: str, *, deadline: Deadline | None = None, known: bool = True
) -> bool:
    """Delete a room. Deletions that meet go out as one."""
    deadline = deadline or Deadline(api.policy.deadline)
    outcome: DailyError | bool
    if known:
        outcome = await _together(api, name, deadline)
    else:
        deletion = Deletion(api, deadline)
        await deletion.run([name])
        outcome = deletion.failed.get(name) or name not in deletion.absent
    if isinstance(outcome, DailyError):
        raise outcome
    return outcome


def begin_deletion(api: API, name: str, deadline: Deadline) -> End:
    """Begin to delete a room that is known to have existed. Deletions that meet go out as one."""
    meetings = api.account.part(_Batches).meetings.get()
    if (meeting := meetings.get(api.batch_group)) is None:
        meeting = meetings[api.batch_group] = _Meeting(api)
    return meeting.add(name, deadline)


async def _together(api: API, name: str, deadline: Deadline) -> DailyError | bool:
    end = begin_deletion(api, name, deadline)
    try:
        await asyncio.wait({end}, timeout=deadline.left() + _GRACE)
        if end.done():
            return end.result()
    finally:
        end.cancel()
    msg = f"Failed to delete room [{name}]: no answer in time."
    raise DailyTimeoutError(msg)
