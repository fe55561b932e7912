# SPDX-License-Identifier: BSD-2-Clause
"""Ways into a call without the script tag, and ways out without a word."""

from pathlib import Path
from typing import Any

import pytest

from chromium import kill
from daily_app import daily_app
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.browser import webrtc

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

JOIN = """
async ([url, dailyConfig]) => {
  window.call = make({ dailyConfig });
  await call.join({ url, startVideoOff: true, userName: "Ana" });
}
"""


async def test_a_closed_tab_leaves_at_once(daily: LocalDaily, web_apps: Any) -> None:
    """Each app names the machine in a way of its own, in the constructor."""
    machine = f"{daily.url}/.daily-js/"
    ways = (
        ("0.92.2", {"bundlePathOverride": machine}),
        ("0.80.0", {"callObjectBundleUrlOverride": f"{machine}call-machine-object-bundle.js"}),
    )
    for number, (version, config) in enumerate(ways, start=1):
        app = await daily_app(web_apps, None, version)
        await app.run(JOIN, [f"{daily.url}/demo", config])
        assert len(daily.rooms["demo"].participants) == 1
        await app.page.close(run_before_unload=True)
        entry = await daily.state.log.wait_for("person left", count=number)
        assert entry.detail.endswith(": leftCall")  # not "vanished", after missing pings


# Fetches a URL, and has a script element load it: whether each is the call machine.
REROUTED = """
async (url) => {
  window._daily = { pendings: ["probe"], instances: {} };
  const text = await fetch(url).then((response) => response.text(), () => "");
  const request = await fetch(new Request(url)).then((response) => response.text(), () => "");
  const script = Object.assign(document.createElement("script"), { src: url });
  await new Promise((done) => {
    script.onload = script.onerror = done;
    document.head.append(script);
  });
  const is = (code) => code.includes("call machine of one call object");
  return [is(text), is(request), "callMachine" in (_daily.instances.probe ?? {})];
}
"""


async def test_the_script_tag_reroutes_the_bundle_and_nothing_else(
    daily: LocalDaily, web_apps: Any
) -> None:
    app = await web_apps.open(tag=daily.url)
    bundle = "/call-machine/versioned/0.99.1/static/call-machine-object-bundle.js"
    for domain in ("daily.co", "dailywebrtc.com", "dailywebrtc.net"):
        assert await app.run(REROUTED, f"https://c.{domain}{bundle}") == [True, True, True]
    assert web_apps.outside == []
    for other in (
        f"https://c.daily.co.evil.example{bundle}",
        "https://c.daily.co/static/other.js",
        f"https://x.example/?https://c.daily.co{bundle}",
    ):
        assert await app.run(REROUTED, other) == [False, False, False]
    assert len(web_apps.outside) >= 3
    web_apps.outside.clear()


async def test_a_page_that_reaches_no_local_daily_is_told_at_once(
    daily: LocalDaily, web_apps: Any, tmp_path: Path
) -> None:
    """The call machine comes with the tag, so that daily-js does not report to its vendor."""
    why = "(url) => make().join({ url }).catch((error) => error.error)"
    async with LocalDaily() as stopped:
        app = await daily_app(web_apps, stopped.url)
    told = await app.run(why, f"{stopped.url}/demo")
    assert told["type"] == "no-room"
    assert told["msg"].startswith("The local Daily does not answer")
    assert app.errors == []
    # A file is no page of this machine's servers.
    script = (await app.page.content()).partition('src="/app')[2].partition('"')[0]
    shown = await app.run("(name) => fetch(`/app${name}`).then((a) => a.text())", script)
    (tmp_path / "app.js").write_text(shown)
    tag = f'<script src="{daily.url}/.daily-js/reroute.js"></script>'
    (tmp_path / "app.html").write_text(f'{tag}<script src="app.js"></script>')
    app = await web_apps.visit((tmp_path / "app.html").as_uri())
    told = await app.run(why, f"{daily.url}/demo")
    assert told["type"] == "not-allowed"
    assert told["msg"].startswith("This page is at file://. A local Daily lets only pages of")
    assert app.errors == []


async def test_a_killed_browser_has_left_after_its_pings(
    daily: LocalDaily, web_apps: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webrtc, "PING_TIMEOUT", 5.0)
    app = await daily_app(web_apps, daily.url, profile=tmp_path / "profile")
    await app.run(JOIN, [f"{daily.url}/demo", {}])
    assert kill(tmp_path / "profile") > 2
    entry = await daily.state.log.wait_for("person left")
    assert entry.detail.endswith(": vanished")
    assert daily.rooms["demo"].participants == {}
