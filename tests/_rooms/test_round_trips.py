# SPDX-License-Identifier: BSD-2-Clause
"""How often one waits for Daily before the room and both tokens are there."""

import asyncio
import os
import sys

import aiohttp
import pytest

from pipecat_daily_rest import (
    DailyForbiddenError,
    DailyMeetingTokenProperties,
    DailyRESTHelper,
    provisioned_room,
)

SLOW = 0.5  # seconds; what is sent meanwhile does not wait for the answer


def paths(daily):
    return sorted(request.path for request in daily.requests)


async def wait_for_all(faults):
    await asyncio.gather(*(fault.wait() for fault in faults))


async def provision(**options):
    async with provisioned_room(**options):
        pass


async def test_the_first_create_and_the_domain_are_requested_at_once(daily):
    faults = [daily.fail("POST", "/rooms", delay=SLOW), daily.fail("GET", "/", delay=SLOW)]
    task = asyncio.create_task(provision())
    await wait_for_all(faults)
    assert [request.status for request in daily.requests] == [None, None]
    await task
    assert paths(daily)[:2] == ["/", "/rooms"]
    assert len(daily.requests) == 3  # and the deletion


async def test_a_later_room_is_one_request(daily):
    await provision()
    daily.requests.clear()
    async with provisioned_room():
        assert paths(daily) == ["/rooms"]


async def test_tokens_of_daily_take_one_more_round_trip(daily):
    faults = [daily.fail("POST", "/meeting-tokens", delay=SLOW) for _ in range(2)]
    task = asyncio.create_task(provision(token_source="api"))
    await wait_for_all(faults)
    assert [request.status for request in daily.requests] == [200, None, None]
    await task
    assert paths(daily) == ["/meeting-tokens", "/meeting-tokens", "/rooms", daily.requests[-1].path]


async def test_no_token_is_requested_when_the_room_is_refused(daily):
    daily.fail("POST", "/rooms", status=403)
    with pytest.raises(DailyForbiddenError):
        await provision(token_source="api")
    assert paths(daily) == ["/rooms"]


async def test_a_token_that_only_daily_can_create_delays_nothing_else(daily):
    faults = [daily.fail("POST", "/rooms", delay=SLOW), daily.fail("GET", "/", delay=SLOW)]
    user = DailyMeetingTokenProperties(enable_prejoin_ui=False)
    task = asyncio.create_task(provision(user=user))
    await wait_for_all(faults)
    assert [request.status for request in daily.requests] == [None, None]
    await task
    assert paths(daily).count("/meeting-tokens") == 1


async def test_rooms_made_at_once_request_the_domain_once(daily):
    daily.fail("GET", "/", delay=SLOW)
    await asyncio.gather(*(provision() for _ in range(10)))
    assert paths(daily).count("/") == 1


async def test_when_the_one_that_asks_is_cancelled_another_one_asks(daily):
    asked = daily.fail("GET", "/", delay=SLOW)
    first, second = asyncio.create_task(provision()), asyncio.create_task(provision())
    await asked.wait()
    first.cancel()
    await second
    with pytest.raises(asyncio.CancelledError):
        await first
    assert paths(daily).count("/") == 2
    assert daily.rooms == {}


async def test_when_the_answer_to_the_one_that_asks_is_an_error_another_one_asks(daily):
    daily.fail("GET", "/", status=400, delay=SLOW)
    ends = await asyncio.gather(provision(), provision(), return_exceptions=True)
    assert sorted(map(str, ends))[0] == "None"
    assert "Unable to get the domain (status: 400)" in sorted(map(str, ends))[1]
    assert daily.rooms == {}


@pytest.fixture
async def traced(daily):
    """A helper, and the connections that it has opened."""
    opened = []

    async def note(*args):
        opened.append(args)

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(note)
    async with aiohttp.ClientSession(trace_configs=[trace]) as session:
        yield DailyRESTHelper.from_env(aiohttp_session=session), opened


async def test_a_warm_helper_needs_no_connection_and_no_domain(daily, traced):
    helper, opened = traced
    await helper.warm()
    assert len(opened) == 1
    for _ in range(3):
        async with provisioned_room(daily=helper):
            pass
    assert paths(daily).count("/") == 1
    # The deletion is on the event loop's own session, since a borrowed one may be closed by then.
    assert len(opened) == 1


async def test_a_helper_is_warmed_again(daily, traced):
    helper, opened = traced
    await helper.warm()
    for connection in list(daily._runner.server.connections):
        connection.transport.close()
    await helper.warm()
    assert len(opened) == 2
    async with provisioned_room(daily=helper):
        assert len(opened) == 2


async def test_no_room_waits_for_the_import_of_pyjwt(tmp_path, daily):
    code = (
        "import asyncio, sys\n"
        "from pipecat_daily_rest import provisioned_room\n"
        "async def main():\n"
        "    async with provisioned_room() as room:\n"
        "        assert room.bot_token and room.user_token\n"
        "asyncio.run(main())\n"
        "assert 'jwt' not in sys.modules\n"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code), env={**os.environ, **daily.env()}, cwd=tmp_path
    )
    assert await process.wait() == 0
