# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of this folder stand on: packages by version, and nothing that leaves unseen."""

import json
from typing import Any

import pytest

from npm import bundled, installed
from web_app import WebApps

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# A frame that is removed: Playwright does not see its request.
HIDDEN = """
() => {
  const frame = document.body.appendChild(document.createElement("iframe"));
  const send = frame.contentWindow.fetch("https://frame.example/hidden").catch(() => {});
  return send.then(() => frame.remove());
}
"""


async def test_packages_are_bundled_and_what_leaves_the_machine_is_noted(web_apps: Any) -> None:
    folder = installed("dequal@2.0.3")
    package = json.loads((folder / "node_modules/dequal/package.json").read_text())
    assert package["version"] == "2.0.3"
    script = bundled(folder, "import { dequal } from 'dequal'; window.same = dequal([1], [1]);")
    apps: WebApps = web_apps
    app = await apps.open(script)
    assert await app.run("same") is True
    assert apps.outside == []
    assert {url.split("/")[2] for url in app.requests} == {apps.url.split("/")[2]}
    refused = "(url) => fetch(url).then(() => 'left', () => 'refused')"
    assert await app.run(refused, "https://c.daily.co/x") == "refused"
    assert await app.run("() => fetch('http://plain.example/y').then((a) => a.status, String)")
    await app.run("navigator.sendBeacon('https://beacon.example/', 'x')")
    await app.run(HIDDEN)
    names = {line.split(" ")[1].removeprefix("http://").split("/")[0] for line in apps.outside}
    assert {"c.daily.co:443", "plain.example", "frame.example:443"} <= names
    apps.outside.clear()
