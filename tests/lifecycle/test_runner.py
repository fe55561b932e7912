# SPDX-License-Identifier: BSD-2-Clause
"""`pipecat-daily-rest run` as real processes, on a local Daily in the test's process."""

import os
import re
import signal
import sys

import pytest

from pipecat_daily_rest import DailyRoomParams, provisioned_room
from sizes import pairs

LINK = r"^(http://localhost:\d+/pipecat-r[a-z0-9]{20}\?t=[\w.-]+)\n"
DELETED = r"^Room pipecat-r[a-z0-9]{20} deleted$"
SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


def log(daily):
    return [entry.what for entry in daily.state.log.entries]


def quiet(program):
    """Nothing but what is meant for people: no traceback, no token."""
    assert "Traceback" not in program.err
    assert "eyJ" not in program.err


async def test_a_bot_that_returns(run_bot, local_daily):
    program = await run_bot("returns")
    assert await program.ended() == 0
    link = await program.says(LINK)
    room, _, token = link.rpartition("?t=")
    assert f"in DailyRunnerArguments {room}" in program.out
    assert local_daily.state.domain.read_token(token)["is_owner"] is False
    await program.says(DELETED)
    assert log(local_daily) == ["created", "deleted"]
    quiet(program)


async def test_a_bot_that_raises_keeps_its_traceback(run_bot, local_daily):
    program = await run_bot("raises")
    assert await program.ended() == 1
    assert "ZeroDivisionError: the bot's own fault" in program.err
    assert "raises.py" in program.err
    assert log(local_daily) == ["created", "deleted"]
    await program.says(DELETED)


async def test_a_bot_that_exits(run_bot, local_daily):
    program = await run_bot("exits")
    assert await program.ended() == 7
    assert log(local_daily) == ["created", "deleted"]


@SIGNALS
async def test_a_signal_ends_a_bot_in_order(run_bot, local_daily, number):
    program = await run_bot("waits", "--log-level", "CRITICAL")
    await program.says("^in$")
    program.signal(number)
    assert await program.ended() == 0
    assert program.out.index("out") < program.out.index("deleted")
    await program.says(DELETED)
    assert log(local_daily) == ["created", "deleted"]
    quiet(program)


@SIGNALS
@pytest.mark.parametrize("runner", ["plain", "sigterm"])
async def test_pipecats_worker_runner_does_not_take_the_signals(
    run_bot, local_daily, number, runner
):
    program = await run_bot("pipeline", env={"BOT_RUNNER": runner})
    await program.says("^in$")
    program.signal(number)
    assert await program.ended() == 0
    await program.says(DELETED)
    assert log(local_daily) == ["created", "bot joined", "bot left", "deleted"]
    quiet(program)


@SIGNALS
async def test_a_bots_own_handlers_are_called_as_well(run_bot, local_daily, number):
    program = await run_bot("handlers")
    await program.says("^in$")
    program.signal(number)
    assert await program.ended() == 0
    own = {signal.SIGINT: "own signal.signal", signal.SIGTERM: "own add_signal_handler"}
    assert own[number] in program.out
    assert log(local_daily) == ["created", "deleted"]


@SIGNALS
@pytest.mark.parametrize("bot", ["stubborn", "blocks", "blocks_at_the_end"])
async def test_a_bot_that_does_not_end(run_bot, local_daily, within, number, bot):
    program = await run_bot(bot)
    await program.says("^in$")
    program.signal(number)
    with within(9, "a runner is gone after a signal: a bot that does not end"):
        assert await program.ended() == 1
    await program.says(DELETED)
    assert log(local_daily) == ["created", "deleted"]
    assert program.err.count("Error:") == 1
    quiet(program)


async def test_a_second_signal_shortens_the_wait_and_not_the_deletion(run_bot, local_daily):
    program = await run_bot("stubborn")
    await program.says("^in$")
    program.signal(signal.SIGTERM)
    await program.says("^no$")
    program.signal(signal.SIGTERM)
    assert await program.ended() == 1
    assert log(local_daily) == ["created", "deleted"]


async def test_a_thread_that_never_ends_does_not_keep_the_process(run_bot, local_daily):
    program = await run_bot("lingers")
    await program.says("^in$")
    program.signal(signal.SIGTERM)
    assert await program.ended() == 0
    assert log(local_daily) == ["created", "deleted"]


async def test_a_lifetime_ends_the_bot(run_bot, local_daily):
    program = await run_bot("waits", "--lifetime", "1")
    assert await program.ended() == 0
    assert "out" in program.out
    assert local_daily.rooms == {}


async def test_a_given_room_is_used_and_stays(run_bot, local_daily):
    name = "given"
    async with provisioned_room(
        DailyRoomParams(name=name), api_key=local_daily.api_key, api_url=local_daily.api_url
    ) as room:
        program = await run_bot("returns", "--room-url", room.url)
        assert await program.ended() == 0
        assert "deleted" not in program.out
        assert name in local_daily.rooms


async def test_sip(run_bot):
    program = await run_bot("returns", "--sip", "--name-prefix", "phone")
    assert await program.ended() == 0
    await program.says(r"^SIP: sip:\S+@\S+$")
    await program.says(r"^http://localhost:\d+/phone-r")


@pytest.mark.parametrize(
    ("bot", "options", "env", "says"),
    [
        ("waits", (), {"DAILY_API_KEY": "wrong"}, "check DAILY_API_KEY"),
        ("waits", (), {"DAILY_API_URL": "nonsense"}, "DAILY_API_URL"),
        ("waits", (), {"DAILY_API_URL": "http://127.0.0.1:1/v1"}, "no answer from http://127"),
        ("waits", ("--room-url", "http://localhost:1/gone"), {}, "Room not found: gone"),
        ("waits", ("--local", "--room-url", "http://x/y"), {}, "leave out --room-url"),
        ("nothing", (), {}, "nothing.py defines no bot()"),
        ("missing", (), {}, "There is no file"),
    ],
)
async def test_an_error_is_one_sentence(run_bot, local_daily, bot, options, env, says):
    program = await run_bot(bot, *options, env=env)
    assert await program.ended() in (1, 2)
    assert says in program.err
    assert program.err.count("Error:") == 1
    assert local_daily.api_key not in program.err
    assert log(local_daily) == []
    quiet(program)


async def test_a_local_room_refuses_a_bot_with_daily_python(run_bot, tmp_path, local_daily):
    """Without the stand-in on its path a join would hang for 19 s and never end."""
    fake = tmp_path / "site" / "daily"
    fake.mkdir(parents=True)
    (fake / "__init__.py").write_text("")
    program = await run_bot("waits", env={"PYTHONPATH": str(fake.parent)})
    assert await program.ended() == 2
    assert "--local" in program.err
    assert log(local_daily) == ["created", "deleted"]
    quiet(program)


async def test_python_bot_py(start, local_daily, tmp_path):
    script = tmp_path / "mine.py"
    script.write_text(
        "from pipecat_daily_rest.runner import main\n"
        "async def bot(runner_args):\n"
        "    print('in', runner_args.room_url)\n"
        "if __name__ == '__main__':\n"
        "    main()\n"
    )
    program = await start(sys.executable, script, env=local_daily.env())
    assert await program.ended() == 0
    await program.says("^in http")
    assert log(local_daily) == ["created", "deleted"]
    helped = await start(sys.executable, script, "--help")
    assert await helped.ended() == 0
    assert "--local" in helped.out


async def test_dotenv_is_read(run_bot, start, local_daily, tmp_path):
    (tmp_path / ".env").write_text(
        f"DAILY_API_KEY={local_daily.api_key}\nDAILY_API_URL={local_daily.api_url}\n"
    )
    program = await run_bot("returns", env={"DAILY_API_KEY": "wrong", "DAILY_API_URL": ""})
    assert await program.ended() == 0
    assert log(local_daily) == ["created", "deleted"]
    assert os.environ.get("DAILY_API_KEY") is None


@pytest.mark.parametrize("how", ["run", "main", "run_bot"])
async def test_without_daily_python_no_room_is_made(
    start, local_daily, tmp_path, without_daily, how
):
    (tmp_path / "mine.py").write_text(
        "import asyncio, sys\n"
        "from pipecat_daily_rest.runner import main, run_bot\n"
        "async def bot(runner_args):\n"
        "    print('in')\n"
        "if __name__ == '__main__':\n"
        "    asyncio.run(run_bot(bot)) if sys.argv[1:] else main()\n"
    )
    command = {
        "run": ["-m", "pipecat_daily_rest", "run", "mine.py"],
        "main": ["mine.py"],
        "run_bot": ["mine.py", "in code"],
    }[how]
    program = await start(sys.executable, *command, env={**local_daily.env(), **without_daily})
    assert await program.ended() == (1 if how == "run_bot" else 2)
    assert "pip install 'pipecat-daily-rest[daily]'" in program.err
    assert "pipecat-daily-rest run bot.py --local" in program.err
    assert ("Traceback" in program.err) == (how == "run_bot")
    assert local_daily.requests == []
    assert program.out == ""


@pytest.mark.parametrize("form", ["def bot(runner_args)", "async def bot()"])
@pytest.mark.parametrize("how", [("-m", "pipecat_daily_rest", "run", "mine.py"), ("mine.py",)])
async def test_no_room_is_created_for_what_cannot_be_a_bot(start, local_daily, tmp_path, how, form):
    (tmp_path / "mine.py").write_text(
        f"from pipecat_daily_rest.runner import main\n{form}:\n    print('in')\n"
        "if __name__ == '__main__':\n    main()\n"
    )
    program = await start(sys.executable, *how, env=local_daily.env())
    assert await program.ended() == 2
    assert program.err.startswith("Error: bot must ")
    assert program.err.endswith(", as in `async def bot(runner_args)`.\n")
    assert local_daily.requests == []


FAILING = {
    "bot": (
        "async def bot(runner_args):\n    await fails(runner_args)\n"
        "async def fails(runner_args):\n"
        "    try:\n        1 / 0\n"
        "    except ZeroDivisionError as exc:\n"
        "        raise ValueError(f'no call with {runner_args.token}') from exc\n",
        ["fails", "bot", "fails"],
    ),
    "group": (
        "import asyncio\n"
        "async def bot(runner_args):\n"
        "    async with asyncio.TaskGroup() as group:\n"
        "        group.create_task(fails())\n"
        "async def fails():\n    raise LookupError\n",
        ["bot", "fails"],
    ),
    "decorated": (
        "from pipecat_daily_rest import deletes_room\n"
        "@deletes_room\nasync def bot(runner_args):\n    raise LookupError\n",
        ["bot"],
    ),
    "no Exception": (
        "class Stop(BaseException): pass\n"
        "async def bot(runner_args):\n    raise Stop(runner_args.token)\n",
        ["bot"],
    ),
    "import": ("1 / 0\n", ["<module>"]),
    "syntax": ("async def bot(runner_args)\n", []),
}


@pytest.mark.large
@pytest.mark.parametrize(
    ("fault", "how"),
    pairs(list(FAILING), [("-m", "pipecat_daily_rest", "run", "mine.py"), ("mine.py",)]),
)
async def test_a_bots_traceback_begins_with_its_own_lines(start, local_daily, tmp_path, how, fault):
    text, frames = FAILING[fault]
    end = "if __name__ == '__main__':\n    from pipecat_daily_rest.runner import main\n    main()\n"
    (tmp_path / "mine.py").write_text(text + end)
    program = await start(sys.executable, *how, env=local_daily.env(), forked=False)
    assert await program.ended() == 1
    places = re.findall(r'File "(.*)", line \d+(?:, in (\S+))?', program.err)
    firsts = [where for file, where in places if "asyncio" not in file]
    assert firsts == frames if frames else places == [(f"{tmp_path}/mine.py", "")]
    assert "mine.py" in places[0][0]
    assert not [file for file, _ in places if "pipecat_daily_rest" in file or "frozen" in file]
    assert "eyJ" not in program.err
    assert local_daily.rooms == {}


async def test_main_finds_a_bot_module_beside_the_script(start, local_daily, tmp_path):
    (tmp_path / "bot.py").write_text("async def bot(runner_args):\n    print('in')\n")
    (tmp_path / "mine.py").write_text("from pipecat_daily_rest.runner import main\nmain()\n")
    program = await start(sys.executable, tmp_path / "mine.py", env=local_daily.env())
    assert await program.ended() == 0, program.err
    await program.says("^in$")
    (tmp_path / "bot.py").unlink()
    nothing = await start(sys.executable, tmp_path / "mine.py", env=local_daily.env())
    assert await nothing.ended() == 2
    assert "mine.py defines no bot()" in nothing.err
    assert "Traceback" not in nothing.err
