# SPDX-License-Identifier: BSD-2-Clause
"""Who is in the rooms: one request for all sessions, and two looks that agree."""

import asyncio

import pytest

from pipecat_daily_rest.models import DailyMeetingTokenProperties
from pipecat_daily_rest.server import EndReason, StartRequest
from pipecat_daily_rest.server.bot_user import bot_user_id
from pipecat_daily_rest.server.presence import PresenceWatch, Watched
from serving import STAY, until

BOT = "bot-1"


def watched(**options) -> Watched:
    given = {"join_timeout": 60.0, "empty_timeout": 30.0, **options}
    return Watched(room="demo", bot=BOT, since=0.0, end=lambda reason: None, **given)


def test_nobody_joins():
    room = watched()
    assert [room.look([BOT], now) for now in (15, 30, 45)] == [None] * 3
    assert room.look([BOT], 60) is EndReason.NOBODY_JOINED


def test_one_look_alone_ends_nothing():
    room = watched(join_timeout=1.0, empty_timeout=1.0)
    assert room.look([BOT], 15) is None
    assert room.look([BOT, "ana"], 30) is None
    assert room.look([BOT], 45) is None
    assert room.look([BOT, None], 60) is None
    assert room.look([BOT], 75) is None
    assert room.look([BOT], 90) is EndReason.EVERYBODY_LEFT


def test_without_timeouts_it_never_ends():
    room = watched(join_timeout=None, empty_timeout=None)
    assert {room.look([BOT], now) for now in range(0, 10_000, 15)} == {None}
    room.look([BOT, "ana"], 10_000)
    assert {room.look([BOT], now) for now in range(10_015, 20_000, 15)} == {None}


@pytest.fixture
def quick(monkeypatch):
    real = PresenceWatch.__init__
    monkeypatch.setattr(
        PresenceWatch, "__init__", lambda self, helper, **more: real(self, helper, 0.05, **more)
    )


async def test_sessions_that_people_do_not_come_to_or_leave(serve, local_daily, quick):
    sessions = await serve(join_timeout=0.2, empty_timeout=0.1)
    empty = await sessions.start(StartRequest(body=STAY))
    visited = await sessions.start(StartRequest(body=STAY))
    ana = local_daily.join(visited.room_url, visited.user_token, user_name="Ana")
    assert (await empty.wait()).reason is EndReason.NOBODY_JOINED
    assert list(local_daily.rooms) == [visited.room_name]
    ana.leave()
    assert (await visited.wait()).reason is EndReason.EVERYBODY_LEFT
    assert local_daily.rooms == {}
    asked = len([each for each in local_daily.requests if each.path == "/presence"])
    await asyncio.sleep(0.2)
    assert len([each for each in local_daily.requests if each.path == "/presence"]) == asked


async def test_a_bot_that_ends_itself_costs_no_request(serve, local_daily):
    sessions = await serve()
    await (await sessions.start(StartRequest())).wait()
    assert not [each for each in local_daily.requests if "presence" in each.path]


async def test_one_request_tells_of_all_sessions(serve, local_daily, quick):
    sessions = await serve(join_timeout=0.2)
    started = [await sessions.start(StartRequest(body=STAY)) for _ in range(10)]
    for session in started:
        await session.wait()
    looks = [each for each in local_daily.requests if "presence" in each.path]
    assert {each.path for each in looks} == {"/presence"}


async def test_a_room_that_somebody_deleted(serve, local_daily, helper, quick):
    sessions = await serve()
    session = await sessions.start(StartRequest(body=STAY))
    user_id = bot_user_id(session.id)
    token = await helper.get_token(session.room_url)
    bot = local_daily.join(session.room_url, token)
    assert user_id.startswith("bot-")
    room = sessions._shared.presence._rooms[session.room_name]
    room.bot_seen = True
    del bot
    await helper.delete_room_by_name(session.room_name)
    assert (await session.wait()).reason is EndReason.ROOM_GONE


@pytest.fixture
async def in_a_room(serve, local_daily, quick):
    """A session whose bot is in its room, as the bot of the session."""
    tokens = []

    async def bot(runner_args):
        tokens.append(runner_args.token)
        await asyncio.Event().wait()

    async def start(token=None, **options):
        sessions = await serve(bot, **{"join_timeout": 0.2, "empty_timeout": 0.1, **options})
        session = await sessions.start(StartRequest(token=token))
        await session.began.wait()
        return session, local_daily.join(session.room_url, tokens[-1], user_name="Bot")

    return start


def looks(local_daily):
    return len([each for each in local_daily.requests if each.path == "/presence"])


async def test_a_bot_that_leaves_by_itself_takes_nobody_along(in_a_room, local_daily):
    session, bot = await in_a_room()
    ana = local_daily.join(session.room_url, session.user_token, user_name="Ana")
    bot.leave()
    seen = looks(local_daily)
    await until(lambda: looks(local_daily) > seen + 5)
    assert session.end is None
    ana.leave()
    assert (await session.wait()).reason is EndReason.EVERYBODY_LEFT


async def test_a_room_where_only_the_bot_is_counts_as_empty(in_a_room):
    session, _ = await in_a_room()
    assert (await session.wait()).reason is EndReason.NOBODY_JOINED


@pytest.mark.parametrize("user_id", ["bot-1", "", None, "bot-" + "0" * 32])
async def test_no_user_id_makes_a_bot_of_a_person(in_a_room, local_daily, user_id):
    token = DailyMeetingTokenProperties(user_id=user_id)
    session, _ = await in_a_room(token)
    local_daily.join(session.room_url, session.user_token, user_name="Ana")
    seen = looks(local_daily)
    await until(lambda: looks(local_daily) > seen + 5)
    assert session.end is None


async def test_while_presence_is_unknown_nothing_ends(in_a_room, local_daily, said):
    fault = local_daily.fail("GET", "/presence", times=None, status=403)
    session, _ = await in_a_room()
    await fault.wait(10)
    assert session.end is None
    assert [each["level"].name for each in said if "presence" in each["message"]] != []
    fault.cancel()
    assert (await session.wait()).reason is EndReason.NOBODY_JOINED


async def test_looks_that_tell_rubbish_end_nothing(in_a_room, local_daily):
    session, _ = await in_a_room()
    ana = local_daily.join(session.room_url, session.user_token, user_name="Ana")
    for body in (b"<html>", b"[]", b"null", b'{"x": 1}', b'{"x": [null, 1]}'):
        await local_daily.fail("GET", "/presence", status=200, body=body).wait()
        seen = looks(local_daily)
        await until(lambda seen=seen: looks(local_daily) > seen + 2)
        assert session.end is None
    ana.leave()
    assert (await session.wait()).reason is EndReason.EVERYBODY_LEFT
