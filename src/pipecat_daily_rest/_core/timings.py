# SPDX-License-Identifier: BSD-2-Clause
"""How long rooms, pools, deletions, the runner and Redis may take. Tests wait less."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass

DELETE_BOUND = 10.0  # seconds
VARIABLE = "_PIPECAT_DAILY_REST_TIMINGS"  # by which a test sets others, for programs too


@dataclass(frozen=True, kw_only=True)
class Timings:
    """Everything is in seconds."""

    look_again: Sequence[float] = (1.0, 5.0)  # before each new look for a create's room
    delete: float = DELETE_BOUND  # for a deletion, or a create whose caller is cancelled
    batch_gap: float = 1.0  # between two batches of deletions; further deletions join meanwhile
    refill_gap: float = 0.5  # one refill replaces all rooms that a pool hands out within this time
    pool_check: float = 60.0  # between two checks whether a pool's waiting rooms still exist
    drain_check: float = 0.1  # between two looks of `drain_on_exit` for rooms that were made since
    loop_blocked: float = 1.0  # an event loop that ignores a signal for so long counts as blocked
    # The runner's, from the first signal on:
    bot_grace: float = 3.0  # for the bot to end
    last_create: float = 3.5  # a create in flight is waited for no longer
    last_delete: float = 5.0  # kept for the deletion, after `last_create`
    process_end: float = 8.9  # a container is killed after 10
    echo: float = 0.5  # `timeout`, `uv run` and shells repeat a signal within this time
    fixture_grace: float = 30.0  # for a cancelled bot of the fixture `local_room` to end
    redis_piece: float = 0.5  # for each piece of a reply of Redis
    redis_reply: float = 4.0  # for the whole reply; enough for two attempts
    redis_retry: float = 2.0  # between two attempts to reach a Redis that is away
    redis_flight: float = 15.0  # a request in flight is given up: its process may have died
    # A fleet of servers:
    fleet_tick: float = 1.0  # between two looks for what other servers ask of this one
    fleet_renew: float = 15.0  # between two signs of life of a server
    fleet_lease: float = 45.0  # a server without a sign of life for so long is gone
    fleet_look: float = 15.0  # between two looks at who is in which room
    fleet_calm: float = 60.0  # after Redis came back, no rooms are swept
    fleet_young: float = 60.0  # rooms that are younger are not swept
    fleet_react: float = 10.0  # for an owner to delete the room of a session that it was to stop

    @classmethod
    def current(cls) -> "Timings":
        """The real ones, unless a test has set others."""
        given = os.environ.get(VARIABLE)
        return cls(**json.loads(given)) if given else _REAL


_REAL = Timings()
