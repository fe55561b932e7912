# SPDX-License-Identifier: BSD-2-Clause
"""Rooms go together, and none waits for the slow rate tier."""

import asyncio
import sys
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from helpers import paths
from pipecat_daily_rest import (
    DailyRESTHelper,
    RateLimits,
    RetryPolicy,
    owned_rooms,
    provisioned_room,
)
from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._http.rates import NoTurn
from pipecat_daily_rest._rest.deletion import Deletion
from pipecat_daily_rest._rest.deletion_batcher import _Shared, begin_deletion, delete_room
from pipecat_daily_rest._rooms.owned import process_rooms
from pipecat_daily_rest.errors import DailyError, DailyServerError, DailyTimeoutError
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.rest.endpoints import rooms as endpoints
from pipecat_daily_rest.local.rest.limits import Limits
from pipecat_daily_rest.local.rules.schema import Refusal

LONG = 1000.0  # seconds; a window that no test outlasts
NUMBERS = {"default": (100, LONG), "slow": (3, LONG)}


@asynccontextmanager
async def open_rooms(*names, numbers=NUMBERS, choices=None, **options):
    """A local Daily with limits and rooms, and a helper that keeps within them."""
    limits = Limits(**numbers)
    async with (
        LocalDaily(limits=limits, choices=choices) as daily,
        DailyRESTHelper(
            daily_api_key=daily.api_key,
            daily_api_url=daily.api_url,
            **{"pace": RateLimits(**numbers), **options},
        ) as helper,
    ):
        await make(helper, *names)
        daily.requests.clear()
        yield daily, helper


async def make(helper, *names):
    body = {"rooms": [{"name": name} for name in names]}
    if names:
        await helper.request("POST", "/batch/rooms", json=body)


def many(count):
    return [f"room{number:03}" for number in range(count)]


def in_batches(daily):
    return [sorted(r.body["room_names"]) for r in daily.requests if r.path == "/batch/rooms"]


@pytest.fixture
def choosy(monkeypatch):
    """Has batches refused in which one of some rooms is, without saying which."""
    bad = set()
    delete = endpoints.RoomEndpoints.batch_delete

    def refuse(self, request, body):
        if bad & set(body["room_names"]):
            raise Refusal(400, "invalid-request-error", "no")
        return delete(self, request, body)

    monkeypatch.setattr(endpoints.RoomEndpoints, "batch_delete", refuse)
    return bad


# -- Deletions that meet ------------------------------------------------------------------


async def test_a_lone_deletion_is_a_request_of_its_own():
    async with open_rooms("demo") as (daily, helper):
        assert await helper.delete_room_by_name("demo")
        assert paths(daily, "DELETE") == ["/rooms/demo"]
        assert daily.rooms == {}


async def test_deletions_at_the_same_time_are_one_batch():
    names = many(40)
    async with open_rooms(*names) as (daily, helper):
        await asyncio.gather(*map(helper.delete_room_by_name, names))
        assert in_batches(daily) == [names]
        assert paths(daily, "DELETE") == ["/batch/rooms"]
        assert daily.rooms == {}
        assert helper.api.account.part(_Shared).batchers.get() == {}


async def test_two_deletions_of_one_room_are_one():
    async with open_rooms("one", "two") as (daily, helper):
        await asyncio.gather(*map(helper.delete_room_by_name, ["one", "two", "one"]))
        assert in_batches(daily) == [["one", "two"]]


async def test_no_batch_has_more_than_a_thousand():
    names = many(1003)
    async with open_rooms(*names[:1000]) as (daily, helper):
        await make(helper, *names[1000:])
        daily.requests.clear()
        await asyncio.gather(*map(helper.delete_room_by_name, names))
        assert [len(batch) for batch in in_batches(daily)] == [1000, 3]
        assert daily.rooms == {}


async def test_two_accounts_share_no_batch():
    async with open_rooms("demo") as (one, helper), open_rooms("demo") as (two, other):
        await asyncio.gather(helper.delete_room_by_name("demo"), other.delete_room_by_name("demo"))
        assert paths(one, "DELETE") == paths(two, "DELETE") == ["/rooms/demo"]


async def test_a_shutdown_is_one_request():
    async with open_rooms() as (daily, helper):
        async with AsyncExitStack() as stack:
            for _ in range(30):
                await stack.enter_async_context(provisioned_room(daily=helper))
            assert await process_rooms.drain()
            assert paths(daily, "DELETE") == ["/batch/rooms"]
            assert daily.rooms == {}
        assert paths(daily, "DELETE") == ["/batch/rooms"]
        assert owned_rooms() == ()


async def test_blocks_that_end_together_delete_together():
    async with open_rooms() as (daily, helper):
        end = asyncio.Event()

        async def session():
            async with provisioned_room(daily=helper):
                await end.wait()

        tasks = [asyncio.create_task(session()) for _ in range(20)]
        while len(daily.rooms) < 20:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        tasks[0].cancel()
        end.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert len(paths(daily, "DELETE")) <= 2
        assert daily.rooms == {}


async def test_a_caller_that_asks_when_the_deletion_has_just_ended_gets_its_result():
    async with open_rooms() as (daily, helper), provisioned_room(daily=helper):
        [owned] = owned_rooms()
        first = asyncio.create_task(owned.delete())
        await asyncio.sleep(0)
        while not owned._deletion.done():  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0)
        assert await owned.delete()
        assert await first
        assert daily.rooms == {}


async def test_an_unexpected_error_ends_the_deletion_and_the_room_is_released(monkeypatch, within):
    async def fail(*_):
        msg = "can't start new thread"
        raise RuntimeError(msg)

    async with open_rooms("one") as (_, helper):
        async with provisioned_room(daily=helper) as room:
            monkeypatch.setattr(Deletion, "single", fail)
        assert not room.gone
        assert owned_rooms() == ()
        with (
            within(2, "a deletion that fails without Daily"),
            pytest.raises(DailyError, match=r"delete room \[one\]: RuntimeError"),
        ):
            await helper.delete_room_by_name("one")


async def test_a_cancelled_caller_does_not_cancel_the_deletions_of_others():
    names = many(3)
    async with open_rooms(*names) as (daily, helper):
        held = daily.fail("DELETE", "/batch/rooms", delay_after=0.3)
        tasks = [asyncio.create_task(helper.delete_room_by_name(name)) for name in names]
        await held.wait()
        tasks[0].cancel()
        assert await asyncio.gather(*tasks[1:]) == [True, True]
        assert tasks[0].cancelled()
        assert daily.rooms == {}


async def test_a_batch_that_is_cancelled_while_it_is_sent_is_sent_again():
    """As its end does, which leaves alone what begins while it waits for those it cancelled."""
    names = many(3)
    async with open_rooms(*names) as (daily, helper):
        held = daily.fail("DELETE", "/batch/rooms", hang=True)
        tasks = [asyncio.create_task(helper.delete_room_by_name(name)) for name in names]
        await held.wait()
        [sending] = [task for task in asyncio.all_tasks() if task.get_name() == "delete rooms"]
        sending.cancel()
        assert await asyncio.gather(*tasks) == [True] * 3
        assert daily.rooms == {}


async def test_a_batch_that_is_cancelled_before_it_begins_leaves_its_rooms_to_the_next(within):
    async with open_rooms("one", "two") as (daily, helper):
        outcomes = [begin_deletion(helper.api, name, Deadline(LONG)) for name in ("one", "two")]
        [task] = [task for task in asyncio.all_tasks() if task.get_name() == "delete rooms"]
        task.cancel()
        with within(5, "two deletions whose task was cancelled"):
            assert await asyncio.gather(*outcomes) == [True, True]
        assert in_batches(daily) == [["one", "two"]]


async def test_a_room_that_joins_a_batch_which_never_goes_out_goes_with_the_next():
    async with open_rooms("one", "two", "three") as (daily, helper):
        slots = []
        while slot := helper.api._pacer.try_take("GET", "/", True):
            slots.append(slot)
        hasty = [begin_deletion(helper.api, name, Deadline(0.1)) for name in ("one", "two")]
        await asyncio.sleep(0)
        patient = begin_deletion(helper.api, "three", Deadline(LONG))
        assert {type(end) for end in await asyncio.gather(*hasty)} == {NoTurn}
        for slot in slots:
            slot.void()
        assert await patient is True
        assert len(paths(daily, "DELETE")) == 1
        assert sorted(daily.rooms) == ["one", "two"]


async def test_each_has_a_deadline_of_its_own():
    async with open_rooms("one", "two") as (daily, helper):
        daily.fail("DELETE", "/batch/rooms", delay_after=0.5)
        hasty = asyncio.create_task(delete_room(helper.api, "one", deadline=Deadline(0.05)))
        patient = asyncio.create_task(delete_room(helper.api, "two", deadline=Deadline(LONG)))
        with pytest.raises(DailyTimeoutError, match=r"delete room \[one\]: no answer in time"):
            await hasty
        assert await patient


async def test_a_deletion_that_hangs_does_not_delay_others():
    async with open_rooms("one", "two") as (daily, helper):
        held = daily.fail("DELETE", "/rooms/one", hang=True)
        first = asyncio.create_task(helper.delete_room_by_name("one"))
        await held.wait()
        await helper.delete_room_by_name("two")
        assert not first.done()
        first.cancel()


@pytest.mark.parametrize("names", [["one"], ["one", "two"]], ids=len)
@pytest.mark.parametrize("fault", [{"hang": True}, {"delay_after": 600}], ids=str)
async def test_a_request_that_hangs_leaves_time_for_a_second_attempt(names, fault):
    async with open_rooms(*names) as (daily, helper):
        daily.fail("DELETE", "/rooms/*" if len(names) == 1 else "/batch/rooms", **fault)
        ends = [delete_room(helper.api, name, deadline=Deadline(4)) for name in names]
        await asyncio.gather(*ends)
        assert daily.rooms == {}


async def test_a_borrowed_session_is_used():
    import aiohttp

    used = []
    trace = aiohttp.TraceConfig()

    async def note(session, context, params):
        used.append(params.method)

    trace.on_request_start.append(note)
    async with (
        aiohttp.ClientSession(trace_configs=[trace]) as session,
        open_rooms("one", "two", aiohttp_session=session) as (_, helper),
    ):
        used.clear()
        await asyncio.gather(*map(helper.delete_room_by_name, ["one", "two"]))
        assert used == ["DELETE"]
        assert not session.closed


# -- The slow tier ------------------------------------------------------------------------


async def test_no_deletion_waits_for_the_slow_tier():
    names = many(8)
    async with open_rooms(*names) as (daily, helper):
        for name in names[:4]:
            await helper.delete_room_by_name(name)
        assert paths(daily, "DELETE") == [*(f"/rooms/{name}" for name in names[:3]), "/batch/rooms"]
        # Those that come while a batch is just gone gather for the next.
        tasks = []
        for name in names[4:]:
            tasks.append(asyncio.create_task(helper.delete_room_by_name(name)))
            await asyncio.sleep(0.01)
        await asyncio.gather(*tasks)
        assert in_batches(daily) == [[names[3]], names[4:]]
        assert daily.limits.refused.total() == 0
        assert daily.rooms == {}


async def test_requests_that_wait_do_not_delay_a_deletion(within):
    numbers = {"default": (20, LONG), "slow": (1, LONG)}
    async with open_rooms(numbers=numbers) as (daily, helper):
        async with AsyncExitStack() as stack:
            for _ in range(13):  # and one for the domain
                await stack.enter_async_context(provisioned_room(daily=helper))
            waiting = [asyncio.create_task(helper.request("GET", "/rooms")) for _ in range(30)]
            await asyncio.sleep(0.05)
            with within(1, "13 rooms deleted beside 30 requests that wait for their turn"):
                assert await process_rooms.drain()
        assert daily.rooms == {}
        assert daily.limits.refused.total() == 0
        for task in waiting:
            task.cancel()


async def test_after_a_429_this_deletion_and_the_next_go_in_a_batch():
    names = many(2)
    async with open_rooms(*names) as (daily, helper):
        daily.fail("DELETE", "/rooms/*", status=429, retry_after=LONG)
        for name in names:
            await helper.delete_room_by_name(name)
        assert paths(daily, "DELETE") == [f"/rooms/{names[0]}", "/batch/rooms", "/batch/rooms"]
        assert daily.rooms == {}


# -- A batch that is refused --------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 404])
@pytest.mark.parametrize("count", [5, 30])
async def test_a_refused_batch_is_settled_by_looking_up_its_rooms(status, count):
    names = many(count)
    choices = Choices(batch_delete_missing=status)
    async with open_rooms(*names, choices=choices) as (daily, helper):
        for name in names[1:3]:
            daily.state.rooms.delete(daily.rooms[name])
        await asyncio.gather(*map(helper.delete_room_by_name, names))
        assert paths(daily, "DELETE") == ["/batch/rooms"] * 2
        looks = {f"/rooms/{name}" for name in names} if count < 10 else {"/rooms"}
        assert set(paths(daily, "GET")) == looks
        assert daily.rooms == {}


async def test_rooms_that_were_deleted_and_rooms_that_were_gone_are_told_apart():
    async with open_rooms("one", "two") as (_, helper):
        gone = await asyncio.gather(*(delete_room(helper.api, n) for n in ("one", "no", "two")))
        assert gone == [True, False, True]
        assert await delete_room(helper.api, "no", known=False) is False
        assert await delete_room(helper.api, "no") is False


async def test_a_room_that_may_not_exist_is_not_in_the_batch():
    async with open_rooms("one", "two") as (daily, helper):
        ends = [delete_room(helper.api, name) for name in ("one", "two")]
        gone = await asyncio.gather(*ends, delete_room(helper.api, "no", known=False))
        assert gone == [True, True, False]
        assert in_batches(daily) == [["one", "two"]]


async def test_a_room_that_may_not_exist_when_the_slow_tier_has_no_slot():
    numbers = {**NUMBERS, "slow": (1, LONG)}
    async with open_rooms("one", numbers=numbers) as (daily, helper):
        await helper.delete_room_by_name("one")
        assert await delete_room(helper.api, "no", known=False) is False
        assert paths(daily, "DELETE") == ["/rooms/one", "/batch/rooms"]


async def test_a_lost_response_to_a_batch_is_settled_by_listing_rooms():
    names = many(12)
    async with open_rooms(*names) as (daily, helper):
        daily.fail("DELETE", "/batch/rooms", drop="after")
        await asyncio.gather(*map(helper.delete_room_by_name, names))
        assert daily.rooms == {}
        assert len(paths(daily, "DELETE")) == 2


async def test_one_bad_room_is_found_by_halving_the_batch(choosy):
    names = many(300)
    async with open_rooms(*names) as (daily, helper):
        choosy.add(names[123])
        await asyncio.gather(*map(helper.delete_room_by_name, names))
        assert daily.rooms == {}
        deletes = paths(daily, "DELETE")
        assert deletes.count(f"/rooms/{names[123]}") == 1
        assert len([path for path in deletes if path != "/batch/rooms"]) <= 3
        assert len(deletes) <= 25


async def test_batches_that_are_always_refused_fail_with_the_refusal(choosy):
    names = many(200)
    numbers = {"default": (500, LONG), "slow": (3, LONG)}
    async with open_rooms(*names, numbers=numbers) as (daily, helper):
        choosy |= set(names)
        ends = await asyncio.gather(*map(helper.delete_room_by_name, names), return_exceptions=True)
        failed = [end for end in ends if isinstance(end, DailyError)]
        assert len(failed) == len(daily.rooms) > 150
        assert len(paths(daily, "DELETE")) <= 45


async def test_a_server_error_fails_all_rooms_of_the_batch():
    names = many(20)
    policy = RetryPolicy(attempts=2, backoff=0.01)
    async with open_rooms(*names, retry=policy) as (daily, helper):
        daily.fail("DELETE", "/batch/rooms", status=503, times=None)
        ends = await asyncio.gather(*map(helper.delete_room_by_name, names), return_exceptions=True)
        assert {type(end) for end in ends} == {DailyServerError}
        assert len(paths(daily, "DELETE")) == 2
        assert len(daily.rooms) == 20


async def test_deletion_in_chunks():
    names = many(25)
    async with open_rooms(*names) as (daily, helper):
        deletion = Deletion(helper.api)
        await deletion.run(names, size=10)
        assert (deletion.failed, deletion.absent) == ({}, set())
        assert [len(batch) for batch in in_batches(daily)] == [10, 10, 5]
        assert daily.rooms == {}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="needs Python 3.12")
async def test_eager_tasks():
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    async with open_rooms() as (daily, helper):
        await make(helper, *many(2))
        held = daily.fail("DELETE", "/rooms/room000", hang=True, times=1)
        first = asyncio.create_task(helper.delete_room_by_name("room000"))
        await held.wait(1)
        await helper.delete_room_by_name("room001")  # does not wait for the other one
        assert list(daily.rooms) == ["room000"]
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
