# SPDX-License-Identifier: BSD-2-Clause
"""Starts, stops, cancellations and a drain that cross each other at any await: nothing is left."""

import asyncio
import os
import random

import pytest

from pipecat_daily_rest.errors import DailyError
from pipecat_daily_rest.server import EndReason, Session, SessionState, StartRequest
from serving import LAUNCHERS, STAY, all_gone, family

SLOTS = 6
BODIES = [STAY, STAY, {}, {"do": "raise"}]
GRACES = [0, 0.01, 0.1, None]


async def start_and_stop(sessions, chance, number):
    """One caller: starts, may change its mind, may stop what others have started; stops its own."""
    await asyncio.sleep(chance.choice([0, 0, 0.01]))
    key = chance.choice([None, f"repeated-start-{number % 5}"])
    request = StartRequest(
        body=chance.choice(BODIES), idempotency_key=key, create_room=chance.random() < 0.8
    )
    starting = asyncio.create_task(sessions.start(request))
    await asyncio.sleep(chance.choice([0, 0, 0.001, 0.005, 0.02]))
    if chance.random() < 0.3:
        starting.cancel()
    for other in sessions.list(SessionState.STARTING)[: chance.randrange(2)]:
        await sessions.stop(other.id, chance.choice(GRACES))
    (session,) = await asyncio.gather(starting, return_exceptions=True)
    assert sessions.taken <= SLOTS
    if not isinstance(session, Session):
        assert isinstance(session, DailyError | asyncio.CancelledError)
        return
    await asyncio.sleep(chance.choice([0, 0.001, 0.01]))
    await asyncio.gather(*(sessions.stop(session.id, each) for each in chance.sample(GRACES, 2)))
    assert session.end.reason in {EndReason.STOPPED, EndReason.FINISHED, EndReason.ERROR}


@pytest.mark.parametrize(("kind", "rounds"), [("task", 4), ("fork", 2)])
async def test_nothing_is_left_however_they_cross(serve, local_daily, kind, rounds):
    failed, told, before = [], [], {*family(os.getpid())}
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
    chance = random.Random(13)
    launcher = LAUNCHERS[kind]()
    sessions = await serve(launcher=launcher, max_sessions=SLOTS, pool=2, on_end=told.append)
    for _ in range(rounds):
        callers = (start_and_stop(sessions, chance, number) for number in range(2 * SLOTS))
        await asyncio.gather(*callers)
    last = [asyncio.create_task(sessions.start(StartRequest(body=STAY))) for _ in range(SLOTS)]
    await asyncio.sleep(chance.random() * 0.02)
    processes = [each for each in family(os.getpid()) if each not in before]
    await sessions.drain()
    await asyncio.gather(*last, return_exceptions=True)
    assert sessions.taken == 0
    await sessions.__aexit__(None, None, None)
    assert local_daily.rooms == {}
    await all_gone(processes)
    assert len(told) == len(set(told))
    assert failed == []
