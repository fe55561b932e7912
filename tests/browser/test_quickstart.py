# SPDX-License-Identifier: BSD-2-Clause
"""A bot's process, its room, and people in real browsers."""

import asyncio
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from pipecat_daily_rest.local import LocalDaily
from sounds import speech

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ROOT = Path(__file__).parents[2]
RATE = 48_000


@pytest_asyncio.fixture(loop_scope="session")
async def bot(local_daily: LocalDaily):
    """Starts a bot's process, and gives it and the link that it prints."""
    processes = []

    async def bot(path):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pipecat_daily_rest", "run", str(ROOT / path)),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **local_daily.env()},
        )
        processes.append(process)
        while not (line := (await process.stdout.readline()).decode()).startswith("http"):
            assert line, "the bot ended before it printed its link"
        await local_daily.state.log.wait_for("bot joined")
        return process, line.strip()

    yield bot
    for process in processes:
        if process.returncode is None:
            process.terminate()
        await process.communicate()
        assert process.returncode == 0
    assert local_daily.rooms == {}


async def test_the_echo_of_the_quickstart(bot, browser_person):
    _, link = await bot("examples/quickstart.py")
    pause = np.zeros(RATE * 6, np.int16)
    says = np.concatenate([speech(RATE, tone_hz=3300), pause])
    ana = await browser_person(link, name="Ana", says=says)
    await ana.join()
    await ana.hears(3300)  # the bot's voice: the room never plays back her own
    await ana.page.reload()
    if await ana.page.evaluate("document.body.dataset.state") == "idle":
        await ana.page.click("#enter")
    await ana.state("joined")
    await ana.hears(3300)


async def test_the_quickstart_without_a_microphone(bot, browser_person):
    _, link = await bot("examples/quickstart.py")
    ana = await browser_person(link, may_use_microphone=False)
    await ana.join()
    await ana.sees("listening", "#people")
    await ana.page.click("#type")
    await ana.page.keyboard.type("hello <b>")
    await ana.page.keyboard.press("Enter")
    await ana.sees("You wrote: hello <b>", "#log li[data-own=false]")
    await ana.page.click("#play")
    await ana.sees("answered in", "#people")  # it has repeated the sample
    assert await ana.page.locator("#log li[data-kind=chat]").count() == 2


async def test_what_is_typed_reaches_a_language_model_once(bot, browser_person):
    process, link = await bot("tests/lifecycle/bots/reads.py")
    ana = await browser_person(link)
    await ana.join()
    await ana.sees("listening", "#people")  # it has answered as an RTVI bot
    for text in ("hello", "bye"):
        await ana.page.fill("#message", text)
        await ana.page.press("#message", "Enter")
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        assert line.decode() == f"user typed {text}\n"


async def test_two_people_and_a_bot(bot, browser_person, local_daily):
    process, link = await bot("tests/lifecycle/bots/hears.py")
    ana = await browser_person(link, tone_hz=500, name="Ana")
    bo = await browser_person(link, tone_hz=1500, name="Bo")
    await ana.join()
    await bo.join()
    await asyncio.gather(ana.hears(1500), ana.hears(3000), bo.hears(500), bo.hears(3000))
    (room,) = local_daily.rooms.values()
    people = {p.user_name: p.id for p in room.participants.values() if p.kind == "person"}
    wanted = {(people["Ana"], 500), (people["Bo"], 1500)}
    heard = set()
    async with asyncio.timeout(60):
        while not wanted <= heard:
            line = (await process.stdout.readline()).decode()
            if found := re.fullmatch(r"heard (\S+) (\d+)\n", line):
                heard.add((found[1], int(found[2])))
    assert {pair for pair in heard if pair[1] in (500, 1500)} == wanted
