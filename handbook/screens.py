# SPDX-License-Identifier: BSD-2-Clause
"""Takes the screenshots of the documentation: ``make screenshots``.

A person and a scripted bot are in a room of a local Daily. Chromium shows the page of the room, and
the page of the local Daily, in light and in dark.
"""

import asyncio
import shutil
import sys
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright

from pipecat_daily_rest import DailyRoomParams, provisioned_room
from pipecat_daily_rest.local import LocalDaily

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SIZE = {"width": 960, "height": 620}
WAIT = 60_000  # ms
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
]
TALK = (
    ("bot", "Hello Ana! What can I do for you?"),
    ("user", "What time is it in Oslo?"),
    ("bot", "It is noon in Oslo. Shall I read you the weather, too?"),
)


def rtvi(kind: str, data: Any = None) -> dict[str, Any]:
    """Give a message as Pipecat's bots send it."""
    return {"label": "rtvi-ai", "type": kind, "id": kind, "data": data or {}}


async def talk(bot: Any, ana: str) -> None:
    """Have the bot report a conversation."""
    bot.send(rtvi("bot-ready", {"version": "1.2.0"}))
    for who, text in TALK:
        if who == "user":
            heard = {"text": text, "final": True, "user_id": ana, "timestamp": ""}
            bot.send(rtvi("user-transcription", heard))
        else:
            bot.send(rtvi("bot-started-speaking"))
            bot.send(rtvi("bot-output", {"text": text, "spoken": False}))
            bot.send(rtvi("bot-stopped-speaking"))


async def shoot(page: Page, name: str) -> None:
    """Take both pictures of a page."""
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        path = IMAGES / f"{name}-{scheme}.png"
        await page.screenshot(path=path, animations="disabled")
        print(f"{path.name}: {path.stat().st_size // 1024} KB")


async def take() -> None:
    """Take all of them."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    IMAGES.mkdir(exist_ok=True)
    async with (
        async_playwright() as playwright,
        LocalDaily(control=True) as daily,
        provisioned_room(
            DailyRoomParams(name="demo"), api_key=daily.api_key, api_url=daily.api_url
        ) as room,
    ):
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=FLAGS, ignore_default_args=["--mute-audio"]
        )
        context = await browser.new_context(viewport=SIZE, permissions=["microphone"])
        bot = daily.join(room.url, room.bot_token, user_name="Assistant")
        bot.participant.kind = "bot"
        page = await context.new_page()
        await page.goto(room.join_url)
        await page.fill("#name", "Ana")
        await page.click("#enter")
        await page.wait_for_selector("body[data-state=joined]", timeout=WAIT)
        inside = daily.rooms[room.name].participants.values()
        ana = next(each for each in inside if each.user_name == "Ana")
        await talk(bot, ana.id)
        await page.locator("#log").get_by_text(TALK[-1][1]).wait_for(timeout=WAIT)
        await shoot(page, "room-page")
        face = await context.new_page()
        await face.goto(daily.face_url)
        await face.click(".row:has-text('demo')", timeout=WAIT)
        await face.wait_for_selector("#timeline li", timeout=WAIT)
        await shoot(face, "local-daily")
        await browser.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(take()))
