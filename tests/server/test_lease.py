# SPDX-License-Identifier: BSD-2-Clause
"""Only rooms of dead servers are swept: a lock on a file tells who is alive."""

import os
import signal
import sys
import tempfile
from dataclasses import replace

import pytest

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.server import StartRequest
from pipecat_daily_rest.server.lease import Lease, Owner, folder, make_tag
from programs import processes
from serving import state_of, until

SERVER = """
import asyncio, sys
from pipecat_daily_rest.server import Sessions, StartRequest

async def main():
    async with Sessions(sys.argv[1], max_sessions=5, launcher=sys.argv[2]) as sessions:
        for _ in range(3):
            session = await sessions.start(StartRequest(body={"do": "stay"}))
            await session.began.wait()
        print("up", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


COME_AND_GO = """
import sys, time
from pathlib import Path
from pipecat_daily_rest.server.lease import Lease, Owner, make_tag

Path(f"{make_tag()}.here").touch()
while len(list(Path().glob("*.here"))) < 2:
    time.sleep(0.001)
met = 0
for number in range(int(sys.argv[1])):
    mine = Lease(Owner(tag=make_tag(), prefix="pipecat", account="a", command="same"))
    mine.take()
    met += len(mine.workers())
    with mine.dead() as dead:
        assert dead == [], (number, dead)
    mine.release()
print(met)
"""


def owner(account="a") -> Owner:
    return Owner(tag=make_tag(), prefix="pipecat", account=account)


def test_a_dead_server_is_found_once():
    dead, other, alive = Lease(owner()), Lease(owner("b")), Lease(owner())
    for lease in (dead, other, alive):
        lease.take()
    for lease in (dead, other):  # as the end of a process does
        lease._file.close()
    new = Lease(owner())
    new.take()
    with new.dead() as found, alive.dead() as twice:
        assert found == [dead.owner]
        assert twice == []
    with new.dead() as found:
        assert found == []
    alive.release()
    new.release()
    assert {path.stem for path in folder().iterdir()} == {other.owner.tag}


async def test_two_servers_that_come_and_go_never_take_each_other_for_dead(tmp_path):
    async with processes(tmp_path) as start:
        both = [await start(sys.executable, "-c", COME_AND_GO, "400") for _ in range(2)]
        ends = [await each.ended() for each in both]
    assert ends == [0, 0], [each.err for each in both]
    assert any(int(each.out) for each in both)  # they did meet
    assert list(folder().iterdir()) == []


def test_workers_of_one_server_know_each_other():
    one, other = Lease(owner()), Lease(replace(owner(), pid=1))
    strangers = [
        Lease(replace(owner(), pid=2, **strange))
        for strange in ({"command": "x"}, {"account": "b"})
    ]
    for lease in (one, other, *strangers):
        lease.take()
    assert one.workers() == [1]
    other._file.close()  # as the end of a process does
    assert one.workers() == []
    for lease in (one, *strangers):
        lease.release()


def test_a_sweep_that_fails_is_left_to_the_next_server():
    dead, new = Lease(owner()), Lease(owner())
    dead.take()
    dead._file.close()
    new.take()
    with pytest.raises(ZeroDivisionError), new.dead():
        _ = 1 / 0
    with new.dead() as found:
        assert found == [dead.owner]
    new.release()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_does_not_keep_a_dead_server_alive():
    lease, new = Lease(owner()), Lease(owner())
    lease.take()
    reader, writer = os.pipe()
    up, tells = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(writer)
        os.write(tells, b"u")
        os.read(reader, 1)
        os._exit(0)
    os.read(up, 1)
    lease._file.close()
    new.take()
    with new.dead() as found:
        assert found == [lease.owner]
    os.close(writer)
    os.waitpid(pid, 0)
    for each in (reader, up, tells):
        os.close(each)
    new.release()


@pytest.mark.parametrize("launcher", ["task", "process"])
async def test_a_server_that_is_killed(serve, local_daily, tmp_path, launcher):
    beside = await serve()
    kept = await beside.start(StartRequest(body={"do": "stay"}))
    (tmp_path / "server.py").write_text(SERVER)
    behave = os.path.join(os.path.dirname(__file__), "bots", "behave.py")
    async with processes(tmp_path) as start:
        program = await start(sys.executable, "server.py", behave, launcher)
        await program.says("^up$")
        children = program.children()
        assert len(local_daily.rooms) == 4
        program.signal(signal.SIGKILL)
        await program.ended()
        for child in children:  # the template, and what it has forked, end by themselves
            await until(lambda pid=child: state_of(pid) == "Z")
        await serve()
        await until(lambda: len(local_daily.rooms) == 1)
        assert list(local_daily.rooms) == [kept.room_name]


@pytest.mark.parametrize("inside", ["", "folder"])
def test_a_folder_that_cannot_be_used_is_a_sentence(tmp_path, monkeypatch, inside):
    (tmp_path / "file").touch()
    monkeypatch.setenv("PIPECAT_DAILY_STATE", str(tmp_path / "file" / inside))
    with pytest.raises(DailyConfigError, match="to another folder"):
        Lease(Owner("tag", "pipecat", "account")).take()


def test_without_a_folder_for_what_is_temporary_it_says_what_to_set(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.delenv("PIPECAT_DAILY_STATE")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    with pytest.raises(DailyConfigError, match="set PIPECAT_DAILY_STATE to one that can be writ"):
        Lease(Owner("tag", "pipecat", "account"))
