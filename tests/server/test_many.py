# SPDX-License-Identifier: BSD-2-Clause
"""Many sessions at once, on a local Daily with Daily's rate limits."""

import asyncio
import os
import signal
import subprocess
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from test_serve import SERVE, ask

from pipecat_daily_rest.local import Limits, LocalDaily
from pipecat_daily_rest.server import EndReason, ProcessLauncher, StartRequest
from serving import BEHAVE, STAY, all_gone, family, state_of, until
from sizes import size

VISIT = {"createDailyRoom": True}


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


UNSHARE = (
    "unshare",
    "--user",
    "--map-root-user",
    "--pid",
    "--fork",
    "--mount-proc",
    "--kill-child",
)
DRAIN = 1.0  # seconds


def handles(pid: int) -> bool:
    """Whether a process handles SIGTERM: Python itself, before any of our code, does not."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


async def life(server, pid) -> None:
    """A server's life: its start, two sessions, a drain."""
    url = await server.says(r"^(http://\S+)$")
    for _, started in await asyncio.gather(
        *(ask(f"{url}/start", {**VISIT, "body": STAY}) for _ in range(2))
    ):
        await server.says(f" in {started['sessionId']}", stream="err")
    os.kill(pid, signal.SIGTERM)


@pytest.mark.large
@pytest.mark.parametrize("as_pid_1", [False, True], ids=["", "as pid 1"])
async def test_a_signal_at_any_moment(start, local_daily, as_pid_1):
    """From the first import to the drain. What begins before the first import is Python's own."""
    if as_pid_1 and subprocess.run([*UNSHARE, "true"], check=False).returncode:  # noqa: ASYNC221
        pytest.skip("this machine lets nobody be PID 1")
    moments = size(3, 20)
    serve = (*(UNSHARE if as_pid_1 else ()), *SERVE, BEHAVE, "--port", "0", "--drain", f"{DRAIN:g}")
    loop = asyncio.get_running_loop()

    async def begin():
        server = await start(*serve, env=local_daily.env(), forked=False)
        if as_pid_1:
            await until(server.children)
        return server, server.children()[0] if as_pid_1 else server.process.pid

    server, pid = await begin()
    began = loop.time()
    await life(server, pid)
    lasts = loop.time() - began + DRAIN
    assert await server.ended() == 0
    for moment in range(moments):
        server, pid = await begin()
        living = asyncio.create_task(life(server, pid))
        await asyncio.sleep(lasts * moment / moments)
        before_ours = not handles(pid)
        if as_pid_1 and before_ours:  # the kernel keeps it from such a process
            # Or has ended: it may live faster than the one that was measured.
            await until(lambda pid=pid: handles(pid) or state_of(pid) == "Z")
            before_ours = False
        children = family(pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        code = await server.ended()
        await asyncio.gather(living, return_exceptions=True)
        assert code == 0 or (before_ours and code == -signal.SIGTERM), (moment, server.err)
        assert "Traceback" not in server.err
        assert local_daily.rooms == {}
        await all_gone(children)
