# SPDX-License-Identifier: BSD-2-Clause
"""Keys and tokens in all that real processes print: the one join link of a runner, and no more."""

import json
import re
import secrets
import signal
import sys
from pathlib import Path

import pytest

from canary import leaks
from pipecat_daily_rest.local import LocalDaily

COMMAND = [sys.executable, "-m", "pipecat_daily_rest"]
BOTS = Path(__file__).parent / "bots"
LINK = r"^http://localhost:\d+/pipecat-r[a-z0-9]{20}\?t=(\S+)\n"
LOUD = {
    "LOGURU_LEVEL": "TRACE",
    "PYTHONASYNCIODEBUG": "1",
    "PYTHONDEVMODE": "1",
    "PYTHONWARNINGS": "default",
}


@pytest.fixture
async def local_daily():
    async with LocalDaily(api_key=secrets.token_hex(32)) as daily:
        yield daily


@pytest.fixture
def run(run_bot):
    async def run(ends, *options, **env):
        return await run_bot(
            "talkative", "--log-level", "TRACE", *options, env={**LOUD, "BOT_ENDS": ends, **env}
        )

    return run


def said_beside_the_link(program):
    """All that was printed, without the one line that is meant to carry a token."""
    assert len(re.findall(LINK, program.out, re.MULTILINE)) == 1
    return re.sub(LINK, "", program.out, flags=re.MULTILINE) + program.err


@pytest.mark.parametrize(
    ("ends", "code"), [("returns", 0), ("logs", 0), ("raises", 1), ("tells", 1), ("talks", 0)]
)
async def test_a_run(run, local_daily, tmp_path, ends, code):
    program = await run(ends)
    token = await program.says(LINK)
    if ends == "talks":
        await program.says("^in$")
        program.signal(signal.SIGTERM)
    assert await program.ended() == code
    said = said_beside_the_link(program)
    assert (tmp_path / "key").read_text() == local_daily.api_key  # the bot itself has it
    assert "DailyRunnerArguments(" in said
    assert ("ZeroDivisionError" in said) == (ends in ("logs", "raises", "tells"))
    assert ("no call with *** and ***" in said) == (ends == "tells")
    assert not leaks(said, local_daily.api_key, token)


async def test_the_link_that_is_opened(run, local_daily):
    program = await run("returns", "--open", BROWSER="true")
    assert await program.ended() == 0
    assert not leaks(said_beside_the_link(program), local_daily.api_key)


async def test_what_a_bot_prints_itself_is_found(run, local_daily):
    program = await run("prints")
    assert await program.ended() == 0
    assert len(leaks(said_beside_the_link(program), local_daily.api_key)) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal(run, local_daily, number):
    program = await run("waits")
    await program.says("^in$")
    program.signal(number)
    assert await program.ended() == 0
    assert not leaks(said_beside_the_link(program), local_daily.api_key)


async def test_a_wrong_key(run, local_daily):
    wrong = local_daily.api_key[::-1]
    for key in (wrong, f"{wrong[:40]} {wrong[40:]}"):
        program = await run("returns", DAILY_API_KEY=key)
        assert await program.ended() in (1, 2)
        assert "Error: " in program.err
        assert not leaks(program.out + program.err, wrong, local_daily.api_key)


async def test_a_server_that_sends_the_key_back(run, local_daily):
    token = local_daily.api_key[::-1] + ".eyJrIjoieW91IHNlbnQgdGhpcyJ9"
    info = f"not with {local_daily.api_key} and {token}"
    local_daily.fail("DELETE", "*", status=403, info=info, times=None)
    local_daily.fail("GET", "*", status=500, info=info, times=1)
    program = await run("returns")
    assert await program.ended() == 0
    assert "could not be deleted" in program.err
    assert "not with *** and" in program.err
    assert not leaks(said_beside_the_link(program).replace(token[:64], ""), local_daily.api_key)


@pytest.mark.parametrize("ends", ["raises", "talks"])
async def test_a_local_run(start, tmp_path, ends):
    program = await start(
        *(*COMMAND, "run", BOTS / "talkative.py", "--local", "--port", "0", "--log-level", "TRACE"),
        env={**LOUD, "BOT_ENDS": ends},
    )
    token = await program.says(LINK)
    if ends == "talks":
        await program.says("^in$")
        program.signal(signal.SIGTERM)
    assert await program.ended() == (1 if ends == "raises" else 0)
    key = (tmp_path / "key").read_text()
    assert len(key) == 64
    assert "Local room" in program.err
    assert not leaks(said_beside_the_link(program), key, token)


async def test_the_local_command_prints_its_key_once(start):
    command = [*COMMAND, "local", "--port", "0", "--log-level", "TRACE"]
    program = await start(*command, env=LOUD)
    key = await program.says("^export DAILY_API_KEY=(.+)$")
    await program.says("^Ctrl-C ends it")
    program.signal()
    assert await program.ended() == 0
    assert len(leaks(program.out, key)) == 1
    assert not leaks(program.err, key)
    silent = await start(*command, "--", sys.executable, "-c", "pass", env=LOUD)
    assert await silent.ended() == 0
    assert not re.search("[0-9a-f]{32}", silent.out + silent.err)


FORGOTTEN = """
import asyncio, logging, sys
from loguru import logger
from pipecat_daily_rest import configure, provisioned_room, sweep_rooms
logging.basicConfig(level=logging.DEBUG)

async def main():
    context = provisioned_room()
    room = await context.__aenter__()
    print("name", room.name)
    await sweep_rooms(min_age=0, pause=0)
    other = asyncio.create_task(room.create_token())
    await other
    asyncio.get_running_loop().create_task(room.create_token(), name="nobody waits")
    if sys.argv[1:]:
        raise ZeroDivisionError(room, room.join_url, other)
    del context
    await asyncio.sleep(0)

asyncio.run(main())
"""


@pytest.mark.parametrize("how", [(), ("raises",)])
async def test_a_room_that_is_forgotten(start, local_daily, how):
    program = await start(sys.executable, "-c", FORGOTTEN, *how, env={**local_daily.env(), **LOUD})
    assert await program.ended() == (1 if how else 0)
    name = await program.says("^name (.+)$")
    assert re.search(f"ResourceWarning: Room {name}", program.err)
    assert ("ZeroDivisionError: (ProvisionedRoom(" in program.err) == bool(how)
    assert not leaks(program.out + program.err, local_daily.api_key)


async def test_the_childs_answer_is_for_its_parent_only(start):
    """It is one line on a pipe; all else that the child says is without the key."""
    program = await start(
        *(sys.executable, "-m", "pipecat_daily_rest.local", "--log-level", "TRACE"), env=LOUD
    )
    assert await program.ended() == 0  # its stdin ended at once
    answer = json.loads(program.out)
    assert len(answer["api_key"]) == 64
    assert not leaks(program.err, answer["api_key"])
