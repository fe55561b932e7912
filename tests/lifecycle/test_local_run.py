# SPDX-License-Identifier: BSD-2-Clause
"""Runs with `--local`: the bot's process, and its local Daily as a child of it."""

import importlib.util
import os
import re
import signal
import socket
import sys
from pathlib import Path

import aiohttp
import pytest

from canary import leaks
from serving import state_of
from timings import timings_env

SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
LINK = r"^(http://localhost:(\d+)/pipecat-r[a-z0-9]{20}\?t=[\w.-]+)\n"
FACE = r"^See the rooms, their timelines and the requests: (http://localhost:\d+)/#(\S{32})$"
LOCAL_LOG = r"Local room \S+: deleted"
DEBUG = ("--local", "--log-level", "DEBUG")


@pytest.fixture
def bots():
    return Path(__file__).parent / "bots"


@pytest.fixture
def run(start, bots):
    async def run(name, *options, env=None, **how):
        command = (sys.executable, "-m", "pipecat_daily_rest", "run", bots / f"{name}.py")
        return await start(*command, *options, env=env, **how)

    return run


async def test_in_a_terminal_without_a_key_it_is_local_and_says_so(run):
    program = await run("returns", terminal=True)
    assert await program.ended() == 0
    out = program.out.replace("\r\n", "\n")
    assert "No DAILY_API_KEY: using a local Daily" in out
    assert re.search(LINK, out, re.MULTILINE)
    assert re.search(FACE, out, re.MULTILINE)
    said = ("Talk to the bot", "?t=", "See the rooms", "A web app joins local rooms")
    assert [out.index(each) for each in said] == sorted(out.index(each) for each in said)
    assert re.search(r"^Room .* deleted$", out, re.MULTILINE)
    assert "Traceback" not in out


@pytest.mark.parametrize("options", [(), ("--daily",)])
async def test_without_a_terminal_a_missing_key_is_an_error(run, options):
    program = await run("returns", *options)
    assert await program.ended() == 2
    assert program.err.startswith("Error: DAILY_API_KEY is not set.")
    assert "--local" in program.err
    assert "http://" not in program.out


async def test_daily_is_insisted_on_in_a_terminal(run):
    program = await run("returns", "--daily", terminal=True)
    assert await program.ended() == 2
    assert "DAILY_API_KEY is not set." in program.out


async def test_daily_and_local_contradict_each_other(run):
    program = await run("returns", "--daily", "--local")
    assert await program.ended() == 2
    assert program.err == "Error: --local and --daily contradict each other: leave one out.\n"


@SIGNALS
async def test_a_signal_to_every_process_of_the_group(run, number):
    program = await run("pipeline", *DEBUG)
    await program.says("^in$")
    os.killpg(program.process.pid, number)
    assert await program.ended() == 0
    log = [line for line in program.err.splitlines() if "Local room" in line]
    assert [line.rpartition(": ")[2].split(" (")[0] for line in log if "left" not in line] == [
        "created",
        "bot joined",
        "deleted",
    ]
    assert "bot left" in log[-2]
    assert log[-1].endswith("deleted")


async def test_ctrl_c_in_a_terminal(run):
    program = await run("pipeline", *DEBUG, terminal=True)
    await program.says(r"^in\r?$")
    program.type(b"\x03")
    assert await program.ended() == 0
    assert program.out.replace("\r", "").index("bot left") < program.out.index(": deleted")
    await program.says(r"^Room \S+ deleted\r?$")


async def test_the_local_daily_ends_first(run):
    program = await run("waits", *DEBUG)
    await program.says("^in$")
    for child in program.children():
        os.kill(child, signal.SIGKILL)
    assert await program.ended() == 1
    assert "out" in program.out
    assert program.err.count("Error: The local Daily ended before the bot did") == 1
    assert "Traceback" not in program.err


async def test_a_killed_run_leaves_no_process_behind(run):
    program = await run("waits", *DEBUG)
    await program.says("^in$")
    program.signal(signal.SIGKILL)
    # The child has stderr open too: the output ends when the child does.
    assert await program.ended() == -signal.SIGKILL


async def test_a_bot_that_loads_its_own_env_stays_local(run, tmp_path):
    (tmp_path / ".env").write_text(
        "DAILY_API_KEY=7f3e9c0d5a1b4e6f8a2c4d6e8f0a1b3c5d7e9f1a2b4c6d8e0f2a4b6c8d0e2f4a\n"
        "DAILY_API_URL=https://api.daily.co/v1\n"
        "DAILY_ROOM_URL=https://example.daily.co/my-room\n"
    )
    program = await run("overrides", "--local")
    assert await program.ended() == 0, program.err
    await program.says("^loaded 7f3e")
    await program.says("^room http://localhost")
    await program.says(r"^url http://127\.0\.0\.1:\d+/v1 none$")
    assert program.out.count("DAILY_ROOM_URL is ignored") == 1
    await program.says("^Room .* deleted$")


async def test_a_port_that_is_taken_is_an_error(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        program = await run("waits", "--local", "--port", str(port))
        assert await program.ended() == 2
    assert program.err.count("Error:") == 1
    assert str(port) in program.err
    assert "Traceback" not in program.err


async def test_two_runs_at_once(run):
    first, second = await run("waits", "--local"), await run("waits", "--local")
    ports = set()
    for program in (first, second):
        ports.add((await program.says(LINK)).split(":")[2].split("/")[0])
        await program.says("^in$")
    assert len(ports) == 2
    for program in (first, second):
        program.signal(signal.SIGTERM)
        assert await program.ended() == 0


async def test_without_aiortc(run, tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("import sys\nsys.modules['aiortc'] = None\n")
    program = await run("waits", "--local", env={"PYTHONPATH": str(site)})
    assert await program.ended() == 2
    assert "pip install 'pipecat-daily-rest[local]'" in program.err
    assert "Traceback" not in program.err


@pytest.fixture
def other_daily(tmp_path):
    """A `daily` that is not the stand-in, as daily-python is not."""
    package = tmp_path / "site" / "daily"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    return {"PYTHONPATH": str(package.parent)}


BOT = """
import daily
from pipecat_daily_rest.runner import main

async def bot(runner_args):
    print("in", getattr(daily, "__stand_in__", False), flush=True)

if __name__ == "__main__":
    main()
"""


async def test_a_script_that_imported_daily_python_restarts(start, tmp_path, other_daily):
    script = tmp_path / "mine.py"
    script.write_text(BOT)
    program = await start(sys.executable, script, "--local", env=other_daily)
    assert await program.ended() == 0, program.err
    await program.says("^in True$")
    assert program.out.count("Talk to the bot") == 1
    module = await start(sys.executable, "-m", "mine", "--local", env=other_daily)
    assert await module.ended() == 0, module.err
    await module.says("^in True$")


async def test_where_it_cannot_restart_it_says_what_to_do(start, tmp_path, other_daily):
    (tmp_path / "mine.py").write_text(BOT)
    inline = await start(
        sys.executable, "-c", "import mine; mine.main(mine.bot)", "--local", env=other_daily
    )
    code = (
        "import asyncio, daily\n"
        "from pipecat_daily_rest.runner import run_bot\n"
        "async def bot(runner_args): pass\n"
        "asyncio.run(run_bot(bot, local=True))\n"
    )
    in_code = await start(sys.executable, "-c", code, env=other_daily)
    assert await inline.ended() == 2
    assert "Traceback" not in inline.err
    assert await in_code.ended() == 1
    for program in (inline, in_code):
        assert "pipecat-daily-rest run bot.py --local" in program.err


async def test_an_unedited_bot_runs_where_there_is_no_daily_python(start, bots, without_daily):
    """Pipecat's import at its top fails there with `python bot.py`; with `run` it is the stand-in."""
    bot = bots / "any_pipecat.py"
    program = await start(
        *(sys.executable, "-m", "pipecat_daily_rest", "run", bot, "--local"), env=without_daily
    )
    await program.says("^session ")
    program.signal(signal.SIGTERM)
    assert await program.ended() == 0, program.err
    await program.says("^Room .* deleted$")
    direct = await start(sys.executable, bot, "--local", env=without_daily)
    assert await direct.ended() == 1
    assert "No module named 'daily'" in direct.err


@pytest.mark.real_daily
async def test_the_one_changed_line_works_with_daily_python(start, bots):
    """The README's `python bot.py`: Pipecat imports daily-python, and main() starts it again."""
    if importlib.util.find_spec("daily") is None:
        pytest.skip("daily-python is not installed")
    program = await start(sys.executable, bots / "any_pipecat.py", "--local")
    await program.says("^session ")
    assert program.out.count("Talk to the bot") == 1
    program.signal(signal.SIGTERM)
    assert await program.ended() == 0, program.err
    await program.says("^Room .* deleted$")


async def test_an_unedited_bot_with_daily_at_its_top_runs_with_run(run, other_daily):
    program = await run("pipeline", "--local", env=other_daily)
    await program.says("^in$")
    program.signal(signal.SIGTERM)
    assert await program.ended() == 0


async def test_run_bot_from_code(start, tmp_path):
    script = tmp_path / "mine.py"
    script.write_text(
        "import asyncio\n"
        "from pipecat_daily_rest.runner import run_bot\n"
        "async def bot(runner_args):\n"
        "    print('in', runner_args.body, runner_args.session_id)\n"
        "    raise ZeroDivisionError\n"
        "async def main():\n"
        "    try:\n"
        "        await run_bot(bot, local=True, body={'a': 1}, session_id='s')\n"
        "    except ZeroDivisionError:\n"
        "        print('caught')\n"
        "asyncio.run(main())\n"
    )
    program = await start(sys.executable, script)
    assert await program.ended() == 0, program.err
    await program.says(r"^in \{'a': 1\} s$")
    await program.says("^Room .* deleted$")
    await program.says("^caught$")


PLAIN = """
import asyncio
import aiohttp
from pipecat.runner.daily import configure

async def main():
    async with aiohttp.ClientSession() as session:
        url, token = await configure(session)
        print("room", url)
        import daily
        print("stand-in", daily.__stand_in__)

asyncio.run(main())
raise SystemExit(5)
"""


TAG = r'<script src="http://localhost:\d+/\.daily-js/reroute\.js"></script>'


async def test_local_runs_any_program(start, tmp_path):
    (tmp_path / "it.py").write_text(PLAIN)
    command = (sys.executable, "-m", "pipecat_daily_rest", "local", "--")
    program = await start(*command, sys.executable, "it.py")
    assert await program.ended() == 5, program.err
    await program.says(r"^room http://localhost:\d+/pipecat-[0-9a-f]{8}$")
    await program.says("^stand-in True$")
    await program.says(TAG, stream="err")
    await program.says(FACE, stream="err")
    missing = await start(*command, "no-such-command")
    assert await missing.ended() == 127
    assert "Error: cannot run 'no-such-command'" in missing.err


async def test_local_runs_a_program_that_takes_its_key_from_a_file(start, tmp_path):
    """Pipecat's runner and its quickstarts load .env over the environment."""
    key = "0123456789abcdef" * 4
    (tmp_path / ".env").write_text(f"DAILY_API_KEY={key}\n")
    loads = "import os, dotenv\ndotenv.load_dotenv('.env', override=True)\n"
    (tmp_path / "it.py").write_text(
        f"{loads}assert os.environ['DAILY_API_KEY'] == '{key}'\n{PLAIN}"
    )
    command = (sys.executable, "-m", "pipecat_daily_rest", "local")
    program = await start(*command, "--", sys.executable, "it.py")
    assert await program.ended() == 5, program.err
    assert not leaks(program.out + program.err, key)
    alone = await start(*command, "--port", "0")  # this one prints its key
    assert await alone.says("^export DAILY_API_KEY=(.*)$") != key
    await alone.says("^Ctrl-C ends it")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1"])
async def test_local_passes_signals_on(start, name):
    number = getattr(signal, name)
    code = (
        "import signal\n"
        "def end(number, _):\n"
        "    print('got', number, flush=True)\n"
        "    raise SystemExit(9)\n"
        f"for number in (signal.{name},):\n"
        "    signal.signal(number, end)\n"
        "print('in', flush=True)\n"
        "signal.pause()\n"
    )
    program = await start(
        sys.executable, "-m", "pipecat_daily_rest", "local", "--", sys.executable, "-c", code
    )
    await program.says("^in$")
    program.signal(number)
    assert await program.ended() == 9
    assert f"got {number.value}" in program.out


@SIGNALS
async def test_local_stays_up_and_prints_its_environment(start, number):
    program = await start(sys.executable, "-m", "pipecat_daily_rest", "local", "--port", "0")
    await program.says(r"^export DAILY_API_URL=http://127\.0\.0\.1:\d+/v1$")
    await program.says("^export DAILY_API_KEY=.{32,}$")
    await program.says("^export DAILY_ROOM_URL=''$")
    await program.says("^export PYTHONPATH=.*stand_in")
    await program.says(TAG)
    await program.says(FACE)
    await program.says("^Ctrl-C ends it")
    program.signal(number)
    assert await program.ended() == 0
    assert program.err == ""


async def test_version(start):
    program = await start(sys.executable, "-m", "pipecat_daily_rest", "version")
    assert await program.ended() == 0
    await program.says(r"^pipecat-daily-rest \d+\.\d+\.\d+$")
    await program.says(r"^pipecat-ai 1\.")


async def test_local_takes_faults_from_other_processes_only_when_asked(start):
    for options, status in (("--control",), 200), ((), 404):
        program = await start(
            *(sys.executable, "-m", "pipecat_daily_rest", "local", "--port", "0", *options)
        )
        url = await program.says(r"^export DAILY_API_URL=(http://\S+)/v1$")
        key = await program.says("^export DAILY_API_KEY=(.+)$")
        await program.says(FACE)
        fault = {"method": "POST", "path": "/rooms", "status": 503}
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
            async with session.post(f"{url}/.faults", json=fault) as answer:
                assert answer.status == status
            secret = re.search(FACE, program.out, re.MULTILINE)[2]
            own = {"Authorization": f"Bearer {secret}"}
            act = f"{url}/.face/do/advance"
            async with session.post(act, json={"seconds": 5}, headers=own) as answer:
                assert answer.status == status
            async with session.get(f"{url}/.face/rooms", headers=own) as answer:
                assert answer.status == 200
            async with session.post(f"{url}/v1/rooms", json={}) as answer:
                assert answer.status == (503 if options else 200)
        program.signal(signal.SIGTERM)
        assert await program.ended() == 0


async def test_an_unknown_log_level(start):
    program = await start(
        *(sys.executable, "-m", "pipecat_daily_rest", "local", "--log-level", "loud")
    )
    assert await program.ended() == 2
    assert "one of TRACE, DEBUG" in program.err
    assert "Traceback" not in program.err


async def test_the_local_daily_of_a_bot_that_blocks_does_not_outlive_the_command(run):
    env = timings_env(bot_grace=0.1, last_create=0.1)
    program = await run("blocks", *DEBUG, env=env)
    await program.says("^in$")
    children = program.children()
    program.signal(signal.SIGTERM)
    assert await program.process.wait() == 1
    assert [state_of(child) for child in children] == ["Z"] * len(children) != []
    await program.ended()
    assert "The bot blocked the event loop" in program.err
    await program.says(LOCAL_LOG, stream="err")
