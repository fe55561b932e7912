# SPDX-License-Identifier: BSD-2-Clause
"""Pages that start a call, in a real Chromium: the session server's own, and the example app's."""

import os
import signal
import sys
from pathlib import Path

import pytest
import pytest_asyncio

from programs import processes

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

APP = Path(__file__).parents[2] / "examples" / "server"
BOT = APP / "bot.py"
PUBLIC = "public-key-of-a-page"
CHIME = 660  # Hz
FOCUSED = "document.activeElement.tagName"
# How light the page's background is, and by how much each text differs: WCAG asks for 4.5.
LOOKS = """
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const light = (...colors) => {
    for (const color of colors) {
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
    }
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((part) =>
      part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const probe = document.body.appendChild(document.createElement("div"));
  probe.style.background = "Canvas";
  const page = getComputedStyle(probe).backgroundColor;
  const seen = [...document.querySelectorAll("h1, label, input, button")];
  const contrasts = seen.filter((each) => each.checkVisibility()).map((each) => {
    const { color, backgroundColor } = getComputedStyle(each);
    const [one, other] = [light(page, backgroundColor, color), light(page, backgroundColor)];
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  });
  return [light(page), contrasts];
}
"""


@pytest_asyncio.fixture(loop_scope="session")
async def start(tmp_path, warm):
    async with processes(tmp_path, warm) as start:
        yield start


@pytest.fixture
def serve(start, local_daily, tmp_path):
    async def serve(*options, **env):
        program = await start(
            *(sys.executable, "-m", "pipecat_daily_rest", "serve", BOT, "--port", "0"),
            *options,
            env={**local_daily.env(), "PIPECAT_DAILY_STATE": str(tmp_path), **env},
        )
        return await program.says(r"^(http://\S+)$")

    return serve


async def is_in_and_hears(ana):
    await ana.state("idle")
    await ana.join()
    await ana.has_heard()


async def test_a_person_starts_a_call_by_keyboard_and_hears_the_bot(
    serve, browser_person, local_daily
):
    ana = await browser_person(await serve(), remembers=CHIME)
    assert await ana.page.locator("input").count() == 1
    assert not await ana.page.locator("input").is_visible()
    assert await ana.page.evaluate(FOCUSED) == "BUTTON"
    await ana.page.keyboard.press("Enter")
    await ana.page.wait_for_url(f"{local_daily.url}/pipecat-*")
    await is_in_and_hears(ana)


async def test_with_keys_it_asks_for_one_and_keeps_it_in_the_tab(
    serve, browser_person, local_daily
):
    url = await serve(PIPECAT_DAILY_PUBLIC_KEYS=PUBLIC)
    ana = await browser_person(url, remembers=CHIME)
    assert PUBLIC not in await ana.page.content()
    assert await ana.page.evaluate(FOCUSED) == "INPUT"
    await ana.page.keyboard.type("wrong")
    await ana.page.keyboard.press("Enter")
    await ana.sees("This key does not start calls", "[role=alert]")
    assert await ana.page.evaluate(FOCUSED) == "INPUT"
    assert local_daily.rooms == {}
    await ana.page.keyboard.press("Control+A")
    await ana.page.keyboard.type(PUBLIC)
    await ana.page.keyboard.press("Enter")
    await ana.page.wait_for_url(f"{local_daily.url}/pipecat-*")
    await ana.page.go_back()
    assert await ana.page.input_value("input") == PUBLIC
    assert await ana.page.evaluate("document.querySelector('button').disabled") is False
    await ana.page.click("button")
    await ana.page.wait_for_url(f"{local_daily.url}/pipecat-*")
    await is_in_and_hears(ana)
    ana.errors.clear()  # Chromium logs the 401


async def test_a_full_server_says_so(serve, browser_person, local_daily):
    url = await serve("--max-sessions", "1", "--launcher", "task")
    ana = await browser_person(url)
    await ana.page.click("button")
    await ana.page.wait_for_url(f"{local_daily.url}/pipecat-*")
    bo = await browser_person(url, name="Bo")
    await bo.page.click("button")
    await bo.sees("All 1 sessions are taken", "[role=alert]")
    assert await bo.page.evaluate(FOCUSED) == "BUTTON"
    bo.errors.clear()  # Chromium logs the 429


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_can_be_read_in_light_and_dark(serve, browser_person, scheme):
    url = await serve("--launcher", "task", PIPECAT_DAILY_PUBLIC_KEYS=PUBLIC)
    ana = await browser_person(url)
    await ana.page.emulate_media(color_scheme=scheme)
    background, contrasts = await ana.page.evaluate(LOOKS)
    assert (background > 0.5) is (scheme == "light")
    assert len(contrasts) == 4
    assert min(contrasts) >= 4.5


async def test_the_example_app_with_its_own_login(start, browser_person, tmp_path):
    program = await start(
        *(sys.executable, "-m", "pipecat_daily_rest", "local", "--"),
        *("uvicorn", "app:app", "--app-dir", APP),
        env={
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PIPECAT_DAILY_STATE": str(tmp_path),
            "UVICORN_PORT": "0",
        },
    )
    url = await program.says(r"running on (http://\S+)", stream="err")
    ana = await browser_person(url, login=("ana", "secret"), remembers=CHIME)
    assert await ana.page.evaluate(FOCUSED) == "INPUT"
    await ana.page.keyboard.type("Ana")
    await ana.page.keyboard.press("Enter")
    await ana.page.wait_for_url("http://localhost:*/pipecat-*")
    await is_in_and_hears(ana)
    await program.says("Ana has joined", stream="err")
    program.signal(signal.SIGTERM)
    await ana.state("left")
    assert await program.ended() == 128 + signal.SIGTERM  # as uvicorn ends
    assert "Traceback" not in program.err
