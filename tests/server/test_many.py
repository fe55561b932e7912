# SPDX-License-Identifier: BSD-2-Clause
"""Many sessions at once, on a local Daily with Daily's rate limits."""

import asyncio
import os
import signal
import sys
from collections import Counter

import pytest

from pipecat_daily_rest.local import Limits, LocalDaily
from pipecat_daily_rest.server import EndReason, ProcessLauncher, StartRequest
from serving import BEHAVE, STAY, state_of, until
from sizes import size


@pytest.fixture
async def local_daily():
    async with LocalDaily(limits=Limits()) as daily:
        yield daily


@pytest.mark.large
@pytest.mark.parametrize(("launcher", "small", "large"), [("task", 40, 200), ("process", 4, 30)])
async def test_all_start_run_and_end(serve, local_daily, said, launcher, small, large):
    number = size(small, large)
    sessions = await serve(launcher=launcher, max_sessions=number)
    starts = [sessions.start(StartRequest(body=STAY)) for _ in range(number)]
    started = await asyncio.gather(*starts)
    await asyncio.gather(*(each.began.wait() for each in started))
    assert len(local_daily.rooms) == number
    await sessions.drain()
    assert {each.end.reason for each in started} == {EndReason.DRAINED}
    assert local_daily.rooms == {}
    assert not [each for each in said if each["level"].no >= 30]


@pytest.mark.large
async def test_killed_bots_are_lost_and_the_others_go_on(serve, local_daily):
    number, killed = size(4, 20), size(1, 5)
    launcher = ProcessLauncher()
    sessions = await serve(launcher=launcher, max_sessions=number)
    started = [await sessions.start(StartRequest(body=STAY)) for _ in range(number)]
    await asyncio.gather(*(each.began.wait() for each in started))
    for session in started[:killed]:
        os.kill(launcher._sessions[session.id].pid, signal.SIGKILL)
    ends = await asyncio.gather(*(each.wait() for each in started[:killed]))
    assert {each.reason for each in ends} == {EndReason.LOST}
    assert set(local_daily.rooms) == {each.room_name for each in started[killed:]}
    assert Counter(each.state.value for each in started) == {
        "ended": killed,
        "running": number - killed,
    }


@pytest.mark.large
async def test_a_signal_at_any_moment(start, local_daily):
    """From the first import to the end of the first session."""
    moments = size(3, 20)
    serve = (sys.executable, "-m", "pipecat_daily_rest", "serve", BEHAVE, "--port", "0")
    whole = await start(*serve, env=local_daily.env())
    began = asyncio.get_running_loop().time()
    await whole.says(r"^http://")
    lasts = asyncio.get_running_loop().time() - began
    whole.signal(signal.SIGTERM)
    assert await whole.ended() == 0
    for moment in range(moments):
        server = await start(*serve, env=local_daily.env())
        await asyncio.sleep(lasts * moment / moments)
        children = server.children()
        server.signal(signal.SIGTERM)
        assert await server.ended() in (0, -signal.SIGTERM), server.err
        assert "Traceback" not in server.err
        await until(lambda children=children: all(state_of(each) == "Z" for each in children))
    assert local_daily.rooms == {}
