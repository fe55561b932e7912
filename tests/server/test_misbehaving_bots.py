# SPDX-License-Identifier: BSD-2-Clause
"""Bots that fork, close, leave behind, print: each has one end, and no process is left."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from test_serve import SERVE, ask

from pipecat_daily_rest.server import EndReason, ProcessLauncher, StartRequest, launched_child
from serving import BEHAVE, LAUNCHERS, STAY, all_gone, family, until

MISBEHAVE = BEHAVE.with_name("misbehave.py")


@pytest.fixture(params=["fork", "spawn"])
def launcher(request):
    return LAUNCHERS[request.param]()


@pytest.fixture
async def ends(serve, launcher, tmp_path, local_daily):
    """Runs a bot; gives its end, and what it has written."""
    sessions = await serve(MISBEHAVE, launcher=launcher)

    async def ends(what):
        place = tmp_path / what
        session = await sessions.start(StartRequest(body={"do": what, "file": str(place)}))
        end = await asyncio.wait_for(session.wait(), 60)
        assert local_daily.rooms == {}
        return end, place.read_text()

    return ends


async def gone(pids):
    await all_gone([int(pid) for pid in pids.split()])


# What bots do, and their ends. Where the system has no pidfds, the first may hold up theirs.
WIRE = ("fork_and_die", "close_everything", "reuse_everything", "write_to_the_wire")
ENDS = {
    **dict.fromkeys(WIRE if hasattr(os, "pidfd_open") else (), (EndReason.LOST, None)),
    # What they leave behind does not keep their process.
    "leave_a_thread": (EndReason.FINISHED, None),
    "leave_a_call": (EndReason.FINISHED, None),
    "leave_a_program": (EndReason.FINISHED, None),
    "exit_in_a_task": (EndReason.ERROR, "SystemExit: 4"),
}


async def test_each_has_one_end_and_no_process_is_left(ends):
    for what, (reason, error) in ENDS.items():
        end, pids = await ends(what)
        assert (end.reason, error or end.error) == (reason, end.error), what
        await gone(pids)


async def test_a_program_of_a_bot_that_is_stopped_is_ended(serve, launcher, tmp_path):
    sessions = await serve(MISBEHAVE, launcher=launcher)
    place = tmp_path / "place"
    body = {"do": "stay_with_a_program", "file": str(place)}
    session = await sessions.start(StartRequest(body=body))
    await until(lambda: place.exists() and " " in place.read_text())
    await sessions.stop(session.id)
    await gone(place.read_text())


async def test_a_program_of_a_bot_ends_with_a_server_that_is_killed(start, local_daily, tmp_path):
    env = local_daily.env()
    server = await start(*SERVE, MISBEHAVE, "--port", "0", "--warm", "0", env=env)
    url = await server.says(r"^(http://\S+)$")
    place = tmp_path / "place"
    body = {"do": "stay_with_a_program", "file": str(place)}
    await ask(f"{url}/start", {"createDailyRoom": True, "body": body})
    await until(lambda: place.exists() and " " in place.read_text())
    server.signal(signal.SIGKILL)
    await server.ended()
    await gone(place.read_text())


async def test_programs_that_a_bot_starts_do_not_read_its_orders(ends):
    end, read = await ends("read_stdin")
    assert (end.reason, read) == (EndReason.FINISHED, "b''")


async def test_a_process_that_does_not_leave_after_its_bot_is_killed(serve, tmp_path, monkeypatch):
    monkeypatch.setattr(launched_child, "LEAVE", 0.1)
    sessions = await serve(MISBEHAVE, launcher=ProcessLauncher())
    place = tmp_path / "place"
    body = {"do": "leave_a_thread", "file": str(place)}
    session = await sessions.start(StartRequest(body=body))
    await session.wait()
    await gone(place.read_text())


async def test_all_that_a_bot_writes_is_logged_and_nothing_is_on_stdout(
    start, local_daily, tmp_path
):
    server = await start(*SERVE, MISBEHAVE, "--port", "0", env=local_daily.env())
    url = await server.says(r"^(http://\S+)$")
    body = {"do": "write", "file": str(tmp_path / "place")}
    _, started = await ask(f"{url}/start", {"createDailyRoom": True, "body": body})
    await server.says(f"{started['sessionId']} has ended: finished", stream="err")
    server.signal(signal.SIGTERM)
    await server.ended()
    assert server.out == f"{url}\n"
    for said in ("from a thread", "to stderr", "by logging", "to the bot's own handler", "no end"):
        assert f"- {said}" in server.err
        line = next(each for each in server.err.splitlines() if each.endswith(f"- {said}"))
        assert started["sessionId"] in line
    for own in ("mine", "printed", "queued"):
        assert server.err.count(f"\n{own} to the bot's own handler\n") == 1
    for said in ("past the text", "from a program"):
        assert f"\n{said}\n" in server.err
    assert "error" not in server.err.lower()
    assert server.err.count("x" * 8192) == 3_000_000 // 8192


async def test_forked_bots_draw_different_numbers(serve, tmp_path):
    launcher = ProcessLauncher(preload=("numpy.random",), fork=True)
    sessions = await serve(MISBEHAVE, launcher=launcher)
    drawn = set()
    for number in range(2):
        place = tmp_path / str(number)
        session = await sessions.start(
            StartRequest(body={"do": "draw", "file": str(place)}, create_room=False)
        )
        await session.wait()
        drawn.add(place.read_text())
    assert len(drawn) == 2


async def test_a_template_that_dies_is_replaced(serve, said):
    launcher = ProcessLauncher(fork=True)
    sessions = await serve(launcher=launcher)
    stays = await sessions.start(StartRequest(body=STAY))
    await stays.began.wait()
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    for pid in children.read_text().split():
        if b"process_template" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(int(pid), signal.SIGKILL)
            await gone(pid)
    started = await asyncio.gather(*(sessions.start(StartRequest()) for _ in range(3)))
    for session in started:
        assert (await session.wait()).reason is EndReason.FINISHED
    assert stays.end is None
    assert len([each for each in said if "another is started" in each["message"]]) == 1


async def test_a_template_that_cannot_be_replaced_is_tried_again(serve, tmp_path, monkeypatch):
    module = tmp_path / "broken_for_a_while.py"
    module.touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    launcher = ProcessLauncher(fork=True, preload=(module.stem,))
    others = family(os.getpid())  # of the tests: browsers, the Python that is forked
    sessions = await serve(launcher=launcher)
    await (await sessions.start(StartRequest())).wait()  # the child that was loaded at first
    module.write_text("import no_such_module\n")
    for pid in {*family(os.getpid())}.difference(others):
        os.kill(pid, signal.SIGKILL)
    ends = []
    for text in ("import no_such_module\n", "still = 'broken'; raise OSError\n", ""):
        module.write_text(text)
        ends.append((await (await sessions.start(StartRequest())).wait()).reason)
    assert ends == [EndReason.ERROR, EndReason.ERROR, EndReason.FINISHED]


async def test_a_fork_that_fails_is_told_and_the_next_one_works(serve, tmp_path, monkeypatch):
    flag = tmp_path / "full"
    (tmp_path / "no_fork.py").write_text(
        "import errno, os\nfork = os.fork\ndef failing():\n"
        f"    if os.path.exists({str(flag)!r}):\n        raise OSError(errno.EAGAIN, 'no room')\n"
        "    return fork()\nos.fork = failing\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    sessions = await serve(launcher=ProcessLauncher(fork=True, preload=("no_fork",)))
    await (await sessions.start(StartRequest())).wait()  # the child that was loaded at first
    flag.touch()
    failed = await sessions.start(StartRequest())
    end = await failed.wait()
    assert (end.reason, end.error) == (
        EndReason.ERROR,
        "The bot's process could not be started.",
    )
    flag.unlink()
    assert (await (await sessions.start(StartRequest())).wait()).reason is EndReason.FINISHED


async def test_a_bot_that_is_broken_while_the_server_runs(serve, launcher, tmp_path, said):
    bot_file = tmp_path / "edited.py"
    bot_file.write_text("async def bot(runner_args): pass\n")
    sessions = await serve(str(bot_file), launcher=launcher)
    await (await sessions.start(StartRequest())).wait()
    bot_file.write_text("import no_such_module\n")
    end = await (await sessions.start(StartRequest())).wait()
    assert end.reason is EndReason.ERROR
    assert end.error == "ModuleNotFoundError: No module named 'no_such_module'"
    (told,) = [each["message"] for each in said if each["level"].name == "ERROR"]
    assert 'edited.py", line 1' in told
