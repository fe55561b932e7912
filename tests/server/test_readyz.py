# SPDX-License-Identifier: BSD-2-Clause
"""A bot file's ``readyz()``: asked once for all who want to know, never at a session's expense."""

import asyncio

import pytest

from pipecat_daily_rest.server import EndReason, ProcessLauncher, StartRequest, sessions
from serving import LAUNCHERS, until

BOT = """
import asyncio, os, pathlib, sys, time

HERE = pathlib.Path(__file__).parent

async def bot(runner_args):
    pass

{readyz}
"""
COUNTS = """
def readyz():
    with (HERE / "asked").open("a") as file:
        print(os.getpid(), file=file)
    return not (HERE / "no").exists()
"""
BLOCKS = """
def readyz():
    if (HERE / "blocks").exists():
        (HERE / "blocked").touch()
        time.sleep(600)
    return True
"""
NEVER = """
async def readyz():
    if (HERE / "blocks").exists():
        (HERE / "blocked").touch()
        await asyncio.Event().wait()
    return True
"""
EXITS = """
def readyz():
    if (HERE / "blocks").exists():
        (HERE / "blocked").touch()
        sys.exit(1)
    return True
"""


@pytest.fixture
def bot(tmp_path):
    def bot(readyz):
        place = tmp_path / "ready_bot.py"
        place.write_text(BOT.format(readyz=readyz))
        return str(place)

    return bot


async def says(serving, answer):
    while await serving.ready() is not answer:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("launcher", ["task", "fork", "spawn"])
async def test_all_who_ask_at_once_share_one_answer(serve, bot, tmp_path, launcher):
    serving = await serve(bot(COUNTS), launcher=LAUNCHERS[launcher]())
    assert await asyncio.gather(*(serving.ready() for _ in range(20))) == [True] * 20
    assert len((tmp_path / "asked").read_text().split()) == 1
    (tmp_path / "no").touch()
    assert await serving.ready() is False
    (tmp_path / "no").unlink()
    assert await serving.ready() is True
    assert len(set((tmp_path / "asked").read_text().split())) == 1  # the same process, each time


@pytest.mark.parametrize(
    ("launcher", "readyz"), [("fork", BLOCKS), ("spawn", BLOCKS), ("fork", NEVER), ("spawn", EXITS)]
)
async def test_a_child_that_does_not_answer_gets_no_session(
    serve, bot, tmp_path, monkeypatch, launcher, readyz
):
    monkeypatch.setattr(sessions, "_READY", 0.3)
    serving = await serve(bot(readyz), launcher=LAUNCHERS[launcher]())
    (tmp_path / "blocks").touch()
    asking = asyncio.create_task(serving.ready())
    await until((tmp_path / "blocked").exists)
    session = await serving.start(StartRequest(create_room=False))
    assert (await session.wait()).reason is EndReason.FINISHED
    assert await asking is False
    assert (await (await serving.start(StartRequest())).wait()).reason is EndReason.FINISHED
    (tmp_path / "blocks").unlink()
    await says(serving, True)  # a new child is asked once it has loaded the bot


async def test_where_no_child_waits_one_is_made_to_be_asked(serve, bot, tmp_path):
    serving = await serve(bot(COUNTS), launcher=ProcessLauncher(warm=0))
    await (await serving.start(StartRequest())).wait()  # it takes the only child
    (tmp_path / "no").touch()
    await says(serving, False)
    (tmp_path / "no").unlink()
    await (await serving.start(StartRequest())).wait()
    await says(serving, True)


async def test_a_task_that_does_not_answer_is_not_ready(serve, bot, tmp_path, monkeypatch, said):
    monkeypatch.setattr(sessions, "_READY", 0.1)
    serving = await serve(bot(NEVER), launcher="task")
    assert await serving.ready() is True
    (tmp_path / "blocks").touch()
    assert await serving.ready() is False
    assert [each for each in said if "did not answer within 0.1 s" in each["message"]]


async def test_a_launcher_whose_ready_raises_is_not_ready(serve, said):
    serving = await serve()

    async def ready():
        raise ZeroDivisionError

    serving.launcher.ready = ready
    assert await serving.ready() is False
    assert [each for each in said if "ready() raised ZeroDivisionError" in each["message"]]
