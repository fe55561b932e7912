# SPDX-License-Identifier: BSD-2-Clause
"""Callbacks after the bot's event loop was closed."""

from collections.abc import Callable
from typing import Any

import pytest

from pipecat_daily_rest.local import LocalDaily

BEGIN = """
import asyncio, sys, threading
from daily import CallClient, CustomAudioSource, Daily, EventHandler

Daily.init()
loop = asyncio.new_event_loop()

def too_late(*_):
    loop.call_soon_threadsafe(print)  # as Pipecat's completions and events do

def wrong(*_):
    raise RuntimeError("the bot is wrong")

def joined(client, url):
    done = threading.Event()
    client.join(url, completion=lambda *_: done.set())
    done.wait()
"""

# A cancelled bot still speaks for a while; by then its loop is closed.
A_WRITE = """
source, done = CustomAudioSource(16_000, 1), threading.Event()
source.write_frames(bytes(640), completion=too_late)
loop.close()
source.write_frames(bytes(640), completion=too_late)
source.write_frames(bytes(640), completion=CALLBACK)
source.write_frames(bytes(640), completion=lambda _: done.set())
done.wait()
"""

AN_OPERATION = """
loop.close()
client, done = CallClient(), threading.Event()
joined(client, sys.argv[1])
client.send_app_message("hello", completion=too_late)
client.send_app_message("hello", completion=CALLBACK)
client.send_app_message("hello", completion=lambda _: done.set())
done.wait()
client.release()
"""

# Events that wait while the client is released.
AN_EVENT = """
came, go = threading.Event(), threading.Event()

class Handler(EventHandler):
    def on_participant_updated(self, participant):
        came.set()
        go.wait()
        CALLBACK()

client = CallClient(event_handler=Handler())
joined(client, sys.argv[1])
client.set_user_name("Robot")
came.wait()
[events] = [thread for thread in threading.enumerate() if thread.name == "daily-events"]
END
loop.close()
go.set()
"""
AFTER_RELEASE = AN_EVENT.replace("END", "client.release()") + "events.join()\n"
IN_THE_CALL = (
    AN_EVENT.replace("END", "done = threading.Event()")
    + """
client.send_app_message("hello", completion=lambda _: done.set())
done.wait()
client.release()
"""
)
CODES = {"a write": A_WRITE, "an operation": AN_OPERATION, "after release": AFTER_RELEASE}


@pytest.fixture
def run(local_daily: LocalDaily, start: Callable[..., Any]) -> Callable[..., Any]:
    async def run(code: str, callback: str) -> str:
        """Run a bot to its end, and give its log."""
        local_daily.state.rooms.create("demo", "public", {})
        code = BEGIN + code.replace("CALLBACK", callback)
        return await (await start(f"{local_daily.url}/demo", code=code)).ends()

    return run


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
async def test_a_late_completion_is_not_logged(run: Any, code: str) -> None:
    log = await run(code, "too_late")
    assert "failed" not in log
    assert "Event loop is closed" not in log


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
async def test_an_error_in_a_callback_is_logged(run: Any, code: str) -> None:
    log = await run(code, "wrong")
    assert log.count("A callback of the call failed") == 1
    assert "RuntimeError: the bot is wrong" in log
    assert "Event loop is closed" not in log


async def test_a_lost_event_of_a_running_call_is_logged(run: Any) -> None:
    log = await run(IN_THE_CALL, "too_late")
    assert "A callback of the call failed" in log
    assert "Event loop is closed" in log
