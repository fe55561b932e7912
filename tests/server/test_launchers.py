# SPDX-License-Identifier: BSD-2-Clause
"""What every launcher has to do. ``pytest --launcher module:Class`` asks one of your own."""

import asyncio
import os
import re
from pathlib import Path

import pytest

from pipecat_daily_rest.server import (
    AtCapacity,
    EndReason,
    ProcessLauncher,
    StartRequest,
    TaskLauncher,
    burst,
)
from serving import LAUNCHERS, STAY, OneLauncher, until


def pytest_generate_tests(metafunc):
    if "launcher" in metafunc.fixturenames:
        given = metafunc.config.getoption("--launcher")
        metafunc.parametrize("launcher", [given] if given else list(LAUNCHERS), indirect=True)


@pytest.fixture
def launcher(request):
    return LAUNCHERS.get(request.param, lambda: request.param)()


@pytest.fixture(params=["fork", "spawn"])
def process_launcher(request):
    return LAUNCHERS[request.param]()


async def test_the_contract(serve, launcher, local_daily, tmp_path):
    sessions = await serve(launcher=launcher, stop_grace=30)
    place = tmp_path / "place"
    where = await sessions.start(StartRequest(body={"do": "where", "file": str(place)}))
    assert (await where.wait()).reason is EndReason.FINISHED
    assert place.read_text().split()[1] == where.room_url
    failed = await sessions.start(StartRequest(body={"do": "raise"}))
    end = await failed.wait()
    assert (end.reason, end.error) == (EndReason.ERROR, "ValueError: no such word ***")
    left = await sessions.start(StartRequest(body={"do": "exit"}))
    assert (await left.wait()).error == "exit(3)"
    stays = [await sessions.start(StartRequest(body={"do": "stay"})) for _ in range(3)]
    assert (await sessions.stop(stays[0].id)).end.reason is EndReason.STOPPED
    await sessions.drain()
    assert [each.end.reason for each in stays[1:]] == [EndReason.DRAINED] * 2
    assert local_daily.rooms == {}


async def test_a_bot_has_a_process_of_its_own(serve, process_launcher, tmp_path):
    sessions = await serve(launcher=process_launcher)
    pids = []
    for number in range(2):
        place = tmp_path / str(number)
        session = await sessions.start(StartRequest(body={"do": "where", "file": str(place)}))
        await session.wait()
        pids.append(int(place.read_text().split()[0]))
    assert len({*pids, os.getpid()}) == 3


async def test_a_process_that_dies_is_lost_and_frees_its_room(serve, process_launcher, local_daily):
    sessions = await serve(launcher=process_launcher)
    stays = await sessions.start(StartRequest(body={"do": "stay"}))
    session = await sessions.start(StartRequest(body={"do": "die"}))
    end = await session.wait()
    assert (end.reason, end.error) == (EndReason.LOST, "The bot's process died.")
    assert list(local_daily.rooms) == [stays.room_name]


@pytest.mark.parametrize("what", ["block", "ignore"])
async def test_a_bot_that_does_not_end_is_killed(serve, process_launcher, local_daily, what):
    sessions = await serve(launcher=process_launcher, stop_grace=0.1)
    session = await sessions.start(StartRequest(body={"do": what}))
    await session.began.wait()
    await sessions.stop(session.id)
    assert session.end.reason is EndReason.STOPPED
    assert local_daily.rooms == {}


async def test_an_import_error_is_shown_and_nothing_is_served(serve, process_launcher, tmp_path):
    bad = tmp_path / "bad_bot.py"
    bad.write_text("import no_such_module\n")
    with pytest.raises(
        Exception, match=r"(?s)bad_bot\.py.*line 1.*No module named 'no_such_module'"
    ) as e:
        await asyncio.wait_for(serve(str(bad), launcher=process_launcher), 60)
    assert "pipecat_daily_rest/" not in str(e.value).replace(str(Path(__file__)), "")


async def test_a_bots_readyz_is_asked(serve, launcher, monkeypatch):
    sessions = await serve(launcher=launcher)
    assert await sessions.ready()
    await sessions.drain()
    monkeypatch.setenv("NOT_READY", "yes")
    again = await serve(launcher=launcher if isinstance(launcher, str) else type(launcher)())
    assert await again.ready() is not hasattr(again.launcher, "ready")  # if not, nobody is asked


async def test_each_start_is_followed_by_one_process_that_waits(serve, tmp_path):
    place, bot_file = tmp_path / "imported", tmp_path / "counted.py"
    place.touch()
    bot_file.write_text(
        f"with open({str(place)!r}, 'a') as file:\n    print(file=file)\n"
        "async def bot(runner_args):\n    pass\n"
    )

    def imported():
        return len(place.read_text().splitlines())

    sessions = await serve(str(bot_file), launcher=ProcessLauncher(warm=5))
    await until(lambda: imported() == 5)
    started = await asyncio.gather(*(sessions.start(StartRequest()) for _ in range(5)))
    await asyncio.gather(*(session.wait() for session in started))
    await until(lambda: imported() >= 10)
    last = await sessions.start(StartRequest())
    await last.wait()
    await until(lambda: imported() >= 11)
    await sessions.__aexit__(None, None, None)
    assert imported() == 11


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux")
async def test_a_bot_that_takes_too_much_memory(serve, said, local_daily):
    limits = {"memory_warning": 100 << 20, "memory_limit": 200 << 20, "memory_check": 0.02}
    sessions = await serve(launcher=ProcessLauncher(**limits))
    session = await sessions.start(StartRequest(body={"do": "grow"}))
    end = await session.wait()
    assert end.reason is EndReason.ERROR
    assert re.fullmatch(r"It used \d+ MB of memory and was killed\.", end.error)
    assert local_daily.rooms == {}
    warned = [each for each in said if each["level"].name == "WARNING"]
    assert [each for each in warned if f"Session {session.id}: the bot uses" in each["message"]]


async def test_a_launcher_with_a_capacity_of_its_own(serve):
    sessions = await serve(launcher="serving:OneLauncher", max_sessions=20)
    starts = [sessions.start(StartRequest(body=STAY)) for _ in range(8)]
    ended = await asyncio.gather(*starts, return_exceptions=True)
    assert [isinstance(each, AtCapacity) for each in ended] == [False] * 5 + [True] * 3


async def test_a_launcher_without_capacity_is_full(serve):
    launcher = TaskLauncher()
    launcher.capacity = 0
    sessions = await serve(launcher=launcher)
    with pytest.raises(AtCapacity, match="All 0 sessions"):
        await sessions.start(StartRequest())
    launcher.capacity = None
    assert sessions.slots == 20


async def test_whoever_is_in_a_hurry_shortens_an_end(serve, launcher, local_daily, tmp_path):
    sessions = await serve(launcher=launcher, stop_grace=0.1)
    places = [tmp_path / "one", tmp_path / "two"]
    stops = []
    for place in places:
        session = await sessions.start(StartRequest(body={"do": "clean up", "file": str(place)}))
        await session.began.wait()
        stops.append(asyncio.create_task(sessions.stop(session.id, 6000)))
    await until(lambda: all(map(Path.exists, places)))
    await sessions.stop(session.id, 0.2)
    assert session.end.reason is EndReason.STOPPED
    assert sessions.taken == 1
    await sessions.drain()
    for session in await asyncio.gather(*stops):
        assert session.end.reason is EndReason.STOPPED
    assert local_daily.rooms == {}
    for place in places:  # a task cannot be killed
        place.with_suffix(".go").touch()


async def test_a_launcher_that_raises(serve, local_daily, said):
    class Raises(OneLauncher):
        async def start(self, spec):
            await super().start(spec)
            if spec.body == "start":
                raise ValueError("no words for it")
            if "lost" in spec.body:
                lost.add(spec.session_id)

        async def ended(self, session_id):
            if session_id in lost:
                raise LookupError(session_id)
            return await super().ended(session_id)

        async def stop(self, session_id, grace):
            await super().stop(session_id, grace)
            raise RuntimeError("this is no way to stop")

    lost = set()
    sessions = await serve(launcher=Raises())
    session = await sessions.start(StartRequest(body="start"))
    end = await session.wait()
    assert (end.reason, end.error) == (EndReason.ERROR, "ValueError: no words for it")
    session = await sessions.start(StartRequest(body={**STAY, "lost": True}))
    assert (await session.wait()).reason is EndReason.ERROR
    assert all(each.done() for each in sessions.launcher._other._tasks.values())
    session = await sessions.start(StartRequest(body=STAY))
    await session.began.wait()
    assert (await sessions.stop(session.id)).end.reason is EndReason.STOPPED
    assert (sessions.taken, local_daily.rooms) == (0, {})
    told = "\n".join(each["message"] for each in said)
    assert told.count("the bot was not told to end") == 3


async def test_a_bot_that_is_stopped_while_it_is_started(serve, process_launcher, monkeypatch):
    make, making = process_launcher._child, asyncio.Event()

    async def slowly(name):
        child = await make(name)
        making.set()
        await asyncio.sleep(0.2)
        return child

    sessions = await serve(launcher=process_launcher, stop_grace=30)
    await (await sessions.start(StartRequest())).wait()  # it takes the child that waited
    monkeypatch.setattr(process_launcher, "_child", slowly)
    session = await sessions.start(StartRequest(body=STAY))
    await making.wait()
    await sessions.stop(session.id)
    assert (session.end.reason, session.end.error) == (EndReason.STOPPED, None)
    await until(lambda: not process_launcher._children)


async def test_a_bot_that_is_stopped_before_it_is_started_never_runs(serve, monkeypatch):
    monkeypatch.setattr(burst, "_PAUSE", 0.2)
    monkeypatch.setattr(burst, "_LONGEST", 60)
    sessions = await serve()
    request = StartRequest(create_room=False, body=STAY)
    for session in [await sessions.start(request) for _ in range(2)][1:]:
        await sessions.stop(session.id)
        assert session.end.reason is EndReason.STOPPED
        assert session.running_since is None


async def test_starts_at_once_are_answered_before_their_bots_begin(serve, monkeypatch):
    monkeypatch.setattr(burst, "_LONGEST", 60)
    monkeypatch.setattr(burst, "_PAUSE", 0.2)
    sessions = await serve()
    happens = []
    launch = sessions.launcher.start

    async def start(spec):
        happens.append("launch")
        await launch(spec)

    async def visit():
        await sessions.start(StartRequest(body=STAY))
        happens.append("answer")

    sessions.launcher.start = start
    await asyncio.gather(*(visit() for _ in range(20)))
    await until(lambda: len(happens) == 40)
    assert happens[:20] == ["answer"] * 20


async def test_a_bot_does_not_wait_long_for_other_starts():
    starts = burst.Burst()
    for _ in range(2):
        starts.add(asyncio.get_running_loop().create_future())
    await starts.over()


async def test_a_bot_does_not_wait_without_other_starts(monkeypatch):
    monkeypatch.setattr(burst, "_LONGEST", 600)
    monkeypatch.setattr(burst, "_PAUSE", 600)
    starts, answered = burst.Burst(), asyncio.get_running_loop().create_future()
    starts.add(answered)
    answered.set_result(None)
    await starts.over()


@pytest.mark.parametrize("kind", ["task", "fork"])
async def test_a_bot_that_is_told_to_stop_again_finishes_its_cleanup(serve, kind, tmp_path):
    sessions = await serve(launcher=LAUNCHERS[kind](), stop_grace=60)
    place = tmp_path / "place"
    session = await sessions.start(StartRequest(body={"do": "clean up", "file": str(place)}))
    await session.began.wait()
    stopping = [asyncio.create_task(sessions.stop(session.id))]
    await until(place.exists)
    stopping += [asyncio.create_task(sessions.stop(session.id, 50)) for _ in range(2)]
    await asyncio.sleep(0.1)
    place.with_suffix(".go").touch()
    await asyncio.gather(*stopping)
    assert place.read_text() == "done"
