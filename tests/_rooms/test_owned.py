# SPDX-License-Identifier: BSD-2-Clause
"""The ownership of a room says how its deletion ended, whatever is cancelled meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from loguru import logger

from pipecat_daily_rest import DailyRESTHelper, DailyRoomParams, RetryPolicy, owned_rooms
from pipecat_daily_rest._rooms.owned import OwnedRoom
from pipecat_daily_rest.local import LocalDaily
from timings import set_timings


@pytest.fixture
def errors() -> Iterator[list[str]]:
    """The errors that are logged."""
    said: list[str] = []
    sink = logger.add(lambda message: said.append(message.record["message"]), level="ERROR")
    yield said
    logger.remove(sink)


@pytest.fixture
async def owned(daily: LocalDaily, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OwnedRoom]:
    """A room of this process; a second create of it has no response yet."""
    set_timings(monkeypatch, look_again=(0.05, 0.05))
    async with DailyRESTHelper(
        daily_api_key=daily.api_key, daily_api_url=daily.api_url, retry=RetryPolicy(attempts=1)
    ) as helper:
        room = await helper.create_room(DailyRoomParams(name="mine"))
        owned = OwnedRoom(helper.api, "mine", expires_at=None)
        owned.confirm(room)
        owned.may_be_created(1)
        yield owned
        assert owned_rooms() == ()


async def sent(daily: LocalDaily, number: int) -> None:
    """Wait until this many deletions were sent."""
    while sum(each.method == "DELETE" for each in daily.requests) < number:  # noqa: ASYNC110
        await asyncio.sleep(0.001)


async def cancel_deletion(owned: OwnedRoom) -> None:
    """As the end of an event loop does."""
    [task] = [each for each in asyncio.all_tasks() if each.get_name() == f"delete {owned.name}"]
    task.cancel()


async def test_a_deletion_that_is_cancelled_and_succeeds(daily, owned, errors):
    daily.fail("DELETE", "/rooms/*", delay=0.1)
    deletion = asyncio.create_task(owned.delete())
    await sent(daily, 1)
    await cancel_deletion(owned)
    assert await deletion
    assert owned.gone
    assert daily.rooms == {}
    assert errors == []


async def test_a_deletion_that_is_cancelled_and_fails(daily, owned, errors):
    daily.fail("DELETE", "/rooms/*", times=None, delay=0.1, status=500)
    deletion = asyncio.create_task(owned.delete())
    await sent(daily, 1)
    await cancel_deletion(owned)
    assert not await deletion
    assert not owned.gone
    [error] = errors
    assert error.startswith("Room mine could not be deleted: ")
