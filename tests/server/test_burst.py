# SPDX-License-Identifier: BSD-2-Clause
"""Very many requests at once, over real HTTP."""

import asyncio
import json
import signal
import sys
from collections import Counter

import pytest

from pipecat_daily_rest.server.connections import allow_many
from serving import BEHAVE, STAY, raw
from sizes import size


@pytest.mark.large
@pytest.mark.parametrize("hard", ["-S", "-H"], ids=["limit may be raised", "few descriptors"])
async def test_a_burst_of_requests_at_a_limit(start, local_daily, hard):
    """None waits in line, and none is lost where the server may have a descriptor for each."""
    allow_many()
    number, most = size(300, 2000 if hard == "-S" else 300), 20
    serve = f"{sys.executable} -m pipecat_daily_rest serve {BEHAVE} --port 0 --launcher task"
    limits = f"ulimit -S -n 200; {'ulimit -H -n 200;' if hard == '-H' else ''}"
    server = await start(
        *("sh", "-c", f"{limits} exec {serve} --max-sessions {most}"), env=local_daily.env()
    )
    port = int(await server.says(r"^http://127\.0\.0\.1:(\d+)$"))
    body = json.dumps({"createDailyRoom": True, "body": STAY}).encode()
    head = f"POST /start HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    sent = f"{head}Connection: close\r\n\r\n".encode() + body
    answers = await asyncio.gather(*(raw(port, sent, seconds=300) for _ in range(number)))
    codes = Counter(each.split()[1] for each in answers)
    if hard == "-S":
        assert codes == {"200": most, "429": number - most}
    assert codes.keys() <= {"200", "429", "502"}  # Daily may be out of reach for a while
    assert codes["200"] <= most
    assert all("retry-after: 5\r\n" in each.lower() for each in answers if " 429 " in each)
    assert len(local_daily.rooms) == codes["200"]
    listed = await raw(
        port, b"GET /sessions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    assert f'"total_count":{codes["200"]}' in listed
    server.signal(signal.SIGTERM)
    assert await server.ended() == 0
    assert local_daily.rooms == {}
    assert "Traceback" not in server.err
    assert hard == "-H" or "too many files are open" not in server.err


ENDS = """
import asyncio, resource, socket
from loguru import logger
from pipecat_daily_rest.server.connections import say_when_full

async def main():
    loop, full = asyncio.get_running_loop(), asyncio.Event()
    logger.add(lambda _: full.set())
    say_when_full(loop)
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    client = socket.socket()
    client.setblocking(False)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (client.fileno() + 1, hard))
    await loop.sock_connect(client, server.sockets[0].getsockname())
    await full.wait()
    server.close()
    await asyncio.sleep(1.5)  # asyncio tries again after a second

asyncio.run(main())
"""


async def test_a_server_that_ends_while_it_may_open_no_file(start):
    program = await start(sys.executable, "-c", ENDS)
    assert await program.ended() == 0
    assert "too many files are open" in program.err
    assert "Traceback" not in program.err
