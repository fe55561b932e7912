# SPDX-License-Identifier: BSD-2-Clause
"""What an app's `error` says, and that daily-js reports none to its vendor."""

import asyncio
import sys
from typing import Any

import pytest

from chromium import WAIT
from daily_app import daily_app
from pipecat_daily_rest.local import LocalDaily
from tokens import token
from web_app import WebApp, WebApps

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# Joins with the same call object as before, and gives how the promise was rejected.
JOIN = """
async (options) => {
  window.call ??= make();
  call.seen.length = 0;
  return call.join({ startVideoOff: true, token: "", ...options }).then(() => "joined", (error) => error.error ?? error);
}
"""
ERROR = "() => call.seen.find((e) => e.name === 'error')"

# A local Daily in a process of its own, to be killed.
SERVE = """
import asyncio
from pipecat_daily_rest.local import LocalDaily

async def main():
    async with LocalDaily() as daily:
        daily.state.rooms.create("demo", "public", {})
        print(daily.url, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def error_of(app: WebApp) -> tuple[str, str]:
    """Wait for the app's error event; give its type and its sentence."""
    seen = await app.until(ERROR)
    await app.until("() => call.meetingState() === 'error'")
    return seen["error"], seen["text"]


async def test_a_refused_join_says_why(daily: LocalDaily, web_apps: Any) -> None:
    daily.state.rooms.create("private", "private", {})
    daily.state.rooms.create("full", "public", {"max_participants": 1})
    daily.join("full")
    daily.state.rooms.create("later", "public", {"nbf": int(daily.state.clock.now()) + 99})
    expired = token(daily, exp=int(daily.state.clock.now()) + 1)
    daily.advance(2)
    app = await daily_app(web_apps, daily.url)
    for options, kind, sentence in (
        ({"url": "missing"}, "no-room", "There is no room 'missing' here: it was deleted"),
        ({"url": "private"}, "not-allowed", "This room is private: it needs a link with a token"),
        ({"url": "demo", "token": "nonsense"}, "not-allowed", "This link does not open the room"),
        ({"url": "private", "token": expired}, "exp-token", "This link does not open the room"),
        ({"url": "full"}, "meeting-full", "The room is full (1 participants)."),
        ({"url": "later"}, "nbf-room", "The room 'later' is not open yet."),
    ):
        url = f"{daily.url}/{options['url']}"
        rejected = await app.run(JOIN, {**options, "url": url})
        assert (rejected["type"], rejected["msg"][: len(sentence)]) == (kind, sentence)
        assert await error_of(app) == (kind, rejected["msg"])
    # A room on Daily is not asked for, with this call machine.
    rejected = await app.run(JOIN, {"url": "https://you.daily.co/demo"})
    assert rejected["type"] == "not-allowed"
    assert "cannot join https://you.daily.co/demo" in rejected["msg"]
    # No local Daily answers there.
    rejected = await app.run(JOIN, {"url": "http://localhost:9/demo"})
    assert (rejected["type"], "deleted" in rejected["msg"]) == ("no-room", True)
    # preAuth is refused with the same words.
    why = "(url) => { window.call = make(); return call.preAuth({ url }).catch((error) => error); }"
    assert (await app.run(why, f"{daily.url}/private"))["type"] == "not-allowed"
    assert app.errors == []


async def test_a_call_that_ends_says_why(daily: LocalDaily, web_apps: Any) -> None:
    app = await daily_app(web_apps, daily.url)
    now = int(daily.state.clock.now())
    state = daily.state

    async def joined(room: str, **properties: Any) -> Any:
        options: dict[str, Any] = {"url": f"{daily.url}/{room}"}
        if properties:
            options["token"] = token(daily, room_name=room, **properties)
        assert await app.run(JOIN, options) == "joined"
        [participant] = daily.rooms[room].participants.values()
        return participant

    state.calls.eject(await joined("demo"))
    assert await error_of(app) == ("ejected", "You were removed from the room.")
    await joined("demo")
    state.rooms.delete(daily.rooms["demo"])
    kind, sentence = await error_of(app)
    assert (kind, sentence.partition(":")[0]) == ("no-room", "The room was deleted")
    state.rooms.create("demo", "public", {})
    await joined("demo", exp=now + 60, eject_at_token_exp=True)
    daily.advance(61)
    assert (await error_of(app))[0] == "exp-token"
    state.rooms.create("short", "public", {"exp": now + 200, "eject_at_room_exp": True})
    await joined("short")
    daily.advance(200)
    kind, sentence = await error_of(app)
    assert (kind, sentence.partition(".")[0]) == ("exp-room", "The room has expired")
    names = await app.run("call.seen.map((e) => e.name)")
    assert names.index("error") < names.index("left-meeting")
    assert await app.run("Object.keys(call.participants())") == []
    # The next call begins with a loaded machine.
    assert (await joined("demo")).user_name == ""
    assert app.errors == []


async def test_a_local_daily_that_is_killed_or_stopped(web_apps: Any) -> None:
    for stop in ("kill", "end"):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", SERVE), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().strip()
        if stop == "kill":
            app = await daily_app(web_apps, url)
        assert await app.run(JOIN, {"url": f"{url}/demo"}) == "joined"
        process.kill() if stop == "kill" else process.send_signal(2)
        await process.wait()
        kind, sentence = await error_of(app)
        assert kind == "no-room"
        assert sentence.startswith("The local Daily")
        assert "deleted" in sentence
    assert app.errors == []


async def test_a_report_to_the_vendor_would_be_noticed(daily: LocalDaily, web_apps: Any) -> None:
    """The control of the others: with this type daily-js does report, and the proxy sees it."""
    apps: WebApps = web_apps
    app = await daily_app(apps, daily.url)
    await app.run(JOIN, {"url": f"{daily.url}/demo"})
    await app.run(
        """() => postMessage({ what: "iframe-call-message", from: "embedded",
        callClientId: Object.keys(_daily.instances)[0], action: "error", errorMsg: "x",
        error: { type: "connection-error", msg: "x" } })"""
    )
    async with asyncio.timeout(WAIT):
        while not apps.outside:  # noqa: ASYNC110 (it is elsewhere)
            await asyncio.sleep(0.05)
    await app.context.close()
    assert all("sentry" in line for line in apps.outside), apps.outside
    apps.outside.clear()
