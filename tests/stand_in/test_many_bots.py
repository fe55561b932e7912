# SPDX-License-Identifier: BSD-2-Clause
"""More bots in one process than aiohttp has connections by default."""

from typing import Any

from pipecat_daily_rest.local import LocalDaily

MANY = 120
CODE = f"""
import json, sys, threading
from daily import CallClient, Daily

Daily.init()
clients = [CallClient() for _ in range({MANY})]
joined = [threading.Event() for _ in clients]
for number, (client, event) in enumerate(zip(clients, joined)):
    def completion(data, error, event=event):
        assert error is None, error
        event.set()
    client.join(f"{{sys.argv[1]}}-{{number}}", completion=completion)
for event in joined:
    event.wait()
print(json.dumps(["in"]), flush=True)
sys.stdin.readline()
for client in clients:
    client.leave()
for client in clients:
    client.release()
"""


async def test_each_bot_is_in_its_own_room(local_daily: LocalDaily, start: Any) -> None:
    for number in range(MANY):
        local_daily.state.rooms.create(f"demo-{number}", "public", {})
    bots = await start(f"{local_daily.url}/demo", code=CODE)
    await bots.tells("in")
    assert [len(room.participants) for room in local_daily.rooms.values()] == [1] * MANY
    bots.process.stdin.write(b"\n")
    assert "Traceback" not in await bots.ends()
    assert not any(room.participants for room in local_daily.rooms.values())
