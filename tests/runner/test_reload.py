# SPDX-License-Identifier: BSD-2-Clause
"""`--reload`: real processes, and files that are saved."""

import json
import os
import re
import signal
import sys

import pytest

from pipecat_daily_rest import DailyRoomParams, provisioned_room
from serving import all_gone, family
from timings import timings_env

RUN = ("-m", "pipecat_daily_rest", "run", "mine.py")
BOTH = pytest.mark.parametrize("how", [RUN, ("mine.py",)])
WAITS = """
import asyncio, json, os, sys
async def bot(runner_args):
    print("in WORD", json.dumps([os.getpid(), runner_args.session_id, runner_args.room_url,
        sys.argv[1:], runner_args.body, runner_args.cli_args.body]))
    try:
        await asyncio.Event().wait()
    finally:
        print("out WORD")
if __name__ == "__main__":
    from pipecat_daily_rest.runner import main
    main()
"""
# Ignores what tells it to stop; nobody but a kill gets it out of the room.
STAYS = """
import asyncio
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.utils import create_transport
from pipecat.transports.daily.transport import DailyParams
from pipecat.workers.runner import WorkerRunner

async def bot(runner_args):
    transport = await create_transport(runner_args, {"daily": DailyParams})
    worker = PipelineWorker(
        Pipeline([transport.input(), transport.output()]), idle_timeout_secs=None
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    while True:
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            print("no WORD")
"""
NEW = "A new bot comes into the room.\n"
WAITING = "The room waits for the next save.$"


def waits(word):
    return WAITS.replace("WORD", word)


def log(daily):
    return [entry.what for entry in daily.state.log.entries]


@pytest.fixture
def save(tmp_path):
    """Saves the bot's file as editors do: another file takes its place."""

    def save(text, name="mine.py"):
        (tmp_path / "unsaved").write_text(text)
        os.replace(tmp_path / "unsaved", tmp_path / name)

    return save


@pytest.fixture
def reloading(start, save, local_daily):
    """Starts a bot with `--reload` on the test's own local Daily, as its Daily."""

    async def reloading(text, *options, how=RUN, env=None):
        save(text)
        environment = {**local_daily.env(), **(env or {})}
        return await start(sys.executable, *how, "--reload", *options, env=environment)

    return reloading


async def a_bot(program, word):
    """Wait for a bot; give what it got."""
    return json.loads(await program.says(f"^in {word} (.*)\n"))


async def ends(program, local_daily, number=signal.SIGINT):
    """End it by a signal, and see that nothing is left."""
    processes = family(program.process.pid)
    program.signal(number)
    assert await program.ended() == 0, program.err
    await program.says(r"^Room \S+ deleted$")
    await all_gone(processes)
    assert local_daily.rooms == {}
    assert "Traceback" not in program.err


@BOTH
async def test_a_save_brings_a_new_bot_into_the_same_room(reloading, local_daily, save, how):
    options = ("--body", "[1]", "--", "--own")
    program = await reloading(waits("one"), *options, how=how)
    (first, *given) = await a_bot(program, "one")
    assert given == [given[0], given[1], ["--own"], [1], "[1]"]
    (room,) = local_daily.rooms
    assert given[1].endswith(room)
    save(waits("two"))
    (second, *again) = await a_bot(program, "two")
    assert again == given
    assert len({first, second, program.process.pid}) == 3
    assert program.out.index("out one") < program.out.index("in two")
    said = [program.out.index(each) for each in ("Saved: mine.py.\n", NEW, "in two")]
    assert said == sorted(said)
    assert program.out.count(NEW) == 1
    assert program.out.count("http") == 3  # the link, and what each bot got
    await all_gone([first])
    await ends(program, local_daily)
    assert log(local_daily) == ["created", "deleted"]


async def test_an_error_is_shown_and_the_room_waits(reloading, local_daily, save, tmp_path):
    program = await reloading("async def bot(runner_args)\n")
    await program.says(f"^The bot cannot be loaded. {WAITING}")
    await program.says(
        f'mine.py cannot be loaded.\n  File "{tmp_path}/mine.py", line 1', stream="err"
    )
    (tmp_path / "parts").mkdir()
    save("def voice():\n    raise LookupError('none')\n", "parts/voice.py")
    save("from parts.voice import voice\nvoice()\n")
    await program.says("^LookupError: none$", stream="err")
    frames = re.findall(r'File "(.*)", line', program.err)
    assert [os.path.relpath(each, tmp_path) for each in frames] == [
        *("mine.py", "mine.py", "parts/voice.py")
    ]
    save("def bot(runner_args):\n    pass\n")
    await program.says("^bot must be an async function", stream="err")
    save(waits("well"))
    await a_bot(program, "well")
    assert log(local_daily) == ["created"]
    program.signal(signal.SIGTERM)
    assert await program.ended() == 0
    assert program.out.count(NEW) == 1  # the others were none


ENDS = [
    ("print('over')", "The bot has ended."),
    ("raise ValueError(runner_args.token)", "The bot has ended: ValueError: ***."),
    ("raise SystemExit(3)", "The bot has ended: exit(3)."),
    ("import os; os._exit(3)", "The bot's process died."),
]


async def test_a_bot_that_ends_by_itself(reloading, local_daily, save):
    program = await reloading(f"async def bot(runner_args):\n    {ENDS[0][0]}\n")
    for number, (_, says) in enumerate(ENDS):
        await program.says(f"^{re.escape(says)} {WAITING}")
        line = ENDS[number + 1][0] if number + 1 < len(ENDS) else None
        save(f"async def bot(runner_args):\n    {line}\n" if line else waits("last"))
    await a_bot(program, "last")
    assert re.findall(r'File "(.*)", line 2, in bot', program.err)
    assert "eyJ" not in program.err
    program.signal()
    assert await program.ended() == 0
    assert log(local_daily) == ["created", "deleted"]


async def test_a_bot_that_does_not_leave_is_killed_before_the_next_one_comes(
    reloading, local_daily, save
):
    program = await reloading(STAYS.replace("WORD", "one"), env=timings_env(bot_grace=0.5))
    await local_daily.state.log.wait_for("bot joined")
    save(STAYS.replace("WORD", "two"))
    await program.says("^no one\n")
    await local_daily.state.log.wait_for("bot joined", count=2)
    await program.says("The bot did not end and was killed$", stream="err")
    await ends(program, local_daily, signal.SIGTERM)
    assert "Session" not in program.err
    joins = [what for what in log(local_daily) if what in ("bot joined", "bot left")]
    assert joins == ["bot joined", "bot left"] * 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_it(reloading, local_daily, number):
    program = await reloading(waits("one"))
    await a_bot(program, "one")
    await ends(program, local_daily, number)
    assert "out one" in program.out


async def test_a_second_signal_ends_the_grace(reloading, local_daily):
    stays = "async def bot(runner_args):\n    import time\n    print('in')\n    time.sleep(1e6)\n"
    program = await reloading(stays, env=timings_env(bot_grace=250, process_end=250, echo=0))
    await program.says("^in\n")
    program.signal(signal.SIGTERM)
    await ends(program, local_daily)


async def test_a_signal_while_the_room_waits_for_a_save(reloading, local_daily):
    program = await reloading("1 / 0\n")
    await program.says(WAITING)
    program.signal()
    assert await program.ended() == 0
    assert local_daily.rooms == {}


async def test_ctrl_c_in_a_terminal_with_a_local_daily_of_its_own(start, save, tmp_path):
    """The bot's own `load_dotenv(override=True)` leads nobody to Daily's own."""
    (tmp_path / ".env").write_text(
        "DAILY_API_URL=https://api.daily.co/v1\nDAILY_ROOM_URL=https://x.daily.co/mine\n"
    )
    top = "from dotenv import load_dotenv\nload_dotenv('.env', override=True)\n"
    url = "print('url', os.environ['DAILY_API_URL'], os.environ['DAILY_ROOM_URL'], '.')\n"
    text = top + waits("WORD").replace("    try:", f"    {url}    try:")
    save(text.replace("WORD", "one"))
    program = await start(sys.executable, *RUN, "--reload", "--local", terminal=True)
    await program.says(r"^in one ")
    await program.says(r"^url http://127\.0\.0\.1:\d+/v1  \.")
    save(text.replace("WORD", "two"))
    await program.says(r"^in two ")
    processes = family(program.process.pid)
    program.type(b"\x03")
    assert await program.ended() == 0
    await program.says(r"^Room \S+ deleted\r?$")
    await all_gone(processes)


async def test_a_killed_runner_takes_its_bot_along(reloading, local_daily):
    program = await reloading(STAYS)
    await local_daily.state.log.wait_for("bot joined")
    processes = family(program.process.pid)
    program.signal(signal.SIGKILL)
    await all_gone(processes)
    await local_daily.state.log.wait_for("bot left")


async def test_an_expired_room_is_replaced(reloading, local_daily):
    program = await reloading(waits("one"), "--lifetime", "2")
    first = (await a_bot(program, "one"))[:3]
    await program.says(r"(?s)^in one .*^in one .*\n")  # no save has been needed
    second = json.loads(re.findall("^in one (.*)$", program.out, re.M)[1])[:3]
    assert [a == b for a, b in zip(first, second, strict=True)] == [False, True, False]
    assert len(re.findall(rf"^{re.escape(second[2])}\?t=", program.out, re.M)) == 1
    program.signal()
    assert await program.ended() == 0
    assert local_daily.rooms == {}


async def test_a_room_that_somebody_has_deleted_is_replaced_at_the_next_save(
    reloading, local_daily, helper, save
):
    program = await reloading(waits("one"))
    first = (await a_bot(program, "one"))[2]
    await helper.delete_room_by_url(first)
    save(waits("two"))
    second = (await a_bot(program, "two"))[2]
    assert second != first
    await program.says(rf"^{re.escape(second)}\?t=")
    await ends(program, local_daily)


async def test_a_given_room_stays_and_gets_new_tokens(reloading, local_daily, save):
    async with provisioned_room(
        DailyRoomParams(name="given"), api_key=local_daily.api_key, api_url=local_daily.api_url
    ) as room:
        program = await reloading(waits("one"), "--room-url", room.url, "--lifetime", "1")
        await a_bot(program, "one")
        save(waits("two"))  # the tokens are over by then, or at the next one
        await a_bot(program, "two")
        save(waits("three"))
        await a_bot(program, "three")
        links = set(re.findall(rf"^{re.escape(room.url)}\?t=\S+$", program.out, re.M))
        assert len(links) > 1
        program.signal()
        assert await program.ended() == 0
        assert "deleted" not in program.out
        assert "given" in local_daily.rooms


async def test_a_bot_in_a_package(reloading, save, tmp_path, local_daily):
    (tmp_path / "agent").mkdir()
    save("WORD = 'one'\n", "agent/word.py")
    top = "from .word import WORD\n"
    save(top + waits("WORD").replace('"in WORD"', '"in", WORD'), "agent/bot.py")
    program = await reloading("", how=("-m", "agent.bot"))
    await a_bot(program, "one")
    save("WORD = 'two'\n", "agent/word.py")
    await a_bot(program, "two")
    await ends(program, local_daily)


async def test_where_processes_cannot_be_forked(reloading, save, tmp_path, local_daily):
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(1e6,), daemon=True).start()\n"
    )
    path = os.pathsep.join([local_daily.env()["PYTHONPATH"], str(site)])
    program = await reloading(waits("one"), env={"PYTHONPATH": path})
    await a_bot(program, "one")
    assert "started anew" in program.err
    save(waits("two"))
    await a_bot(program, "two")
    await ends(program, local_daily)


async def test_a_bot_that_no_process_can_import_is_one_sentence(start, tmp_path, local_daily):
    (tmp_path / "mine.py").write_text(
        "from pipecat_daily_rest.runner import main\n"
        "async def other(runner_args):\n    pass\n"
        "if __name__ == '__main__':\n    main(other)\n"
    )
    for how, says in ((("mine.py",), "another process cannot import 'other'"), (RUN, None)):
        program = await start(sys.executable, *how, "--reload", env=local_daily.env())
        if says is None:  # the file is loaded when there is a room
            await program.says(WAITING)
            await program.says("mine.py defines no bot()", stream="err")
            program.signal()
            assert await program.ended() == 0
        else:
            assert await program.ended() == 2
            assert says in program.err
        assert "Traceback" not in program.err
