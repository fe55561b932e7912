# SPDX-License-Identifier: BSD-2-Clause
"""Programs that were written for Pipecat Cloud or from the OpenAPI page, unchanged."""

import asyncio
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


@pytest.fixture
async def url(start, local_daily):
    env = {**local_daily.env(), "PIPECAT_DAILY_PUBLIC_KEYS": "public-key-of-a-page"}
    server = await start(*SERVE, "--max-sessions", "1", env=env)
    return await server.says(r"^(http://\S+)$")


async def test_pipecat_clouds_sdk(start, url, local_daily):
    program = await start(sys.executable, "-c", SDK, env={"PIPECAT_API_HOST": url})
    assert await program.ended() == 0, program.err
    (room,) = local_daily.rooms
    assert f"/{room}" in program.out
    assert "dailyToken" in program.out
    assert "All 1 sessions are taken" in program.out


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
    assert "Tested: 9" in program.out
