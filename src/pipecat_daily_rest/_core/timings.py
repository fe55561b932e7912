# SPDX-License-Identifier: BSD-2-Clause
"""How long rooms, pools, deletions, the runner and Redis may take. Tests wait less."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass

DELETE_BOUND = 10.0  # seconds
VARIABLE = "_PIPECAT_DAILY_REST_TIMINGS"  # by which a test shortens them, in programs too


@dataclass(frozen=True, kw_only=True)
class Timings:
    """How long each part waits, in seconds.

    Parameters:
        look_again: Pauses before each further look for a room whose create got no answer.
        delete: The longest wait for a room's deletion, and for a create whose caller is cancelled.
        batch_gap: Between two batches of deletions, in which further deletions join.
        refill_gap: After a pool hands a room out; one refill replaces all that follow in this time.
        pool_check: Between two checks whether a pool's waiting rooms still exist.
        drain_check: Between two looks of `drain_on_exit` for rooms that were made since.
        loop_blocked: After which an event loop that does not react to a signal counts as blocked.
        bot_grace: For a bot to end, from the runner's first signal on.
        last_create: From the first signal on; a create in flight is waited for no longer.
        last_delete: That the runner keeps for the deletion of its room.
        echo: `timeout`, `uv run` and shells repeat a signal within this time; it counts once.
        process_end: From the first signal to the end of the runner: a container is killed after 10.
        fixture_grace: For a bot of the fixture `local_room` to end when it is cancelled.
        redis_piece: That Redis may take for each piece of a reply.
        redis_reply: For the whole reply; enough for two attempts.
        redis_retry: Between two attempts to reach a Redis that is away.
        redis_flight: After which a request in flight is given up: its process may have died.
    """

    look_again: Sequence[float] = (1.0, 5.0)
    delete: float = DELETE_BOUND
    batch_gap: float = 1.0
    refill_gap: float = 0.5
    pool_check: float = 60.0
    drain_check: float = 0.1
    loop_blocked: float = 1.0
    bot_grace: float = 3.0
    last_create: float = 3.5
    last_delete: float = 5.0
    echo: float = 0.5
    process_end: float = 8.9
    fixture_grace: float = 30.0
    redis_piece: float = 0.5
    redis_reply: float = 4.0
    redis_retry: float = 2.0
    redis_flight: float = 15.0

    @classmethod
    def current(cls) -> "Timings":
        """The real ones, unless a test has set others."""
        given = os.environ.get(VARIABLE)
        return cls(**json.loads(given)) if given else _REAL


_REAL = Timings()
