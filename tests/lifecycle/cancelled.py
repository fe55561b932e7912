# SPDX-License-Identifier: BSD-2-Clause
"""Sessions that are cancelled at some of their steps, and what may be left of them: nothing."""

import asyncio

from stepping import Driven, Steps, When

from pipecat_daily_rest import owned_rooms
from pipecat_daily_rest.local import LocalDaily

ENOUGH = (
    3  # sessions in a row that end before their cancellation: then every await was cancelled once
)


class Cancelled:
    """A session that is cancelled at some of its steps."""

    def __init__(self, daily: LocalDaily, *numbers: int, when: When = "at") -> None:
        self.daily = daily
        self.numbers = numbers
        self.when = when
        self.steps = Steps(dict.fromkeys(numbers, self._cancel), when)
        self.requested = False

    def _cancel(self) -> None:
        self.requested = self.task.cancel() or self.requested

    async def run(self, coro) -> None:
        self.task = asyncio.create_task(Driven(coro, self.steps))
        [self.end] = await asyncio.gather(self.task, return_exceptions=True)
        assert self.task.cancelled() is self.requested, self
        nothing_is_left(self.daily, self.steps)

    def __repr__(self) -> str:
        return f"{self.when} {self.numbers}: {self.task}"


def nothing_is_left(daily: LocalDaily, steps: Steps) -> None:
    assert daily.rooms == {}
    asked = [each.body for each in daily.requests if each.method == "POST"]
    mine = {room.get("name") for body in asked for room in body.get("rooms", [body])}
    assert mine.isdisjoint(room.name for room in owned_rooms())
    assert [task for task in steps.tasks if not task.done()] == []
