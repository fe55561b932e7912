# SPDX-License-Identifier: BSD-2-Clause
"""In a local run nothing is sent to Daily itself."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from pipecat_daily_rest.local import LocalDaily

WHERE = Path(__file__).parent / "bots" / "where.py"
SENTENCE = "This is a local run, and nothing is sent to api.daily.co. Leave api_url"

DEFAULTS = """
import json, os
from pydantic import BaseModel
from pipecat.transports.daily.transport import DailyParams

class Mine(DailyParams):
    mine: int = 1

class Fixed(DailyParams):
    api_url: str = "http://fixed"

class Outer(BaseModel):
    params: DailyParams = DailyParams()

found = {}
for url in ("http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1", "", None):
    os.environ.pop("DAILY_API_URL", None)
    if url is not None:
        os.environ["DAILY_API_URL"] = url
    found[str(url)] = [
        DailyParams().api_url, Mine().api_url, Fixed().api_url, Outer.model_validate({"params": {}})
        .params.api_url, DailyParams(api_url="http://given").api_url, sorted(Mine().model_fields_set),
    ]
print(json.dumps(found))
"""

REQUESTS = """
import asyncio, json, os, socket, urllib.request
import aiohttp
import daily

from pipecat.transports.daily.utils import DailyRESTHelper

async def main():
    async with aiohttp.ClientSession() as session:
        helper = DailyRESTHelper(daily_api_key="x", aiohttp_session=session)
        try:
            await helper.delete_room_by_name("demo")
        except Exception as exc:
            print(exc)
    for base in (None, "https://API.daily.co"):
        async with aiohttp.ClientSession(base) as session:
            try:
                await session.post("/v1/rooms" if base else "https://api.daily.co/v1/rooms")
            except aiohttp.ClientError as exc:
                print(exc)

asyncio.run(main())
for look_up in (
    lambda: urllib.request.urlopen("https://api.daily.co/v1"),
    lambda: socket.create_connection(("api.daily.co", 443)),
    lambda: socket.getaddrinfo(b"api.daily.co.", 443),
):
    try:
        look_up()
    except OSError as exc:
        print(exc)
print(socket.getaddrinfo("127.0.0.1", 80)[0][4][0])
for url in ("https://api.daily.co/v1", ""):
    os.environ["DAILY_API_URL"] = url  # as outside a local run
    print(daily._block_daily._is_blocked("api.daily.co"))
"""

DIAL_IN = """
import asyncio, json, os, sys
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.transports.daily.transport import DailyDialinSettings, DailyParams, DailyTransport
from pipecat.workers.runner import WorkerRunner

async def main(url):
    settings = DailyDialinSettings(call_id="1", call_domain="2")
    params = DailyParams(api_url="https://api.daily.co/v1", api_key=os.environ["DAILY_API_KEY"],
                         dialin_settings=settings)
    transport = DailyTransport(url, None, "Robot", params)
    worker = PipelineWorker(Pipeline([transport.input(), transport.output()]))

    @transport.event_handler("on_error")
    async def on_error(transport, error):
        print(json.dumps(error), flush=True)
        await worker.cancel()

    runner = WorkerRunner()
    await runner.add_workers(worker)
    await runner.run()

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("command", "says"),
    [(("run", "--local", WHERE), "bot"), (("local", "--", sys.executable, WHERE), "program")],
)
async def test_pipecats_default_is_the_local_daily(
    start: Any, command: tuple[Any, ...], says: str
) -> None:
    program = await start(sys.executable, "-m", "pipecat_daily_rest", *command)
    assert await program.ended() == 0, program.err
    found = [line for line in program.out.splitlines() if line.endswith(("True", "False"))]
    assert found == [f"{who} True" for who in dict.fromkeys((says, "program"))]


async def test_the_default_follows_the_environment(local_daily: LocalDaily, start: Any) -> None:
    program = await start(sys.executable, "-c", DEFAULTS, env=local_daily.env())
    assert await program.ended() == 0, program.err
    daily = "https://api.daily.co/v1"
    expected = {
        name: [url, url, "http://fixed", url, "http://given", []]
        for name, url in (
            *((f"http://127.0.0.1:{port}/v1",) * 2 for port in (1, 2)),
            *((none, daily) for none in ("", "None")),
        )
    }
    assert json.loads(program.out.splitlines()[-1]) == expected


async def test_a_request_to_daily_is_refused_with_a_sentence(
    local_daily: LocalDaily, start: Any
) -> None:
    program = await start(sys.executable, "-c", REQUESTS, env=local_daily.env())
    assert await program.ended() == 0, program.err
    *refused, local, on_daily, without = program.out.splitlines()
    assert len(refused) == 6
    assert all(SENTENCE in line for line in refused)
    assert (local, on_daily, without) == ("127.0.0.1", "False", "False")


async def test_a_bot_that_names_daily_itself_gets_it_too(
    local_daily: LocalDaily, start: Any
) -> None:
    sip = {"endpoint": "demo@sip.example", "extra_endpoints": []}
    local_daily.state.rooms.create("demo", "public", {"sip_uri": sip})
    url = f"{local_daily.url}/demo"
    program = await start(sys.executable, "-c", DIAL_IN, url, env=local_daily.env())
    assert await program.ended() == 0, program.err
    assert SENTENCE in program.out
    assert SENTENCE in program.err  # Pipecat logs it, too
    assert local_daily.api_key not in program.out + program.err
