# SPDX-License-Identifier: BSD-2-Clause
"""Starts that are repeated with a key: at the same time, with other requests, long afterwards."""

import asyncio
from datetime import UTC, datetime

import pytest

from pipecat_daily_rest import DailyConfigError, DailyError, DailyRoomProperties
from pipecat_daily_rest.models import DailyMeetingTokenProperties
from pipecat_daily_rest.server import Draining, StartConflict, StartRequest
from pipecat_daily_rest.server.history import MOST, REMEMBERED, History
from pipecat_daily_rest.server.session import Session
from serving import STAY

KEY = "k" * 16


def repeated(key=KEY, **given):
    return StartRequest(**{"body": STAY, "idempotency_key": key, **given})


@pytest.mark.parametrize("key", ["k" * 15, "k" * 129, "", "k k" * 8, "é" * 20, "k" * 20 + "\n", 1])
def test_what_is_no_key(key):
    with pytest.raises(DailyConfigError, match="16 to 128 visible ASCII"):
        repeated(key)


def test_the_shortest_and_the_longest_key():
    assert [repeated("!" * length).idempotency_key for length in (16, 128)] == ["!" * 16, "!" * 128]


async def test_many_at_once_get_one_session(serve, local_daily):
    sessions = await serve(max_sessions=1)
    held = local_daily.fail("POST", "/rooms", delay=0.1)
    starts = [asyncio.create_task(sessions.start(repeated())) for _ in range(50)]
    await held.wait()
    starts[0].cancel()  # the first client leaves: the others wait on
    first, *others = await asyncio.gather(*starts, return_exceptions=True)
    assert isinstance(first, asyncio.CancelledError)
    assert len(set(others)) == len(local_daily.rooms) == sessions.taken == 1
    # It is given at capacity and while the server drains, too, since it starts nothing.
    assert await sessions.start(repeated()) is others[0]
    draining = asyncio.create_task(sessions.drain(600))
    await asyncio.sleep(0)
    assert await sessions.start(repeated()) is others[0]
    with pytest.raises(Draining):
        await sessions.start(repeated("another-key-of-it"))
    await sessions.drain(0)
    await draining


async def test_many_at_once_get_one_failure(serve, local_daily):
    sessions = await serve(max_sessions=1)
    local_daily.fail("POST", "/rooms", status=403, delay=0.1)
    starts = [sessions.start(repeated()) for _ in range(10)]
    failed = await asyncio.gather(*starts, return_exceptions=True)
    assert {type(each).__name__ for each in failed} == {"DailyForbiddenError"}
    assert len([each for each in local_daily.requests if each.path == "/rooms"]) == 1
    assert sessions.taken == 0
    assert await sessions.start(repeated())


@pytest.mark.parametrize(
    "other",
    [
        {"body": {}},
        {"body": None},
        {"create_room": False},
        {"agent": "behave"},
        {"room": DailyRoomProperties(lang="fr")},
        {"token": DailyMeetingTokenProperties(user_name="Ana")},
    ],
)
async def test_another_request_with_the_same_key(serve, local_daily, other):
    sessions = await serve()
    first = await sessions.start(repeated())
    with pytest.raises(StartConflict, match="use a new key"):
        await sessions.start(repeated(**other))
    assert sessions.taken == len(local_daily.rooms) == 1
    assert await sessions.start(repeated(**other, caller="another")) is not first


def remembered(history, number, ended=True):
    session = Session(id=f"s{number}", agent="bot", created_at=datetime.now(UTC))
    history.add(session, repeated(f"{number:020}"))
    if ended:
        history.ended(session)
    return session


def told(history, number):
    return history.earlier(repeated(f"{number:020}"))


async def test_a_key_is_kept_until_ten_minutes_after_the_end():
    now = 0.0
    history = History(lambda: now)
    running = remembered(history, 0, ended=False)
    ended = remembered(history, 1)
    now = REMEMBERED - 1
    assert (told(history, 0), told(history, 1)) == (running, ended)
    now = REMEMBERED
    assert (told(history, 0), told(history, 1)) == (running, None)
    now = 100 * REMEMBERED  # however long it runs
    assert told(history, 0) is running
    history.ended(running)
    now += REMEMBERED - 1
    assert told(history, 0) is running
    now += 1
    assert told(history, 0) is None
    assert history.sessions == {}


async def test_ten_thousand_keys_are_kept():
    history = History(lambda: 0.0)
    running = remembered(history, 0, ended=False)
    ended = [remembered(history, number) for number in range(1, MOST + 2)]
    assert told(history, 1) is None
    assert [told(history, number) for number in (0, 2, MOST + 1)] == [running, ended[1], ended[-1]]
    assert len(history.sessions) == MOST + 1


async def test_a_key_of_a_start_that_failed_is_free(serve, local_daily):
    sessions = await serve()
    fault = local_daily.fail("POST", "/rooms", status=400, times=3)
    for _ in range(3):
        with pytest.raises(DailyError):
            await sessions.start(repeated())
    assert fault.hits == 3
    assert (await sessions.start(repeated(body={}))).room_url
