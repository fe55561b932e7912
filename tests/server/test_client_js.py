# SPDX-License-Identifier: BSD-2-Clause
"""Pipecat's client-js, unmodified and in node, starts a session and shows people our sentences."""

import asyncio
import json
import signal

import pytest
from test_serve import SERVE, send

from npm import installed, program
from serving import BEHAVE, until

CLIENT = """
globalThis.window = {};  // it looks there for the browser's name
const { PipecatClient, Transport } = require("@pipecat-ai/client-js");
class Nowhere extends Transport {
  initialize(options, messageHandler) {}
  async initDevices() {}
  async _disconnect() {}
  get state() { return this._state; }
  set state(state) { this._state = state; }
}
(async () => {
  for (const { endpoint, key, data } of JSON.parse(process.argv[1])) {
    const client = new PipecatClient({ transport: new Nowhere() });
    const headers = new Headers(key ? { Authorization: `Bearer ${key}` } : {});
    try {
      const started = await client.startBot({ endpoint, headers, requestData: data });
      console.log(JSON.stringify(started));
    } catch (error) {
      console.log(JSON.stringify({ status: error.status, text: error.message }));
    }
  }
})();
"""
KEY = "public-key-of-a-page"
STAY = {"createDailyRoom": True, "body": {"do": "stay"}}
MANY = {"createDailyRoom": True, "dailyRoomProperties": {"max_participants": "many"}}


@pytest.fixture
def client(start):
    folder, node = installed("@pipecat-ai/client-js@1.13.1"), program("node")

    async def client(*requests):
        client = await start(node, "-e", CLIENT, json.dumps(requests), cwd=folder)
        assert await client.ended() == 0, client.err
        return [json.loads(line) for line in client.out.splitlines() if line.startswith("{")]

    return client


async def test_it_starts_a_session_and_shows_errors(start, client):
    options = ("--local", "--port", "0", "--max-sessions", "1", "--drain", "600")
    env = {"PIPECAT_DAILY_PUBLIC_KEYS": KEY, "DAILY_API_KEY": "", "DAILY_API_URL": ""}
    server = await start(*SERVE, BEHAVE, *options, "--launcher", "task", env=env)
    url = await server.says(r"^(http://\S+)$")
    await server.says(r"^See the rooms, .*: http://localhost:\d+/#\S{32}$", stream="err")
    asks = {"endpoint": f"{url}/start", "key": KEY, "data": STAY}
    without, wrong, started, full = await client(
        {**asks, "key": ""}, {**asks, "data": MANY}, asks, asks
    )
    server.signal(signal.SIGTERM)
    await until(lambda: send(f"{url}/readyz")[0] == 503)
    (refused,) = await client(asks)
    await asyncio.sleep(0.6)  # two signals within half a second count as one
    server.signal(signal.SIGTERM)
    assert await server.ended() == 0
    assert set(started) == {"dailyRoom", "dailyToken", "sessionId"}
    assert started["dailyRoom"].startswith("http://localhost:")
    shown = [(each["status"], each["text"]) for each in (without, wrong, full, refused)]
    assert shown == [
        (401, "A key is needed: send 'Authorization: Bearer <key>'."),
        (
            400,
            "dailyRoomProperties.max_participants is wrong: Input should be a valid integer, "
            "unable to parse string as an integer.",
        ),
        (429, "All 1 sessions are taken: try again in 5 s."),
        (503, "This server is shutting down: try another one."),
    ]
