# SPDX-License-Identifier: BSD-2-Clause
"""A thousand sessions under random faults, cancellations and kills end with no room.

Run more, or other ones: ``CHAOS_SEED=7 CHAOS_SESSIONS=10000 make test ARGS=tests/lifecycle/test_chaos.py``
"""

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

from pipecat_daily_rest import sweep_rooms

SEED = os.environ.get("CHAOS_SEED", "1")
SESSIONS = int(os.environ.get("CHAOS_SESSIONS", "1000"))
WORKERS = 20
WORKER = Path(__file__).parent / "bots" / "chaos_worker.py"


async def test_nothing_is_left(start, local_daily):
    dice = random.Random(SEED)
    local_daily.chaos(SEED, rate=0.15)
    share = SESSIONS // WORKERS
    ended = killed = 0

    async def work(number):
        nonlocal ended, killed
        done = 0
        while done < share:
            program = await start(
                sys.executable,
                WORKER,
                f"{SEED}-{number}-{done}",
                share - done,
                env=local_daily.env(),
            )
            if dice.random() < 0.5:
                await program.says(rf"^{dice.randrange(1, max(2, (share - done) // 2))} ")
                program.signal(signal.SIGKILL)
                killed += 1
            code = await program.ended()
            assert code in (0, -signal.SIGKILL), program.err[-2000:]
            done += program.out.count("\n")
        ended += done

    lanes = asyncio.Semaphore(2)

    async def lane(number):
        async with lanes:
            await work(number)

    await asyncio.gather(*(lane(number) for number in range(WORKERS)))
    assert ended >= SESSIONS
    assert killed
    local_daily.faults.clear()
    names = {entry.room for entry in local_daily.state.log if entry.what == "created"}
    left = set(local_daily.rooms)
    report = await sweep_rooms(
        min_age=0, pause=0, api_key=local_daily.api_key, api_url=local_daily.api_url
    )
    assert set(report.deleted) == left
    assert local_daily.rooms == {}
    assert len(left) <= killed  # only a killed process leaves anything
    assert len(names) > SESSIONS / 2
