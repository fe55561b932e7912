# SPDX-License-Identifier: BSD-2-Clause
"""Programs that were written for Pipecat Cloud or from the OpenAPI page, unchanged."""

import asyncio
import json
import re
import sys

import pytest

from serving import BEHAVE
from sizes import size

SERVE = (sys.executable, "-m", "pipecat_daily_rest", "serve", BEHAVE, "--port", "0")

SDK = """
import asyncio, json, sys
from pipecatcloud.exception import AgentStartError
from pipecatcloud.session import Session, SessionParams

async def main():
    for _ in range(2):
        params = SessionParams(use_daily=True, data={"do": "stay"})
        session = Session(agent_name="my-bot", api_key="public-key-of-a-page", params=params)
        try:
            print(json.dumps(await session.start()), flush=True)
        except AgentStartError as error:
            print("refused:", error, flush=True)

asyncio.run(main())
"""


# What its command `pipecat cloud agent` asks, by the same methods.
MANAGE = """
import asyncio, json
from pipecatcloud.api import _API
from pipecatcloud.exception import AgentStartError

async def main():
    api = _API(token="private-key-of-a-backend", is_cli=True)
    listed, _ = await api.agent_sessions(agent_name="my-bot", org="any")
    (one,) = listed["sessions"]
    found, _ = await api.agent_session(agent_name="my-bot", session_id=one["sessionId"], org="any")
    missing, _ = await api.agent_session(agent_name="my-bot", session_id="none", org="any")
    stopped, _ = await api.agent_session_terminate(
        agent_name="my-bot", session_id=one["sessionId"], org="any"
    )
    active, _ = await api.agent_sessions(agent_name="my-bot", org="any", end_state="active")
    ended, _ = await api.agent_sessions(agent_name="my-bot", org="any", end_state="terminated")
    print(json.dumps([one, found, missing, stopped, active, ended]))
    public = _API(token="public-key-of-a-page")
    try:
        await public.agent_sessions(agent_name="my-bot", org="any")
    except AgentStartError as error:
        print("refused:", error)

asyncio.run(main())
"""


@pytest.fixture
async def url(start, local_daily):
    keys = {
        "PIPECAT_DAILY_PUBLIC_KEYS": "public-key-of-a-page",
        "PIPECAT_DAILY_PRIVATE_KEYS": "private-key-of-a-backend",
    }
    env = {**local_daily.env(), **keys}
    server = await start(*SERVE, "--max-sessions", "1", env=env)
    return await server.says(r"^(http://\S+)$")


async def test_pipecat_clouds_sdk(start, url, local_daily):
    program = await start(sys.executable, "-c", SDK, env={"PIPECAT_API_HOST": url})
    assert await program.ended() == 0, program.err
    (room,) = local_daily.rooms
    assert f"/{room}" in program.out
    assert "dailyToken" in program.out
    assert "All 1 sessions are taken" in program.out


async def test_pipecat_clouds_sdk_lists_and_stops(start, url, local_daily):
    env = {"PIPECAT_API_HOST": url}
    await (await start(sys.executable, "-c", SDK, env=env)).ended()
    (room,) = local_daily.rooms
    program = await start(sys.executable, "-c", MANAGE, env=env)
    assert await program.ended() == 0, program.err
    answers, refused = program.out.splitlines()
    one, found, missing, stopped, active, ended = json.loads(answers)
    assert one["sessionId"] == room.partition("-")[2]
    assert (one["endState"], one["endedAt"], one["coldStart"]) == ("active", None, None)
    assert found["sessionId"] == one["sessionId"]
    assert missing is None
    assert stopped == {"status": "terminated", "session_id": one["sessionId"]}
    assert local_daily.rooms == {}
    assert active == {"total_count": 0, "sessions": []}
    (last,) = ended["sessions"]
    assert last["endedAt"] > last["createdAt"]
    assert last["botStartSeconds"] >= 0
    assert refused.startswith("refused: 403 - A private key is needed")


async def test_pipecat_clouds_command_shows_and_stops(start, url, local_daily):
    env = {
        "PIPECAT_API_HOST": url,
        "PIPECAT_TOKEN": "private-key-of-a-backend",
        "PIPECAT_ORG": "any",
        "PIPECAT_OUTPUT": "plain",
    }
    await (await start(sys.executable, "-c", SDK, env=env)).ended()
    (room,) = local_daily.rooms
    session = room.partition("-")[2]
    code = "from pipecatcloud.cli.entry_point import entrypoint_cli_typer as cloud; cloud()"
    command = (sys.executable, "-c", code, "agent")
    listed = await start(*command, "sessions", "my-bot", env=env)
    assert await listed.ended() == 0, listed.out + listed.err
    assert session in listed.out
    assert "Active" in listed.out
    stopped = await start(*command, "stop", "my-bot", "-s", session, "--force", env=env)
    assert await stopped.ended() == 0, stopped.out + stopped.err
    assert local_daily.rooms == {}


@pytest.mark.large
async def test_schemathesis_finds_nothing_undocumented(start, local_daily):
    server = await start(
        *SERVE, "--max-sessions", "50", "--launcher", "task", env=local_daily.env()
    )
    url = await server.says(r"^(http://\S+)$")
    command = (sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json")
    examples = ("--max-examples", str(size(4, 15)))
    options = ("--phases", "examples,coverage,fuzzing", "--seed", "1")
    checks = ("--checks", "not_a_server_error,status_code_conformance,response_schema_conformance")
    program = await start(*command, *examples, *options, *checks)
    code = await asyncio.wait_for(program.ended(), 250)
    assert code == 0, program.out[-6000:]
    tested = re.search(r"Selected: (\d+)/\1\s+Tested: \1\s", program.out)  # every operation
    assert tested is not None, program.out[-2500:]
    assert int(tested[1]) >= 12
