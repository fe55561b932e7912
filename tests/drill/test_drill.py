# SPDX-License-Identifier: BSD-2-Clause
"""What the drills find: small servers, each right or wrong in one way, and our own server."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pipecat_daily_rest.drill import DRILLS, Outcome, Plan, process_tree, run, server
from pipecat_daily_rest.drill.answer import Answer
from pipecat_daily_rest.drill.outcome import junit
from pipecat_daily_rest.drill.process_tree import ProcessTree
from pipecat_daily_rest.errors import DailyConfigError
from serving import family, state_of, until

HERE = Path(__file__).parent
SERVER = HERE / "flawed_server.py"
SHORT = {"calls": 2, "talk": 0.2, "away": 0.2, "storm": 0.2}


@pytest.fixture(autouse=True)
def _plain(monkeypatch):
    for name in ("BOTS", "SAYS_PID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _met(monkeypatch):
    """However slow the server is, Daily fails until one create and one deletion have met it."""
    has_ended = server.Server.has_ended

    async def waits(self, within):
        added = self.daily.faults.added
        if added and not added[-1].over:
            before = len(self.daily.requests)
            sent = lambda: {each.method for each in self.daily.requests[before:]}
            await until(lambda: self.ended or {"POST", "DELETE"} <= sent())
        return await has_ended(self, within)

    monkeypatch.setattr(server.Server, "has_ended", waits)


def plan(flaw="", *, most=4, **options):
    command = (sys.executable, str(SERVER), "{port}", str(most), flaw)
    return Plan(command=command, **{"max_sessions": most, **SHORT, **options})


async def drilled(flaw, only, **options):
    [outcome] = await run(plan(flaw, only=(only,), **options))
    return outcome


async def test_a_server_that_does_all_right():
    begun = []
    others = tuple(each for each in DRILLS if each != "kill")
    found = await run(plan(only=others), begun.append)
    assert [each.found for each in found if each.state != "ok"] == []
    assert [each.drill for each in found] == begun == [*others]
    assert [(each.calls, each.cut, each.left) for each in found] == [
        *[(3, 0, 0)] * 2,
        (4, 0, 0),
        (2, 0, 0),
    ]


async def test_a_bot_is_killed_and_nothing_is_lost(monkeypatch):
    monkeypatch.setenv("BOTS", "processes")
    outcome = await drilled("", "kill", bot_process=True)
    assert (outcome.state, outcome.calls, outcome.cut, outcome.left) == ("ok", 3, 0, 0)


@pytest.mark.parametrize(
    ("flaw", "cut", "left", "says"),
    [
        ("leaks", 0, 2, "2 rooms are left, for 60 more minutes."),
        ("leaks for ever", 0, 2, "2 rooms are left, for ever."),
        ("cuts", 2, 0, "It cut 2 of 2 calls."),
    ],
)
async def test_sigterm(flaw, cut, left, says):
    # A server that ends at once is not waited for.
    outcome = await drilled(flaw, "sigterm", talk=60 if flaw == "cuts" else 0.2)
    assert (outcome.state, outcome.found) == ("fault", says)
    assert (outcome.calls, outcome.cut, outcome.left) == (2, cut, left)


async def test_a_server_that_does_not_end():
    outcome = await drilled("stays", "sigterm", within=0.3)
    assert "It had not ended 0.3 s after its callers hung up." in outcome.faults
    assert outcome.cut == 0


async def test_calls_that_may_be_cut_at_sigterm():
    assert (await drilled("cuts", "sigterm", talk=0)).state == "ok"


async def test_bots_that_outlive_their_server_are_ended_as_in_a_container(monkeypatch):
    monkeypatch.setenv("BOTS", "processes")
    bots = set()
    look = ProcessTree.look

    def noted(self):
        found = look(self)
        bots.update(found - {self.root})
        return found

    monkeypatch.setattr(ProcessTree, "look", noted)
    outcome = await drilled("ends at once, its bots alone", "sigterm", talk=60)
    assert (outcome.cut, outcome.left) == (2, 2)
    assert len(bots) == 2
    assert all(state_of(pid) == "Z" for pid in bots)


@pytest.mark.parametrize(
    ("flaw", "says"),
    [
        ("starts one more", "It started 21 of 20."),
        ("starts one less", "It started only 19 of 20."),
        ("answers 500", "It answered 500 to a start, not 429 or 503."),
        ("hangs up", "It did not answer each start."),
    ],
)
async def test_more_starts(flaw, says):
    within = 0.2 if "less" in flaw else 60
    outcome = await drilled(flaw, "more-starts", most=20, within=within)
    assert outcome.faults[0] == says


@pytest.mark.parametrize("only", ["away", "storm"])
@pytest.mark.parametrize(
    ("flaw", "says"),
    [
        ("deletes once", "left, for 60 more minutes."),
        ("is broken then", "It starts no call any more: POST http://127.0.0.1:"),
    ],
)
async def test_daily_fails(flaw, says, only):
    outcome = await drilled(flaw, only, within=1)
    assert outcome.state == "fault"
    assert says in outcome.found


async def test_slots_that_are_lost():
    found = await run(plan("keeps the slot", only=("away", "more-starts"), within=3))
    assert [each.found for each in found] == [
        "Daily's REST API was away for 0.2 s.",
        "It started only 3 of 4.",
    ]


async def test_a_server_that_dies_has_cut_its_calls_and_the_next_drill_has_a_new_one():
    found = await run(plan("dies of 429", only=("storm", "away")))
    assert [each.state for each in found] == ["fault", "ok"]
    assert found[0].found == "Its process ended meanwhile."
    assert (found[0].cut, found[1].cut) == (1, 0)


async def test_a_bot_is_killed_and_its_room_is_left(monkeypatch):
    monkeypatch.setenv("BOTS", "processes")
    flaw = "leaves the room of a killed bot"
    outcome = await drilled(flaw, "kill", bot_process=True, within=1)
    assert outcome.faults[0] == "The room of the killed bot is left."


async def test_a_bot_is_killed_and_other_calls_are_cut(monkeypatch):
    monkeypatch.setenv("BOTS", "processes")
    outcome = await drilled("cuts the others", "kill", bot_process=True)
    assert outcome.found == "It cut 1 of 2 calls."
    assert (outcome.calls, outcome.cut, outcome.left) == (3, 1, 0)


async def test_no_process_outside_the_servers_own_tree_is_killed(monkeypatch):
    other = await asyncio.create_subprocess_exec("sleep", "600")
    try:
        monkeypatch.setenv("SAYS_PID", str(other.pid))
        outcome = await drilled("", "kill", bot_process=True)
        assert outcome.found.startswith("No process was killed: the bot has none of its own")
        assert other.returncode is None
        assert state_of(other.pid) != "Z"
    finally:
        other.kill()
        await other.wait()


async def test_the_servers_own_process_is_not_killed_for_a_bots():
    outcome = await drilled("", "kill", bot_process=True)
    assert outcome.found.startswith("No process was killed: the bot has none of its own")


async def test_who_listens_at_the_port_for_a_moment_is_not_the_server():
    code = (
        "import os, socket, sys\n"
        "with socket.create_server(('127.0.0.1', int(sys.argv[2]))) as other: other.accept()\n"
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    command = (sys.executable, "-c", code, str(SERVER), "{port}", "4")
    [outcome] = await run(Plan(command=command, only=("sigterm",), **SHORT))
    assert outcome.found == "The calls went on for 0.2 s, then it ended."


async def test_what_is_not_known_is_skipped():
    found = await run(plan(max_sessions=None, only=("more-starts", "kill")))
    assert [each.state for each in found] == ["skipped", "skipped"]
    assert [each.found for each in found] == [
        "Pass --bot-process if each bot has a process of its own.",
        "Say how many calls the server takes: --max-sessions.",
    ]


async def test_a_server_that_makes_its_rooms_elsewhere(local_daily, monkeypatch):
    monkeypatch.setattr(server, "_GRACE", 0.1)
    env = {name: str(value) for name, value in local_daily.env().items()}
    code = f"import os, sys; os.environ.update({env})\n"
    code += "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    elsewhere = (sys.executable, "-c", code, str(SERVER), "{port}", "4")
    with pytest.raises(DailyConfigError, match="makes its rooms elsewhere"):
        await run(Plan(command=elsewhere, only=("sigterm",)))
    assert len(local_daily.rooms) == 3


@pytest.mark.parametrize("proc", ["/proc", "/no such folder"])
async def test_a_tree_of_processes(monkeypatch, proc):
    monkeypatch.setattr(process_tree, "_PROC", Path(proc))
    beside = await asyncio.create_subprocess_exec("sleep", "600")
    script = "sleep 600 & setsid sleep 600 & wait"
    shell = await asyncio.create_subprocess_exec("sh", "-c", script, start_new_session=True)
    await until(lambda: len(family(shell.pid)) == 2)
    children = family(shell.pid)
    tree = ProcessTree(shell.pid)
    assert tree.look() == {shell.pid, *children}
    os.kill(shell.pid, signal.SIGKILL)
    await shell.wait()
    assert tree.look() == set(children)
    await tree.kill()
    assert all(state_of(pid) == "Z" for pid in children)
    assert tree.look() == set()
    assert state_of(beside.pid) != "Z"
    beside.kill()
    await beside.wait()


async def test_what_a_server_starts_away_from_itself_belongs_to_its_tree():
    mark = f"DRILL_TEST={os.getpid()}"
    env = dict([*os.environ.items(), mark.split("=")])
    beside = await asyncio.create_subprocess_exec("sleep", "600")
    script = "setsid sleep 600 & exec setsid -f sleep 601"
    gone = await asyncio.create_subprocess_exec("sh", "-c", script, env=env, start_new_session=True)
    await gone.wait()
    tree = ProcessTree(gone.pid, mark=mark)
    found = tree.look()
    assert len(found) == 2
    assert beside.pid not in found
    assert os.getpid() not in found
    await tree.kill()
    assert tree.look() == set()
    assert state_of(beside.pid) != "Z"
    beside.kill()
    await beside.wait()


@pytest.mark.parametrize(
    ("raw", "room", "says"),
    [
        (b'{"dailyRoom": "http://["}', "", '{"dailyRoom": "http://["}'),
        (b'{"dailyRoom": {"a": 1}, "url": 5}', "", '{"dailyRoom": {"a": 1}, "url": 5}'),
        (b'{"dailyRoom": "", "url": "http://h/name"}', "name", '{"dailyRoom": "", "url": "http:'),
        (b"[" * 200_000, "", "[[["),
        (b"\xff\0\x1b", "", "\ufffd  "),
        (b'{"error": "my key, my token"}', "", '{"error": "***, ***"}'),
    ],
)
def test_whatever_a_server_answers(raw, room, says):
    answer = Answer.read(200, raw, ("my key", "my token"))
    assert answer.room == room
    assert answer.says.startswith(says)
    assert len(answer.says) <= 200


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"command": ()}, "Say which server to drill"),
        ({"url": "https://bots.example/start"}, "--url must look like"),
        ({"url": "http://[/start"}, "--url must look like"),
        ({"talk": float("nan")}, "--talk must be seconds"),
        ({"within": -1.0}, "--within must be seconds"),
        ({"only": ("sigint",)}, "There is no drill 'sigint'"),
        ({"calls": 0}, "--calls must be 1 or more"),
        ({"calls": 5, "max_sessions": 4}, "--calls 5 are more"),
    ],
)
def test_what_a_plan_refuses(wrong, says):
    with pytest.raises(DailyConfigError, match=f"^{says}"):
        Plan(**{"command": ("server",), **wrong})


def test_junit_xml():
    outcomes = [
        Outcome("storm", calls=3, seconds=1.5, well="All well."),
        Outcome("sigterm", calls=3, cut=2, left=1, faults=["It cut 2 of 3 calls.", "<&>\n\0\x1b"]),
        Outcome("kill", skipped="Pass it."),
    ]
    suite = ElementTree.fromstring(junit(outcomes))  # noqa: S314
    assert suite.attrib == {
        "name": "drill",
        "tests": "3",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
        "time": "1.500",
    }
    assert [case.get("name") for case in suite] == ["storm", "sigterm", "kill"]
    assert suite[0].find("failure") is None
    assert suite[1].find("failure").get("message") == "It cut 2 of 3 calls. <&> \ufffd\ufffd"
    assert suite[1].find("system-out").text == "calls 3, cut 2, rooms left 1"
    assert suite[2].find("skipped").get("message") == "Pass it."
