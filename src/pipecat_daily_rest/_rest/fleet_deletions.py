# SPDX-License-Identifier: BSD-2-Clause
"""Machines that share an account delete their rooms together, a few requests for all of them.

Each machine of a fleet ends a call now and then, so its own deletions are alone, and alone each costs
a request. So a machine writes a room's name into Redis, and then asks for the turn to delete all that
are there. The machine that gets the turn sends one batch and takes the names out. It keeps the turn for a
while, so that more names gather. A machine whose name stays there too long deletes that room itself.
The others delete what a machine has written that died.
"""

import asyncio
import uuid
from collections.abc import Iterable
from contextlib import suppress

from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._http.api import API
from pipecat_daily_rest._http.redis_slots import RedisAway, SharedRedis
from pipecat_daily_rest._rest.deletion import Deletion, Result
from pipecat_daily_rest._rest.room_lookup import BATCH
from pipecat_daily_rest.errors import DailyError

_GAP = 2000  # milliseconds between two batches of the fleet
_TURN = 12_000  # milliseconds: longer than a deletion may take; then its machine has died
_LOOK = 0.25  # seconds between two looks into Redis
_WAIT = 4.0  # seconds; then a machine deletes its rooms itself
_KEPT = 600_000  # milliseconds

# What came of a room is a letter before its name. A machine that waits no longer takes a room out as
# if it were deleted.
_WAITS = " "
_DONE = "+"
_ABSENT = "-"
_FAILED = "!"

_ADD = """
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], 'NX', 0, ARGV[i]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[1])
"""

# Gives the names of this machine that still wait, or if it gets the turn, the names of all machines;
# the first element tells which. What came of a name in another machine's turn is its first letter.
_LOOK_FOR = """
local answer, waiting = {'left'}, 0
for i = 4, #ARGV do
    local score = redis.call('ZSCORE', KEYS[1], ARGV[i])
    if score == '0' then
        waiting = waiting + 1
        table.insert(answer, ' ' .. ARGV[i])
    elseif score then
        redis.call('ZREM', KEYS[1], ARGV[i])
        table.insert(answer, (score == '1' and '-' or '!') .. ARGV[i])
    end
end
if waiting < #answer - 1 or waiting == 0
or not redis.call('SET', KEYS[1] .. ':turn', ARGV[1], 'NX', 'PX', ARGV[2]) then
    return answer
end
answer = redis.call('ZRANGEBYSCORE', KEYS[1], 0, 0, 'LIMIT', 0, ARGV[3])
table.insert(answer, 1, 'turn')
return answer
"""

# Notes what came of names: '+' is deleted, '-' was gone, '!' failed. Who has the turn passes it on.
_SETTLE = """
if redis.call('GET', KEYS[1] .. ':turn') == ARGV[1] then
    redis.call('PEXPIRE', KEYS[1] .. ':turn', ARGV[2])
end
for i = 3, #ARGV do
    local what, name = string.sub(ARGV[i], 1, 1), string.sub(ARGV[i], 2)
    if what == '+' then
        redis.call('ZREM', KEYS[1], name)
    else
        redis.call('ZADD', KEYS[1], 'XX', what == '-' and 1 or 2, name)
    end
end
return 0
"""


class FleetDeletions:
    """The deletion of some rooms of this machine, together with those of others.

    Parameters:
        left: The rooms that this machine has to delete itself, after all.
        absent: The rooms that were gone already.
        shared: Whether other machines may have deleted what is left.
    """

    def __init__(self, api: API, fleet: SharedRedis, names: list[str], deadline: Deadline) -> None:
        """Initialize; see `run`."""
        self.left = names
        self.absent: set[str] = set()
        self.shared = False
        self._api = api
        self._fleet = fleet
        self._deadline = deadline
        self._key = f"{fleet.prefix}:deletions"
        self._me = uuid.uuid4().hex

    async def run(self) -> None:
        """Have the rooms deleted by who has the turn, which may be this machine."""
        with suppress(RedisAway):
            await self._fleet.run(_ADD, self._key, _KEPT, *self.left)
            self.shared = True
            patience = Deadline(min(_WAIT, self._deadline.left() / 2))
            failed: list[str] = []
            try:
                while self.left and patience.left():
                    failed += await self._look()
                    if self.left:
                        await asyncio.sleep(_LOOK)
                await self._settle(f"{_DONE}{name}" for name in self.left)
            finally:
                self.left += failed

    async def _look(self) -> list[str]:
        """Ask for the turn, and use it; drop the rooms whose end is known, and give what failed."""
        arguments: tuple[str | int, ...] = (self._me, _TURN, BATCH, *self.left)
        found = await self._fleet.run(_LOOK_FOR, self._key, *arguments, gives=list)
        what, *names = (each.decode() for each in found)
        told = await self._delete(names) if what == "turn" else names
        mine = {*self.left}
        words = {name[1:]: name[0] for name in told if name[1:] in mine}
        self.left = [name for name in self.left if words.get(name) == _WAITS]
        self.absent |= {name for name, word in words.items() if word == _ABSENT}
        return [name for name, word in words.items() if word == _FAILED]

    async def _delete(self, names: list[str]) -> list[str]:
        """Delete what all machines have written down, and tell them; give what was told."""
        deletion = Deletion(self._api, Deadline(min(_TURN / 1000, self._deadline.left())))
        told = [f"{_FAILED}{name}" for name in names]
        try:
            await deletion.batch(names)
            told = [f"{_word(deletion.result(name))}{name}" for name in names]
        finally:
            with suppress(RedisAway):
                await self._settle(told)
        return told

    async def _settle(self, told: Iterable[str]) -> None:
        await self._fleet.run(_SETTLE, self._key, self._me, _GAP, *told)


def _word(result: Result) -> str:
    if isinstance(result, DailyError):
        return _FAILED
    return _DONE if result else _ABSENT
