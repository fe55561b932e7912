# SPDX-License-Identifier: BSD-2-Clause
"""Slots, ends and idempotency keys, with bots as tasks."""

import asyncio
import time
from collections import Counter

import pytest

from pipecat_daily_rest import DailyConfigError, DailyRoomProperties
from pipecat_daily_rest.models import DailyMeetingTokenProperties
from pipecat_daily_rest.server import (
    AtCapacity,
    Draining,
    EndReason,
    Sessions,
    SessionState,
    StartConflict,
    StartRequest,
    UnknownSession,
)
from pipecat_daily_rest.tokens import read_token
from serving import STAY, until


def nested():
    async def bot(runner_args):
        pass

    return bot


async def test_a_slot_is_taken_before_anything_is_made(serve, local_daily):
    sessions = await serve(max_sessions=20)
    starts = [sessions.start(StartRequest(body=STAY)) for _ in range(2000)]
    ended = await asyncio.gather(*starts, return_exceptions=True)
    assert Counter(type(each).__name__ for each in ended) == {"Session": 20, "AtCapacity": 1980}
    refused = next(each for each in ended if isinstance(each, AtCapacity))
    assert refused.retry_after == 5.0
    assert "All 20 sessions are taken" in str(refused)
    assert len(local_daily.rooms) == sessions.taken == 20
    await sessions.drain()
    assert local_daily.rooms == {}
    assert {each.end.reason for each in sessions.list()} == {EndReason.DRAINED}


async def test_a_bot_that_returns(serve, local_daily):
    ends = []
    sessions = await serve(on_end=ends.append)
    session = await sessions.start(StartRequest())
    assert session.room_url.endswith(session.id)
    assert session.room_name == f"pipecat-{session.id}"
    assert (await session.wait()).reason is EndReason.FINISHED
    assert session.state is SessionState.ENDED
    assert local_daily.rooms == {}
    assert sessions.taken == 0
    await asyncio.sleep(0)
    assert ends == [session]


async def test_a_bot_that_raises_is_logged_once_and_disturbs_no_other(serve, said):
    sessions = await serve()
    other = await sessions.start(StartRequest(body=STAY))
    session = await sessions.start(StartRequest(body={"do": "raise"}))
    end = await session.wait()
    assert end.reason is EndReason.ERROR
    assert end.error == "ValueError: no such word ***"
    errors = [each for each in said if each["level"].name == "ERROR"]
    assert len(errors) == 1
    text = errors[0]["message"]
    assert session.id in text
    assert session.room_name in text
    assert text.index("behave.py") < text.index("ValueError")
    assert "eyJ" not in text
    assert "pipecat_daily_rest/" not in text
    assert other.state is SessionState.RUNNING


async def test_what_a_bot_prints_carries_its_session(serve, said):
    sessions = await serve()
    session = await sessions.start(StartRequest())
    await session.wait()
    (record,) = [each for each in said if each["message"] == f"in {session.id}"]
    assert record["extra"] == {"session_id": session.id, "room": session.room_name}
    assert record["function"] == "bot"


async def test_stopped(serve, local_daily):
    sessions = await serve()
    session = await sessions.start(StartRequest(body=STAY))
    assert await sessions.stop(session.id) is session
    assert session.end.reason is EndReason.STOPPED
    assert local_daily.rooms == {}
    assert await sessions.stop(session.id) is session
    with pytest.raises(UnknownSession, match="no session 'x'"):
        await sessions.stop("x")


async def test_a_task_that_ignores_its_cancellation_is_reported(serve, said, local_daily):
    released = asyncio.Event()

    async def bot(runner_args):
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                print("ignored")

    sessions = await serve(bot, stop_grace=0.05)
    session = await sessions.start(StartRequest())
    await session.began.wait()
    await sessions.stop(session.id)
    assert session.end.error == "The bot did not end."
    assert local_daily.rooms == {}
    (told,) = [each for each in said if "ignores its cancellation" in each["message"]]
    assert told["extra"] == {"session_id": session.id, "room": session.room_name}
    released.set()


async def test_a_session_that_is_too_long(serve, local_daily):
    sessions = await serve(max_duration=1)
    session = await sessions.start(StartRequest(body=STAY))
    assert (await session.wait()).reason is EndReason.MAX_DURATION
    assert local_daily.rooms == {}


async def test_the_same_key_gives_the_same_session(serve, local_daily):
    sessions = await serve()
    request = StartRequest(body=STAY, idempotency_key="k" * 16)
    first, second = await asyncio.gather(sessions.start(request), sessions.start(request))
    assert first is second
    assert len(local_daily.rooms) == 1
    with pytest.raises(StartConflict, match="another request"):
        await sessions.start(StartRequest(body={}, idempotency_key="k" * 16))
    foreign = await sessions.start(
        StartRequest(body=STAY, idempotency_key="k" * 16, caller="other")
    )
    assert foreign is not first
    await sessions.stop(first.id)
    assert await sessions.start(request) is first


async def test_a_start_that_failed_may_be_repeated_with_its_key(serve, local_daily):
    sessions = await serve()
    local_daily.fail("POST", "/rooms", status=400)
    request = StartRequest(idempotency_key="k" * 16)
    with pytest.raises(Exception, match="Unable to create room"):
        await sessions.start(request)
    assert sessions.taken == 0
    assert sessions.list() == ()
    assert await (await sessions.start(request)).wait()


async def test_a_start_that_nobody_waits_for_leaves_no_room(serve, local_daily):
    sessions = await serve()
    local_daily.fail("POST", "/rooms", delay=0.3)
    start = asyncio.create_task(sessions.start(StartRequest(body=STAY)))
    await asyncio.sleep(0.1)
    start.cancel()
    await asyncio.gather(start, return_exceptions=True)
    await until(lambda: not sessions.taken)
    assert local_daily.rooms == {}


async def test_draining(serve):
    sessions = await serve()
    session = await sessions.start(StartRequest(body=STAY))
    draining = asyncio.create_task(sessions.drain(600))
    await asyncio.sleep(0)
    assert sessions.draining
    with pytest.raises(Draining) as refused:
        await sessions.start(StartRequest())
    assert 599 < refused.value.retry_after <= 600
    await sessions.drain(0)  # a shorter one counts for both
    await draining
    assert session.end.reason is EndReason.DRAINED


async def test_a_drain_waits_until_all_ends_are_told(serve):
    told, go = [], asyncio.Event()

    async def on_end(session):
        await go.wait()
        told.append(session)

    sessions = await serve(on_end=on_end)
    finished = await sessions.start(StartRequest())
    await finished.wait()
    stays = await sessions.start(StartRequest(body=STAY))
    draining = asyncio.create_task(sessions.drain())
    await stays.wait()
    assert not told
    assert not draining.done()
    go.set()
    await draining
    assert set(told) == {finished, stays}


async def test_a_session_without_a_room(serve, local_daily):
    sessions = await serve()
    session = await sessions.start(StartRequest(create_room=False))
    assert session.room_url is None
    assert (await session.wait()).reason is EndReason.FINISHED
    assert not [each for each in local_daily.requests if each.path == "/rooms"]


async def test_properties(serve, local_daily):
    sessions = await serve()
    session = await sessions.start(
        StartRequest(
            body=STAY,
            room=DailyRoomProperties(max_participants=3),
            token=DailyMeetingTokenProperties(user_name="Ana"),
        )
    )
    assert local_daily.rooms[session.room_name].config["max_participants"] == 3
    token = read_token(session.user_token, api_key=local_daily.api_key)
    assert (token.user_name, token.is_owner) == ("Ana", False)
    late = time.time() + 100_000
    with pytest.raises(DailyConfigError, match=r"token\.exp is later"):
        await sessions.start(StartRequest(token=DailyMeetingTokenProperties(exp=int(late))))
    with pytest.raises(DailyConfigError, match=r"room\.exp must be"):
        await sessions.start(StartRequest(room=DailyRoomProperties(exp=late)))
    with pytest.raises(DailyConfigError, match="never has owner rights"):
        StartRequest(token=DailyMeetingTokenProperties(is_owner=True))
    with pytest.raises(DailyConfigError, match="JSON can hold"):
        StartRequest(body=object())
    with pytest.raises(DailyConfigError, match="16 to 128"):
        StartRequest(idempotency_key="short")


async def test_several_bots(serve):
    async def one(runner_args):
        print("one")

    async def two(runner_args):
        raise ValueError

    sessions = await serve({"one": one, "two": two})
    assert (await sessions.start(StartRequest())).agent == "one"
    session = await sessions.start(StartRequest(agent="two"))
    assert (await session.wait()).reason is EndReason.ERROR
    with pytest.raises(UnknownSession, match="choose one of one, two"):
        await sessions.start(StartRequest(agent="three"))


@pytest.mark.parametrize(
    ("bot", "launcher", "words"),
    [
        ("no_such.py", "task", "There is no file"),
        ("no_such_module:bot", "task", "No module named"),
        (lambda: None, "task", "must take one argument|must be an async"),
        (nested(), "process", "another process cannot import"),
        ("bot.py", "thread", "'process', 'task', 'ray' or 'module:Class'"),
        ("bot.py", "no_such:Launcher", "cannot be imported"),
        ({}, "task", "at least one name"),
    ],
)
async def test_what_cannot_be_served(local_daily, bot, launcher, words):
    with pytest.raises((DailyConfigError, ImportError), match=words):
        async with Sessions(
            bot,
            max_sessions=1,
            launcher=launcher,
            api_key=local_daily.api_key,
            api_url=local_daily.api_url,
        ):
            pass


async def test_a_room_of_the_pool_costs_no_request(serve, local_daily):
    sessions = await serve(pool=2)
    before = [each for each in local_daily.requests if each.method == "POST"]
    session = await sessions.start(StartRequest(body=STAY))
    assert session.room_name == f"pipecat-{session.id}"
    assert session.room_name in local_daily.rooms
    assert [each for each in local_daily.requests if each.method == "POST"] == before
    own = await sessions.start(StartRequest(body=STAY, room=DailyRoomProperties(lang="fr")))
    assert local_daily.rooms[own.room_name].config["lang"] == "fr"
    await sessions.stop(session.id)
    assert session.room_name not in local_daily.rooms
    await sessions.drain()


async def test_a_room_that_was_gone_when_its_bot_ended(serve, local_daily, helper):
    left = asyncio.Event()

    async def bot(runner_args):
        await left.wait()

    sessions = await serve(bot)
    session = await sessions.start(StartRequest())
    await helper.delete_room_by_name(session.room_name)
    left.set()
    assert (await session.wait()).reason is EndReason.ROOM_GONE
