# SPDX-License-Identifier: BSD-2-Clause
import asyncio
import inspect
import time

import aiohttp
import pytest
from loguru import logger
from pipecat.runner import daily as theirs
from pipecat.runner.types import DailyRunnerArguments, SmallWebRTCRunnerArguments

from pipecat_daily_rest import (
    DailyConfigError,
    DailyRESTHelper,
    DailyRoomParams,
    DailyRoomProperties,
    deletes_room,
    drain_on_exit,
    provisioned_room,
)
from pipecat_daily_rest._rooms import room_decorator
from timings import set_timings


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch):
    monkeypatch.setattr(room_decorator, "_logged", set())


@pytest.fixture
def logged():
    """What was logged, by level."""
    records = []
    sink = logger.add(lambda line: records.append(line.record), level="TRACE")
    yield lambda level: [each["message"] for each in records if each["level"].name == level]
    logger.remove(sink)


@pytest.fixture
async def arguments(daily):
    """What Pipecat's own runner would hand to a bot."""
    async with aiohttp.ClientSession() as session:
        room_url, token = await theirs.configure(session)
    return DailyRunnerArguments(room_url=room_url, token=token, body={})


async def make(daily, name, exp=600.0):
    properties = DailyRoomProperties(exp=time.time() + exp if exp else None)
    async with DailyRESTHelper(daily_api_key=daily.api_key, daily_api_url=daily.api_url) as helper:
        room = await helper.create_room(DailyRoomParams(name=name, properties=properties))
    return DailyRunnerArguments(room_url=room.url)


@deletes_room
async def returns(runner_args):
    """Return."""
    return runner_args


async def test_the_room_is_deleted_when_the_bot_returns(daily, arguments, logged):
    @deletes_room
    async def bot(runner_args):
        assert len(daily.rooms) == 1
        return 7

    assert await bot(arguments) == 7
    assert daily.rooms == {}
    [line] = logged("INFO")[-1:]
    assert line == f"Room {arguments.room_url.rpartition('/')[2]} deleted"


async def test_a_decorated_bot_looks_like_the_bot(daily, arguments):
    assert (returns.__name__, returns.__doc__) == ("returns", "Return.")
    assert inspect.iscoroutinefunction(returns)
    assert list(inspect.signature(returns).parameters) == ["runner_args"]
    assert await returns(runner_args=arguments) is arguments
    assert daily.rooms == {}


@pytest.mark.parametrize("error", [ZeroDivisionError("mine"), SystemExit(3)])
async def test_the_room_is_deleted_when_the_bot_raises(daily, arguments, error):
    @deletes_room()
    async def bot(runner_args):
        raise error

    with pytest.raises(type(error)) as caught:
        await bot(arguments)
    assert caught.value is error
    assert daily.rooms == {}


async def test_the_room_is_deleted_when_the_bot_is_cancelled(daily, arguments):
    inside = asyncio.Event()

    @deletes_room
    async def bot(runner_args):
        inside.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(bot(arguments))
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert daily.rooms == {}


def slow(daily, monkeypatch):
    """Hold the deletion until it is let go; gives the two events."""
    arrived, let_go = asyncio.Event(), asyncio.Event()
    real = room_decorator.delete_room

    async def delete_room(*args, **kwargs):
        arrived.set()
        await let_go.wait()
        return await real(*args, **kwargs)

    monkeypatch.setattr(room_decorator, "delete_room", delete_room)
    return arrived, let_go


@pytest.mark.parametrize("raises", [False, True])
async def test_cancellations_do_not_interrupt_the_deletion(daily, arguments, monkeypatch, raises):
    arrived, let_go = slow(daily, monkeypatch)

    @deletes_room
    async def bot(runner_args):
        if raises:
            raise ZeroDivisionError

    task = asyncio.create_task(bot(arguments))
    await arrived.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    let_go.set()
    # What the bot raised is not replaced; a bot that had returned is cancelled late.
    with pytest.raises(ZeroDivisionError if raises else asyncio.CancelledError):
        await task
    assert daily.rooms == {}


async def test_the_deletion_is_bounded(daily, arguments, monkeypatch, logged):
    set_timings(monkeypatch, delete=0.05)
    slow(daily, monkeypatch)
    assert await returns(arguments) is arguments
    assert "no answer within 0.05 s" in logged("ERROR")[0]


async def test_runner_arguments_of_another_class_are_read(daily):
    class DailySessionArguments(DailyRunnerArguments):
        """As Pipecat Cloud's."""

    given = await make(daily, "cloud")
    await returns(DailySessionArguments(room_url=given.room_url, token="t"))
    assert daily.rooms == {}


async def test_without_a_room_url_nothing_happens(daily):
    await make(daily, "other")
    daily.requests.clear()
    plain = SmallWebRTCRunnerArguments(webrtc_connection=None)
    assert await returns(plain) is plain
    assert await returns(None) is None
    assert daily.requests == []


async def test_the_room_of_daily_room_url_is_not_deleted(daily, monkeypatch):
    given = await make(daily, "standing")
    monkeypatch.setenv("DAILY_ROOM_URL", f"{given.room_url}/?t=x")
    await returns(given)
    monkeypatch.setenv("DAILY_ROOM_URL", "")

    @deletes_room
    async def loads_dotenv(runner_args):
        monkeypatch.setenv("DAILY_ROOM_URL", given.room_url)

    await loads_dotenv(given)

    @deletes_room
    async def unsets_it(runner_args):
        monkeypatch.setenv("DAILY_ROOM_URL", "")

    await unsets_it(given)
    assert list(daily.rooms) == ["standing"]
    await returns(given)
    assert daily.rooms == {}


async def test_a_room_without_an_exp_is_not_deleted(daily, logged):
    given = await make(daily, "eternal", exp=None)
    await returns(given)
    assert list(daily.rooms) == ["eternal"]
    assert logged("ERROR") == []


async def test_only(daily, logged):
    asked = []

    def mine(room):
        asked.append(room)
        return room.name.startswith("mine")

    @deletes_room(only=mine)
    async def bot(runner_args):
        pass

    for name in ("mine-1", "theirs"):
        await bot(await make(daily, name))
    assert list(daily.rooms) == ["theirs"]
    assert [room.name for room in asked] == ["mine-1", "theirs"]
    assert asked[0].config.exp > time.time()

    @deletes_room(only=lambda room: 1 / 0)
    async def wrong(runner_args):
        return 1

    given = DailyRunnerArguments(room_url=f"{daily.url}/theirs")
    assert await wrong(given) == 1
    assert list(daily.rooms) == ["theirs"]
    assert "`only` raised ZeroDivisionError" in logged("ERROR")[0]


async def test_a_room_of_the_same_name_in_another_domain_is_not_deleted(daily):
    """The key is one domain's; the bot was in another one's room."""
    await make(daily, "standup")
    await returns(DailyRunnerArguments(room_url="https://other.daily.co/standup"))
    assert list(daily.rooms) == ["standup"]


async def test_a_room_that_a_block_owns_is_left_to_the_block(daily):
    async with provisioned_room() as room:
        await returns(room.runner_args())
        assert list(daily.rooms) == [room.name]
        room.keep()
    assert list(daily.rooms) == [room.name]


async def test_a_deleted_room_is_no_error(daily, arguments, logged):
    async with DailyRESTHelper.from_env() as helper:
        await helper.delete_room_by_url(arguments.room_url)
    await returns(arguments)
    assert logged("ERROR") == logged("WARNING") == []


@pytest.mark.parametrize("key", ["wrong", ""])
async def test_a_missing_or_wrong_key_is_logged_once(daily, monkeypatch, logged, key):
    given = await make(daily, "room")
    monkeypatch.setenv("DAILY_API_KEY", key)
    for _ in range(3):
        assert await returns(given) is given
    assert len(logged("ERROR")) == 1
    assert "DAILY_API_KEY" in logged("ERROR")[0]
    assert list(daily.rooms) == ["room"]


async def test_a_403_is_logged_once(daily, monkeypatch, logged):
    from pipecat_daily_rest.errors import DailyForbiddenError

    async def forbidden(*args, **kwargs):
        raise DailyForbiddenError("not yours", status=403)

    given = await make(daily, "room")
    monkeypatch.setattr(room_decorator, "delete_room", forbidden)
    for _ in range(3):
        await returns(given)
    assert len(logged("ERROR")) == 1


async def test_other_failures_are_logged_each_time_and_never_raised(daily, monkeypatch, logged):
    given = await make(daily, "room")
    monkeypatch.setenv("DAILY_API_URL", "http://127.0.0.1:1/v1")
    set_timings(monkeypatch, delete=0.5)
    for _ in range(2):
        await returns(given)
    assert len(logged("ERROR")) == 2
    bad = DailyRunnerArguments(room_url="not a url?t=SECRET")
    assert await returns(bad) is bad
    assert "SECRET" not in "".join(logged("ERROR"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"bot": 5}, "bot must be a function, not int"),
        ({"bot": lambda runner_args: None}, "bot must be an async function"),
        ({"only": "demo"}, "only must be a function, not str"),
        ({"api_key": 5}, "api_key must be a string, not int"),
        ({"api_url": ["https://x/v1"]}, "api_url must be a string, not list"),
    ],
)
def test_arguments_that_do_not_fit(arguments, says):
    with pytest.raises(DailyConfigError, match=says):
        deletes_room(**arguments)


async def test_a_key_of_its_own(daily, arguments, monkeypatch):
    for name in ("DAILY_API_KEY", "DAILY_API_URL"):
        monkeypatch.delenv(name)

    @deletes_room(api_key=daily.api_key, api_url=daily.api_url)
    async def bot(runner_args):
        pass

    await bot(arguments)
    assert daily.rooms == {}


async def test_a_garbage_collected_bot_prints_nothing(daily, arguments):
    """A coroutine that is closed cannot wait any more."""

    @deletes_room
    async def bot(runner_args):
        await asyncio.Event().wait()

    coroutine = bot(arguments)
    coroutine.send(None)
    coroutine.close()
    assert len(daily.rooms) == 1


async def test_a_drain_deletes_the_room_before_the_bot_ends(daily, arguments):
    inside = asyncio.Event()

    @deletes_room
    async def bot(runner_args):
        inside.set()
        await asyncio.Event().wait()

    async with drain_on_exit():
        task = asyncio.create_task(bot(arguments))
        await inside.wait()
    assert daily.rooms == {}
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [r.method for r in daily.requests].count("DELETE") == 1
    daily.requests.clear()
    async with drain_on_exit():  # nothing of it is left
        pass
    assert daily.requests == []
