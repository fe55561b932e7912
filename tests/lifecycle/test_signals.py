# SPDX-License-Identifier: BSD-2-Clause
"""Signals to a runner at every moment, and with every use that a bot makes of signals."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from programs import IN_TERMINAL

COMMAND = [sys.executable, "-m", "pipecat_daily_rest"]
TERM = signal.SIGTERM
LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])


def log(daily):
    return [entry.what for entry in daily.state.log.entries]


@pytest.fixture
def run_code(start, tmp_path, local_daily):
    """Runs a bot that is written here, by `run` or as a script, on the test's own local Daily."""

    async def run_code(code, *options, script=False, before=(), local=False, env=None):
        path = tmp_path / "mine.py"
        path.write_text("import asyncio, signal, sys, time\n" + code)
        how = [sys.executable, path] if script else [*COMMAND, "run", path]
        env = {**({} if local else local_daily.env()), **(env or {})}
        return await start(*before, *how, *options, env=env)

    return run_code


WAITS = """
async def bot(runner_args):
    print("in", flush=True)
    await asyncio.Event().wait()
"""

SCRIPT = """
from pipecat_daily_rest.runner import main
if __name__ == "__main__":
    main()
"""


# -- Every signal --------------------------------------------------------------------------------

ALL = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGXCPU"]


@pytest.mark.parametrize("name", ALL)
async def test_a_signal_ends_the_bot_and_deletes_the_room(run_bot, local_daily, name):
    program = await run_bot("waits")
    await program.says("^in$")
    program.signal(getattr(signal, name))
    assert await program.ended() == 0
    assert program.out.index("out") < program.out.index("deleted")
    assert log(local_daily) == ["created", "deleted"]
    assert "Traceback" not in program.err


TICKS = """
async def bot(runner_args):
    {}
    number = 0
    while True:
        print("tick", number := number + 1, flush=True)
        await asyncio.sleep(0.05)
"""


async def test_a_signal_that_nohup_ignores_stays_ignored(run_code, local_daily):
    ignoring = ["sh", "-c", """trap '' HUP QUIT; exec "$@" """, "sh"]
    program = await run_code(TICKS.format("pass"), before=ignoring)
    await program.says("^tick 1$")
    program.signal(signal.SIGHUP)
    program.signal(signal.SIGQUIT)
    seen = program.out.count("tick")
    await program.says(f"^tick {seen + 5}$")
    assert log(local_daily) == ["created"]
    program.signal(TERM)
    assert await program.ended() == 0
    assert log(local_daily) == ["created", "deleted"]


async def test_a_bots_handler_of_sigusr1_is_called_instead(run_code):
    own = "signal.signal(signal.SIGUSR1, lambda *_: print('own', flush=True))"
    program = await run_code(TICKS.format(own))
    await program.says("^tick 1$")
    program.signal(signal.SIGUSR1)
    await program.says("own")  # in the middle of a line, maybe
    await program.says(f"^tick {program.out.count('tick') + 5}$")
    program.signal(TERM)
    assert await program.ended() == 0


async def test_a_closed_terminal(local_daily, tmp_path):
    """What it prints from then on fails."""
    silent = WAITS.replace('print("in", flush=True)', "")
    (tmp_path / "mine.py").write_text("import asyncio\n" + silent)
    ours, theirs = os.openpty()
    process = subprocess.Popen(  # noqa: ASYNC220
        [*IN_TERMINAL, *COMMAND, "run", "mine.py"],
        **{"stdin": theirs, "stdout": theirs, "stderr": theirs},
        cwd=tmp_path,
        env={**os.environ, **local_daily.env()},
        start_new_session=True,
    )
    os.close(theirs)
    await local_daily.state.log.wait_for("created")
    os.close(ours)
    await local_daily.state.log.wait_for("deleted")
    assert await asyncio.to_thread(process.wait) == 0


async def test_a_bot_that_prints_to_a_closed_terminal(local_daily, tmp_path):
    """It fails, and what is left in a buffer does not fail once more at the exit."""
    mine = WAITS.replace("await asyncio.Event().wait()", "await ends()")
    ends = """
async def ends():
    try:
        await asyncio.Event().wait()
    finally:
        print("out", flush=True)
"""
    (tmp_path / "mine.py").write_text("import asyncio\n" + mine + ends)
    ours, theirs = os.openpty()
    env = {**os.environ, **local_daily.env()}
    env.pop("PYTHONUNBUFFERED", None)
    process = subprocess.Popen(  # noqa: ASYNC220
        [*IN_TERMINAL, *COMMAND, "run", "mine.py"],
        **{"stdin": theirs, "stdout": theirs, "stderr": theirs},
        cwd=tmp_path,
        env=env,
        start_new_session=True,
    )
    os.close(theirs)
    said = b""
    while b"\nin\r" not in said:
        said += await asyncio.to_thread(os.read, ours, 4096)
    os.close(ours)
    assert await asyncio.to_thread(process.wait) == 1
    assert local_daily.rooms == {}


# -- A bot with handlers of its own --------------------------------------------------------------

WAYS = {
    "signal.signal": "signal.signal(signal.SIGTERM, lambda *_: own())",
    "signal.signal, imported before": "early(signal.SIGTERM, lambda *_: own()); await ours_again()",
    "add_signal_handler": "loop.add_signal_handler(signal.SIGTERM, own)",
    "remove_signal_handler": "loop.add_signal_handler(signal.SIGTERM, print);"
    "loop.remove_signal_handler(signal.SIGTERM)",
    "set_wakeup_fd": "signal.set_wakeup_fd(-1)",
    "raises SystemExit": "signal.signal(signal.SIGTERM, lambda *_: (own(), sys.exit(3)))",
    "calls what it replaced": "before = signal.getsignal(signal.SIGTERM);"
    "signal.signal(signal.SIGTERM, lambda *a: (own(), before(*a)))",
    "puts back what it found": "before = signal.getsignal(signal.SIGTERM);"
    "signal.signal(signal.SIGTERM, print); signal.signal(signal.SIGTERM, before)",
}
OWN_HANDLER = """
from signal import signal as early
if {loop!r} == "uvloop":
    import uvloop
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

def own():
    print("own", flush=True)

async def ours_again():
    taken = signal.getsignal(signal.SIGTERM)
    while signal.getsignal(signal.SIGTERM) is taken:
        await asyncio.sleep(0.01)

async def bot(runner_args):
    loop = asyncio.get_running_loop()
    print("loop", type(loop).__module__)
    {way}
    print("in", flush=True)
    await asyncio.sleep(600)
"""


@LOOPS
@pytest.mark.parametrize("way", WAYS)
async def test_a_handler_that_a_bot_installs_is_called_as_well(run_code, local_daily, loop, way):
    program = await run_code(OWN_HANDLER.format(loop=loop, way=WAYS[way]) + SCRIPT, script=True)
    await program.says(f"^loop {loop}")
    await program.says("^in$")
    program.signal(TERM)
    assert await program.ended() == (3 if "exit" in WAYS[way] else 0)
    assert program.out.count("own\n") == ("own()" in WAYS[way] or ", own)" in WAYS[way])
    await program.says("^Room .* deleted$")
    assert log(local_daily) == ["created", "deleted"]
    assert "Traceback" not in program.err


@pytest.mark.parametrize("number", [signal.SIGINT, TERM])
async def test_pipecats_worker_runner_under_uvloop(run_bot, local_daily, number):
    program = await run_bot("pipeline_uvloop", env={"BOT_RUNNER": "sigterm"})
    await program.says("^uvloop$")
    await program.says("^in$")
    program.signal(number)
    assert await program.ended() == 0
    assert log(local_daily) == ["created", "bot joined", "bot left", "deleted"]
    assert "Traceback" not in program.err


async def test_a_handler_from_before_main_is_called_as_well(run_code, local_daily):
    own = "signal.signal(signal.SIGTERM, lambda *_: print('own', flush=True))\n"
    program = await run_code(own + WAITS + SCRIPT, script=True)
    await program.says("^in$")
    program.signal(TERM)
    assert await program.ended() == 0
    assert program.out.count("own") == 1
    assert log(local_daily) == ["created", "deleted"]


RUN_BOT = """
import os
from pipecat_daily_rest.runner import run_bot
def mine(*_): pass
signal.signal(signal.SIGTERM, mine)
async def bot(runner_args):
    print("in", flush=True)
    await asyncio.Event().wait()
async def program():
    wrapped = asyncio.get_running_loop().__dict__.keys() & {"add_signal_handler"}
    await run_bot(bot)
    assert not wrapped and "add_signal_handler" not in asyncio.get_running_loop().__dict__
if __name__ == "__main__":
    asyncio.run(program())
    assert signal.getsignal(signal.SIGTERM) is mine
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
    assert signal.signal.__module__ == "signal"
    print("as before", flush=True)
"""


SEVERAL = """
from contextlib import nullcontext
from pipecat_daily_rest import drain_on_exit
from pipecat_daily_rest.runner import run_bot
async def bot(runner_args):
    print("in", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        print("out", flush=True)
async def one(seconds=0):
    async def ends(runner_args):
        await asyncio.sleep(seconds)
    await run_bot(ends if seconds else bot)
async def program():
    async with drain_on_exit(grace=600) if {drains} else nullcontext():
        await asyncio.gather(one(), one(0.1), one())
before = signal.getsignal(signal.SIGTERM), signal.signal
asyncio.run(program())
assert (signal.getsignal(signal.SIGTERM), signal.signal) == before
print("as before", flush=True)
"""


@pytest.mark.parametrize("drains", [False, True])
async def test_a_signal_stops_every_bot_that_runs_in_the_process(run_code, local_daily, drains):
    program = await run_code(SEVERAL.format(drains=drains), script=True)
    await program.says(r"^in\n(.*\n)*in$")
    await local_daily.state.log.wait_for("deleted")  # one has ended, and no longer listens
    program.signal(TERM)
    assert await program.ended() == 0, program.err
    assert program.out.count("out\n") == 2
    await program.says("^as before$")
    assert local_daily.rooms == {}


async def test_run_bot_restores_the_programs_handlers(run_code, local_daily):
    program = await run_code(RUN_BOT, script=True)
    await program.says("^in$")
    program.signal(signal.SIGHUP)
    assert await program.ended() == 0, program.err
    await program.says("^as before$")
    assert log(local_daily) == ["created", "deleted"]


FORKS = """
import multiprocessing, os
async def bot(runner_args):
    context = multiprocessing.get_context("fork")
    begun = context.Event()
    process = context.Process(target=lambda: (begun.set(), time.sleep(600)))
    process.start()
    await asyncio.to_thread(begun.wait)
    process.terminate()
    await asyncio.to_thread(process.join)
    print("child", process.exitcode, flush=True)
"""


async def test_sigterm_ends_a_forked_child_of_the_bot(run_code):
    """`Process.terminate()` sends SIGTERM, which must not be held by the runner's handlers."""
    program = await run_code(FORKS)
    assert await program.ended() == 0, program.err
    await program.says("^child -15$")


AT_THE_FORK = """
import os
# Registered before the package's own hooks: the child gets the signal before they have run.
os.register_at_fork({when}=lambda: os.kill(os.getpid(), signal.SIGTERM))
async def bot(runner_args):
    reads, writes = os.pipe()
    if (child := os.fork()) == 0:
        os.close(writes)
        os.read(reads, 1)  # until the parent closes its end
        os._exit(0)
    try:
        await asyncio.sleep(0 if {when!r} == "after_in_child" else 600)
    finally:
        os.close(writes)
        print("child", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.mark.parametrize(("when", "child"), [("after_in_child", -TERM), ("before", 0)])
async def test_a_signal_at_the_fork_reaches_the_process_that_it_was_sent_to(
    run_code, local_daily, when, child
):
    program = await run_code(AT_THE_FORK.format(when=when) + SCRIPT, script=True)
    assert await program.ended() == 0, program.err
    await program.says(f"^child {child:d}$")
    assert log(local_daily) == ["created", "deleted"]
    assert "Traceback" not in program.err


# -- Before there is a room ----------------------------------------------------------------------

SLOW = """
print("importing", flush=True)
time.sleep(600)
"""
SWALLOWS = """
try:
    print("importing", flush=True)
    time.sleep(600)
except BaseException:
    pass
"""


@pytest.mark.parametrize("number", [signal.SIGINT, TERM, signal.SIGHUP])
@pytest.mark.parametrize("code", [SLOW, SWALLOWS], ids=["slow", "swallows"])
async def test_a_signal_while_the_bot_is_imported(run_code, local_daily, code, number):
    program = await run_code(code + WAITS)
    await program.says("^importing$")
    program.signal(number)
    assert await program.ended() == 0
    assert program.out.strip() == "importing"
    assert program.err.count("\n") <= 1  # Pipecat's own first line
    assert log(local_daily) == []


async def test_a_signal_while_main_imports_a_bot_module(run_code, local_daily, tmp_path):
    (tmp_path / "bot.py").write_text("import time\n" + SLOW)
    program = await run_code(SCRIPT, script=True)
    await program.says("^importing$")
    program.signal(TERM)
    assert await program.ended() == 0
    assert log(local_daily) == []


async def test_a_signal_to_the_first_process_of_a_container(start, run_code, local_daily):
    """Where the kernel drops what no handler is there for."""
    unshare = ["unshare", "--pid", "--fork", "--kill-child"]
    possible = await start(*unshare, "true")
    if await possible.ended():
        pytest.skip("no PID namespace here")
    program = await run_code(SLOW + WAITS, before=unshare)
    await program.says("^importing$")
    (first,) = program.children()
    os.kill(first, TERM)
    assert await program.ended() == 0
    assert log(local_daily) == []


@pytest.mark.parametrize(("command", "code"), [("run", 0), ("local", 128 + TERM)])
async def test_a_signal_while_the_command_itself_is_imported(start, tmp_path, command, code):
    (tmp_path / "typer.py").write_text("import time\n" + SLOW)
    program = await start(*COMMAND, command, "mine.py", env={"PYTHONPATH": str(tmp_path)})
    await program.says("^importing$")
    program.signal(TERM)
    assert await program.ended() == code
    assert program.err == ""


@pytest.mark.parametrize("command", ["run", "local"])
async def test_a_signal_while_the_local_daily_starts(start, run_code, tmp_path, command):
    site = tmp_path / "site"
    site.mkdir()
    # Only in the child: orig_argv, since Python puts the module into argv later.
    (site / "sitecustomize.py").write_text(
        "import sys, time\n"
        "if 'pipecat_daily_rest.local' in sys.orig_argv:\n"
        "    print('starting', file=sys.stderr, flush=True)\n"
        "    time.sleep(600)\n"
    )
    env = {"PYTHONPATH": str(site)}
    if command == "run":
        program = await run_code(WAITS, "--local", local=True, env=env)
    else:
        program = await start(*COMMAND, "local", "--", "echo", "in", env=env)
    await program.says("^starting$", stream="err")
    program.signal(TERM)
    assert await program.ended() == (0 if command == "run" else 128 + TERM)
    assert "in" not in program.out.splitlines()
    assert "Error" not in program.err


# -- After the room ------------------------------------------------------------------------------

ENDS = """
import atexit, threading
async def bot(runner_args):
    {}
"""


async def test_signals_while_the_interpreter_exits(run_code, local_daily):
    program = await run_code(ENDS.format("atexit.register(time.sleep, 0.7)"))
    await program.says("^Room .* deleted$")
    sent = 0
    while program.process.returncode is None:
        program.signal(signal.SIGINT)
        sent += 1
        await asyncio.sleep(0.02)
    assert await program.ended() == 0
    assert sent > 2
    assert "Traceback" not in program.err
    assert "Exception" not in program.err


async def test_two_signals_end_a_process_that_a_thread_keeps(run_code, local_daily):
    program = await run_code(
        ENDS.format("threading.Thread(target=time.sleep, args=(600,)).start()")
    )
    await program.says("^Room .* deleted$")
    while program.process.returncode is None:
        program.signal(signal.SIGINT)
        await asyncio.sleep(0.1)
    assert await program.ended() == 0
    assert log(local_daily) == ["created", "deleted"]


# -- The local Daily of a bot that forks ---------------------------------------------------------

HOLDS = """
import os
async def bot(runner_args):
    if os.fork() == 0:
        os.close(1), os.close(2)  # which the test waits for
        time.sleep(600)
    print("in", flush=True)
    {}
"""


async def closed(link):
    """Wait until the server of the join link is closed."""
    port = int(link.split(":")[2].split("/")[0])
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return
        writer.close()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("killed", [False, True])
async def test_a_fork_of_the_bot_does_not_keep_the_local_daily(run_code, killed):
    code = HOLDS.format("await asyncio.Event().wait()" if killed else "pass")
    program = await run_code(code, "--local", local=True)
    link = await program.says(r"^(http://localhost:\d+/\S+)\n")
    await program.says("^in$")
    try:
        if killed:
            program.signal(signal.SIGKILL)
            await program.process.wait()
        else:
            assert await program.process.wait() == 0
        await closed(link)
    finally:
        os.killpg(program.process.pid, signal.SIGKILL)  # the fork


ENDED = """
import os
from pipecat_daily_rest.runner.local_daily_process import LocalDailyProcess
async def main():
    async with LocalDailyProcess(port=0) as child:
        pid = os.fork()
        if pid == 0:
            time.sleep(600)
    os.kill(pid, signal.SIGKILL)
    print("ended by itself", child._process.returncode)
asyncio.run(main())
"""


async def test_a_fork_does_not_keep_the_pipe_of_the_local_daily(run_code):
    program = await run_code(ENDED, script=True)
    assert await program.ended() == 0, program.err
    await program.says("^ended by itself 0$")
