# SPDX-License-Identifier: BSD-2-Clause
"""Deletions that are asked for at the same time go out as one batch.

A batch is in one of these states::

    GATHERING  its request has not gone out: rooms join it
    ALONE      its only room goes with a request of its own; other rooms gather in another batch
    SENT       its request has gone out, with the rooms of that moment, or it is among those that
               machines which share the account delete together

A batch of one room is ALONE first. If the slow rate tier has no slot for that request, the room
joins the batch that gathers by then; if none does, its own batch is GATHERING. When a batch
ends without a result for a room, as when its task is cancelled, the room joins the next batch.
"""

import asyncio
import math
import time
from collections.abc import Iterable
from enum import Enum, auto
from typing import TypeAlias

from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._core.loops import PerLoop
from pipecat_daily_rest._http.api import API
from pipecat_daily_rest._rest.deletion import Deletion, Result
from pipecat_daily_rest._rest.fleet_deletions import FleetDeletions
from pipecat_daily_rest._rest.room_lookup import BATCH
from pipecat_daily_rest.errors import DailyError, DailyTimeoutError

_GRACE = 0.1  # seconds; a request's own error tells more than that there was no answer

Outcome: TypeAlias = "asyncio.Future[Result]"


class _State(Enum):
    GATHERING = auto()
    ALONE = auto()
    SENT = auto()


class _Batch:
    """Rooms that are deleted together, each with those who wait for it."""

    def __init__(self) -> None:
        self.state = _State.GATHERING
        self.rooms: dict[str, list[Outcome]] = {}
        self.until = 0.0  # the last deadline, on time.monotonic()
        self.task: asyncio.Task[None] | None = None  # nobody else holds it

    @property
    def left(self) -> float:
        """Seconds until the last deadline."""
        return max(0.0, self.until - time.monotonic())

    def takes(self, name: str) -> bool:
        return self.state is _State.GATHERING and (len(self.rooms) < BATCH or name in self.rooms)

    def add(self, name: str, outcomes: Iterable[Outcome], until: float) -> None:
        self.rooms.setdefault(name, []).extend(outcomes)
        self.until = max(self.until, until)

    def drop_settled(self) -> None:
        """Drop the rooms for which nobody waits any more."""
        for name, outcomes in list(self.rooms.items()):
            if all(outcome.done() for outcome in outcomes):
                del self.rooms[name]

    def tell(self, name: str, result: Result) -> None:
        for outcome in self.rooms.pop(name):
            if not outcome.done():
                outcome.set_result(result)


class _Shared:
    """What the batchers of one account share."""

    def __init__(self) -> None:
        self.batchers: PerLoop[dict[tuple[object, ...], _Batcher]] = PerLoop(dict)
        self.last_batch = -math.inf  # when it went out, on time.monotonic()


class _Batcher:
    """The batches of one account and event loop that have not ended."""

    def __init__(self, api: API, shared: _Shared) -> None:
        self._api = api
        self._shared = shared
        self._batches: list[_Batch] = []

    def add(self, name: str, outcomes: Iterable[Outcome], until: float) -> None:
        """Add a room to the batch that gathers, or to a new one."""
        if (batch := self._gathering(name)) is not None:
            batch.add(name, outcomes, until)
            return
        batch = _Batch()
        batch.add(name, outcomes, until)
        self._batches.append(batch)
        batch.task = asyncio.create_task(self._run(batch), name="delete rooms")
        batch.task.add_done_callback(lambda _: self._ended(batch))

    def _gathering(self, name: str) -> _Batch | None:
        return next((batch for batch in self._batches if batch.takes(name)), None)

    async def _run(self, batch: _Batch) -> None:
        """Delete a batch's rooms, and tell those who wait for them."""
        api = self._api.sharing()
        deletion = Deletion(api, Deadline(batch.left))
        try:
            try:
                names = await self._delete(batch, deletion)
            finally:
                await api.aclose()
        except Exception as exc:
            # For instance, no thread for a DNS look-up could start. Nobody may wait for ever.
            for name in list(batch.rooms):
                batch.tell(
                    name, DailyError(f"Failed to delete room [{name}]: {type(exc).__name__}.")
                )
            raise
        for name in names:
            batch.tell(name, deletion.result(name))

    async def _delete(self, batch: _Batch, deletion: Deletion) -> list[str]:
        """Give the rooms that there is a result for."""
        batch.drop_settled()
        names = list(batch.rooms)
        if names and (fleet := self._api.fleet) is not None:
            self._send(batch)
            shared = FleetDeletions(self._api, fleet, names, Deadline(batch.left))
            await shared.run()
            await deletion.run(shared.left)
            if shared.shared:  # another machine may have deleted them for this one
                deletion.absent.clear()
            deletion.absent |= shared.absent
            return names
        if len(names) == 1:
            batch.state = _State.ALONE
            if await deletion.single(names[0]):
                return names
            if self._gathering(names[0]) is not None:
                return []
            batch.state = _State.GATHERING
            gap = self._api.timings.batch_gap
            await asyncio.sleep(self._shared.last_batch + gap - time.monotonic())
        return await deletion.batch(names, lambda: self._send(batch)) if names else []

    def _send(self, batch: _Batch) -> list[str]:
        """Give the rooms of a batch that goes out, perhaps not for the first time."""
        if batch.state is _State.GATHERING:
            batch.state = _State.SENT
            self._shared.last_batch = time.monotonic()
        return list(batch.rooms)

    def _ended(self, batch: _Batch) -> None:
        self._batches.remove(batch)
        batch.drop_settled()
        for name, outcomes in batch.rooms.items():
            self.add(name, outcomes, batch.until)
        if not self._batches:
            self._shared.batchers.get().pop(self._api.batch_group, None)


def begin_deletion(api: API, name: str, deadline: Deadline) -> Outcome:
    """Begin to delete a room that is known to have existed."""
    shared = api.account.part(_Shared)
    batchers = shared.batchers.get()
    if (batcher := batchers.get(api.batch_group)) is None:
        batcher = batchers[api.batch_group] = _Batcher(api, shared)
    outcome: Outcome = asyncio.get_running_loop().create_future()
    batcher.add(name, [outcome], time.monotonic() + deadline.left())
    return outcome


async def delete_room(
    api: API, name: str, *, deadline: Deadline | None = None, known: bool = True
) -> bool:
    """Delete a room; False when it was gone already. ``known``: it is known to have existed."""
    deadline = deadline or Deadline(api.policy.deadline)
    if known:
        result = await _in_time(begin_deletion(api, name, deadline), name, deadline)
    else:  # in a batch it could get the other rooms refused
        deletion = Deletion(api, deadline)
        await deletion.run([name])
        result = deletion.result(name)
    if isinstance(result, DailyError):
        raise result
    return result


async def _in_time(outcome: Outcome, name: str, deadline: Deadline) -> Result:
    try:
        await asyncio.wait({outcome}, timeout=deadline.left() + _GRACE)
        if outcome.done():
            return outcome.result()
    finally:
        outcome.cancel()
    msg = f"Failed to delete room [{name}]: no answer in time."
    raise DailyTimeoutError(msg)
