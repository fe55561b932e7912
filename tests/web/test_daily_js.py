# SPDX-License-Identifier: BSD-2-Clause
"""One call machine under several versions of daily-js."""

from typing import Any

import pytest

from daily_app import daily_app
from pipecat_daily_rest.cli.tried import DAILY_JS
from pipecat_daily_rest.local import LocalDaily

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# startCamera, join, leave, join.
FIRST = """
async (url) => {
  window.first = make();
  window.initialized = 0;
  addEventListener("message", ({ data }) => (initialized += data?.action === "call-machine-initialized"));
  const devices = await first.startCamera({ startVideoOff: true });
  const me = first.participants().local;
  const early = [me.session_id !== "", me.user_id !== "", me.tracks.audio.track.readyState];
  await first.join({ url, userName: "Ana" });
  const room = await first.room();
  await first.leave();
  const between = [first.meetingState(), me.tracks.audio.track.readyState, initialized];
  const forgotten = first.seen.splice(0).map(({ name, of, kind, audio }) => [name, of, kind, audio].join(" ").trim());
  await first.join({ url, userName: "Ana", startVideoOff: true });
  return { devices, early, room: room.name, between, before: forgotten };
}
"""
# A second call object in the same page, whose bundle comes by a script element; preAuth first.
SECOND = """
async (url) => {
  window.second = make({ dailyConfig: { avoidEval: true } });
  const { access } = await second.preAuth({ url });
  const scripts = [...document.head.querySelectorAll("script")].map((each) => each.src);
  await second.join({ url, userName: "Bea", startVideoOff: true });
  return { access, scripts, state: second.meetingState() };
}
"""


def order(seen: list[str], *wanted: str) -> None:
    """Assert that events came in an order, others between them."""
    rest = iter(seen)
    missing = [each for each in wanted if each not in rest]
    assert not missing, f"{missing[0]!r} is not in its place in {seen}"


@pytest.mark.parametrize("version", DAILY_JS)
async def test_every_version_joins_leaves_and_joins_again(
    daily: LocalDaily, web_apps: Any, version: str
) -> None:
    cy = daily.join("demo", user_name="Cy")
    cy.tone(1000, 60)
    app = await daily_app(web_apps, daily.url, version)
    assert await app.run("Daily.version()") == version
    url = f"{daily.url}/demo"
    got = await app.run(FIRST, url)
    assert got["devices"]["mic"]["kind"] == "audioinput"
    assert got["devices"]["camera"] == {}
    assert got["room"] == "demo"
    assert got["early"] == [True, True, "live"]
    # The microphone is closed after a call, and the machine begins anew.
    assert got["between"] == ["left-meeting", "ended", 1]
    order(got["before"], "track-started local audio playable", "started-camera", "joined-meeting")
    order(got["before"], "joined-meeting", "participant-joined Cy  loading")

    # A join without startCamera starts the microphone, and tells so before it has joined.
    await app.until("() => person(first, 'Cy')?.tracks.audio.state === 'playable'")
    again = await app.run("first.seen.map((e) => [e.name, e.of, e.kind, e.audio].join(' ').trim())")
    order(again, "track-started local audio playable", "started-camera", "joined-meeting")
    order(
        again,
        "participant-joined Cy  loading",
        "track-started Cy audio playable",
        "participant-updated Cy  playable",
    )
    await app.until("() => hears(first, 'Cy', 1000)")
    assert await app.run("initialized") == 2

    got = await app.run(SECOND, url)
    assert got["access"] == {"level": "full"}
    assert got["scripts"].count(f"{daily.url}/.daily-js/call-machine-object-bundle.js") == 1
    assert got["state"] == "joined-meeting"
    await app.until("() => hears(second, 'Ana', 500) && hears(second, 'Cy', 1000)")
    await app.run("first.sendAppMessage({ text: 'to Bea' }, person(first, 'Bea').session_id)")
    await app.until(
        "() => second.seen.some((e) => e.name === 'app-message' && e.data.text === 'to Bea')"
    )
    assert not await app.run("first.seen.some((e) => e.name === 'app-message')")
    await app.run("Promise.all([first.leave(), second.destroy()])")
    names = [entry.what for entry in daily.state.log.entries]
    assert names.count("person joined") == 3
    await daily.state.log.wait_for("person left", count=3)
    assert app.errors == []
