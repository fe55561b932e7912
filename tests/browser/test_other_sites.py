# SPDX-License-Identifier: BSD-2-Clause
"""A page of another site, in a real Chromium, tries to use the local Daily."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from chromium import WAIT
from pipecat_daily_rest.local import LocalDaily

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ATTACK = """
<!doctype html><title>elsewhere</title><body><script type="module">
const there = new URLSearchParams(location.search).get("there");
const socket = there.replace("http", "ws");
const offer = JSON.stringify({ type: "offer", sdp: "v=0", token: null });
const room = JSON.stringify({ name: "theirs" });
const tries = {
  read: () => fetch(there + "/demo").then((answer) => answer.text()),
  rest: () => fetch(there + "/v1/rooms").then((answer) => answer.text()),
  json: () => fetch(there + "/demo/offer", { method: "POST", body: offer,
    headers: { "Content-Type": "application/json" } }),
  asset: () => import(there + "/.page/room.js"),
  script: () => new Promise((resolve, reject) => document.body.append(
    Object.assign(document.createElement("script"),
      { src: there + "/.page/view.js", onload: resolve, onerror: reject }))),
  link: () => new Promise((resolve, reject) => {
    const link = new WebSocket(socket + "/demo/link");
    link.onopen = resolve;
    link.onerror = link.onclose = reject;
  }),
};
const outcome = {};
for (const [name, attempt] of Object.entries(tries)) {
  outcome[name] = await attempt().then(() => "did", () => "failed");
}
// These are sent, though nothing can be read of what comes back.
for (const [path, body] of [["/demo/offer", offer], ["/v1/rooms", room], ["/.faults", room]]) {
  await fetch(there + path, { method: "POST", mode: "no-cors", body }).catch(() => {});
}
navigator.sendBeacon(there + "/demo/leave", JSON.stringify({ id: ID }));
const frame = document.body.appendChild(document.createElement("iframe"));
const loaded = new Promise((resolve) => (frame.onload = resolve));
frame.src = there + "/demo";
await loaded;
const form = Object.assign(document.createElement("form"),
  { method: "POST", action: there + "/v1/rooms", target: "sink" });
document.body.append(Object.assign(document.createElement("iframe"), { name: "sink" }), form);
const sent = new Promise((resolve) => (document.getElementsByName("sink")[0].onload = resolve));
form.submit();
await sent;
window.outcome = outcome;
</script>
"""


@pytest_asyncio.fixture(loop_scope="session")
async def elsewhere() -> AsyncIterator[Callable[[str], Any]]:
    runners = []

    async def serve(connection: str) -> str:
        async def page(_: web.Request) -> web.Response:
            text = ATTACK.replace("ID", json.dumps(connection))
            return web.Response(text=text, content_type="text/html")

        app = web.Application()
        app.router.add_get("/", page)
        runners.append(web.AppRunner(app))
        await runners[-1].setup()
        await web.TCPSite(runners[-1], "127.0.0.1", 0).start()
        return f"http://elsewhere.example:{runners[-1].addresses[0][1]}/"

    yield serve
    for runner in runners:
        await runner.cleanup()


async def test_a_page_from_another_site_is_refused(browser_person: Any, elsewhere: Any) -> None:
    async with LocalDaily(control=True) as daily:
        daily.state.rooms.create("demo", "public", {})
        ana = await browser_person(f"{daily.url}/demo")
        async with ana.page.expect_response("**/demo/offer") as answered:
            await ana.join()
        connection = (await (await answered.value).json())["id"]

        page = await elsewhere(connection)
        for there in (daily.url, daily.url.replace("localhost", "127.0.0.1")):
            mallory = await browser_person(f"{page}?there={there}")
            await mallory.until("!!window.outcome", "finish its tries")
            outcome = await mallory.page.evaluate("outcome")
            assert set(outcome.values()) == {"failed"}, outcome
            frames = [frame.url for frame in mallory.page.frames[1:]]
            assert frames[0].startswith("chrome-error:"), "the room was shown in a frame"
            assert len(frames) == 2
            mallory.errors.clear()
            await mallory.close()
            mallory.errors.clear()

        assert list(daily.rooms) == ["demo"]
        assert [p.kind for p in daily.rooms["demo"].participants.values()] == ["person"]
        assert [r for r in daily.requests if r.method not in ("GET", "OPTIONS")] == []
        assert all(r.status == 400 for r in daily.requests)
        assert daily.faults.added == []


async def test_dns_rebinding_is_refused(daily: LocalDaily, browser_person: Any) -> None:
    """With DNS rebinding the browser takes the local Daily for the page's own site."""
    mallory = await browser_person(f"http://rebound.localhost:{daily.port}/demo")
    assert "not to 'rebound.localhost" in await mallory.page.inner_text("body")
    read = "fetch('/v1/').then((answer) => answer.status)"
    assert await asyncio.wait_for(mallory.page.evaluate(read), WAIT) == 403
    mallory.errors.clear()
    await mallory.close()
    mallory.errors.clear()
    assert daily.requests == []
