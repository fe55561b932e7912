# SPDX-License-Identifier: BSD-2-Clause
"""A bot on the Pipecat that is installed; `make proof` runs it on the lowest and the newest."""

import re
import signal
import sys
import tomllib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import aiohttp
import pytest

from pipecat_daily_rest import DailyConfigError, configure, owned_rooms, provisioned_room
from pipecat_daily_rest._core.pipecat_version import LOWEST
from pipecat_daily_rest.runner import run_bot

BOT = Path(__file__).parent / "bots" / "any_pipecat.py"
HOWS = {"run": ("-m", "pipecat_daily_rest", "run", BOT), "main": (BOT,)}
LINK = r"^(http://localhost:\d+/\S+)\?t=(\S+)$"


@pytest.mark.parametrize("end", ["its person leaves", "SIGTERM"])
@pytest.mark.parametrize("how", HOWS)
async def test_a_bot_is_heard_and_its_room_is_deleted(start, local_daily, how, end):
    program = await start(sys.executable, *HOWS[how], env=local_daily.env())
    room, token = await program.says(LINK, groups=True)
    person = local_daily.join(room, token)
    await person.hears(3000)
    if end == "SIGTERM":
        program.signal(signal.SIGTERM)
    else:
        person.leave()
    assert await program.ended() == 0, program.err
    assert re.search(r"^session \S{36}$", program.out, re.MULTILINE)
    assert local_daily.rooms == {}


def test_the_lowest_pipecat_is_what_the_package_requires():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert f"pipecat-ai>={LOWEST},<2" in project["dependencies"]


@dataclass
class WithoutSession:
    """Pipecat 1.0's, which knew no sessions."""

    room_url: str
    token: str | None = None


@pytest.mark.parametrize("old", ["no session_id", "no such module"])
async def test_an_older_pipecat_is_refused_in_one_sentence(local_daily, monkeypatch, old):
    for name, value in local_daily.env().items():
        monkeypatch.setenv(name, value)
    async with provisioned_room() as room:
        types = ModuleType("pipecat.runner.types")
        types.DailyRunnerArguments = WithoutSession
        monkeypatch.setitem(sys.modules, types.__name__, types if old == "no session_id" else None)
        sentence = f"^pipecat-ai {version('pipecat-ai')} is too old.*'pipecat-ai>={LOWEST}'"
        with pytest.raises(DailyConfigError, match=sentence):
            room.runner_args()
    made = len(local_daily.requests)

    async def bot(runner_args):
        raise AssertionError

    with pytest.raises(DailyConfigError, match=sentence):
        await run_bot(bot)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(DailyConfigError, match=sentence):
            await configure(session)
    assert len(local_daily.requests) == made
    assert owned_rooms() == ()
