# SPDX-License-Identifier: BSD-2-Clause
"""Cameras and screens on the page of a local room, in Chromium, with Chromium's fake camera."""

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pipecat_daily_rest.local import LocalDaily

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

Link = Callable[..., str]
People = Any  # `BrowserPeople` of conftest.py

# The mean colour of what a tile plays, or null while it plays nothing.
COLOUR = """
(selector) => {
  const video = document.querySelector(selector);
  if (!video || video.readyState < 2 || !video.videoWidth) return null;
  const canvas = new OffscreenCanvas(16, 9);
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0, 16, 9);
  const pixels = context.getImageData(0, 0, 16, 9).data;
  const sum = [0, 0, 0];
  pixels.forEach((value, at) => { if (at % 4 < 3) sum[at % 4] += value / 144; });
  return sum;
}
"""
COLOURS = [(200, 40, 40), (40, 160, 60), (40, 60, 200), (200, 160, 40), (140, 60, 180)]


def id_of(daily: LocalDaily, name: str) -> str:
    """Give the participant of that name."""
    people = daily.rooms["demo"].participants.values()
    return next(p.id for p in people if p.user_name == name)


def tile(id: str, source: str = "camera") -> str:
    return f'#stage li[data-key="{id} {source}"] video'


async def shows(person: Any, selector: str, colour: tuple[int, int, int]) -> None:
    near = f"(c) => c && c.every((v, i) => Math.abs(v - {list(colour)}[i]) < 30)"
    await person.until(f"({near})(({COLOUR})('{selector}'))", f"show {colour} in {selector}")


def is_fake_camera(pixels: Any) -> bool:
    """Chromium's fake camera is green with a yellow sector that turns and a counter."""
    red, green, blue = (float(pixels[..., channel].mean()) for channel in range(3))
    return green > red + 20 and green > blue + 20


def moves() -> Callable[[Any], bool]:
    """Tell whether a picture differs from the first of its size: a busy browser sends smaller ones."""
    first: dict[Any, Any] = {}

    def differs(now: Any) -> bool:
        before = first.setdefault(now.shape, now.astype(int))
        return bool(np.abs(now - before).max() > 60)

    return differs


async def test_a_camera_reaches_another_page_and_a_script(
    daily: LocalDaily, browser_person: People
) -> None:
    script = daily.join("demo", user_name="Script")
    url = f"{daily.url}/demo"
    ana, bo = await asyncio.gather(browser_person(url, name="Ana"), browser_person(url, name="Bo"))
    await asyncio.gather(ana.join(), bo.join())
    ana_id, bo_id = id_of(daily, "Ana"), id_of(daily, "Bo")
    # Nothing is there until it is needed.
    assert not await ana.page.is_visible("#stage")
    assert await ana.page.get_attribute("#camera", "aria-pressed") == "false"
    await ana.page.click("#camera")
    await ana.page.wait_for_selector('#camera[aria-pressed="true"]')
    pixels = await script.sees(is_fake_camera, of=ana_id)
    assert pixels.shape == (360, 640, 3)
    green = "(c) => c && c[1] > c[0] + 20 && c[1] > c[2] + 20"
    await bo.until(f"({green})(({COLOUR})('{tile(ana_id)}'))", "show Ana's camera")
    await ana.until(f"({green})(({COLOUR})('{tile(ana_id)}'))", "show the own camera")
    await bo.sees("Ana", "#stage")
    # It moves.
    await script.sees(moves(), of=ana_id)
    # The other way round, and what a script shows.
    await bo.page.click("#camera")
    await ana.until(f"({green})(({COLOUR})('{tile(bo_id)}'))", "show Bo's camera")
    script.shows(COLOURS[2])
    for person in (ana, bo):
        await shows(person, tile(script.id), COLOURS[2])
    script.shows(COLOURS[0], source="screenVideo")
    await shows(bo, tile(script.id, "screenVideo"), COLOURS[0])
    await bo.sees("Script: screen", "#stage")
    # Off again.
    await ana.page.click("#camera")
    await bo.page.wait_for_selector(tile(ana_id), state="detached")
    await ana.page.wait_for_selector('#camera[aria-pressed="false"]')
    assert daily.rooms["demo"].participants[ana_id].media["camera"] == "off"
    await ana.page.click("#camera")
    await bo.until(f"({green})(({COLOUR})('{tile(ana_id)}'))", "show Ana's camera again")
    await ana.hears(500)
    await ana.page.click("#leave")
    await bo.page.wait_for_selector(tile(ana_id), state="detached")
    assert not await ana.page.is_visible("#stage")


# Notes what the page asks the browser for.
ASKED = """
window.asked = [];
for (const name of ["getUserMedia", "getDisplayMedia"]) {
  const real = navigator.mediaDevices[name].bind(navigator.mediaDevices);
  navigator.mediaDevices[name] = (constraints) => {
    window.asked.push([name, Object.keys(constraints)]);
    return real(constraints);
  };
}
"""
MICROPHONE = ["getUserMedia", ["audio"]]
CAMERA = ["getUserMedia", ["video"]]
SCREEN = ["getDisplayMedia", ["video"]]


async def test_a_screen_is_shared_and_the_browser_asks_only_then(
    daily: LocalDaily, browser_person: People
) -> None:
    script = daily.join("demo", user_name="Script")
    ana = await browser_person(f"{daily.url}/demo", init_script=ASKED)
    await ana.join()
    ana_id = id_of(daily, "Ana")
    script.shows(COLOURS[1])
    await shows(ana, tile(script.id), COLOURS[1])
    assert await ana.page.evaluate("window.asked") == [MICROPHONE]
    await ana.page.click("#screen")
    await ana.page.wait_for_selector('#screen[aria-pressed="true"]')
    pixels = await script.sees(lambda pixels: True, of=ana_id, source="screenVideo")
    assert pixels.shape[0] >= 90
    await ana.sees("Ana (you): screen", "#stage")
    assert await ana.page.evaluate("window.asked") == [MICROPHONE, SCREEN]
    await ana.page.click("#camera")
    await script.sees(is_fake_camera, of=ana_id)
    assert await ana.page.evaluate("window.asked") == [MICROPHONE, SCREEN, CAMERA]
    await ana.page.click("#screen")
    await script.event(
        "participant-updated",
        lambda e: (
            e["participant"]["media"]["screenVideo"]["state"] == "off"
            and e["participant"]["media"]["camera"]["state"] == "playable"
        ),
    )


async def test_a_refused_camera_says_what_to_do(daily: LocalDaily, browser_person: People) -> None:
    ana = await browser_person(f"{daily.url}/demo")
    await ana.join()
    for button, sentence in (
        ("#camera", "The browser may not use the camera. Allow it in the address bar"),
        ("#screen", "Nothing is shared: no screen was chosen"),
    ):
        await ana.page.evaluate(
            """() => { navigator.mediaDevices.getUserMedia = navigator.mediaDevices.getDisplayMedia =
            () => Promise.reject(new DOMException("", "NotAllowedError")); }"""
        )
        await ana.page.click(button)
        await ana.sees(sentence, "#notice")
        assert await ana.page.get_attribute(button, "aria-pressed") == "false"
        assert await ana.page.is_enabled(button)
    assert not await ana.page.is_visible("#stage")


async def test_an_owner_switches_a_camera_off(
    daily: LocalDaily, browser_person: People, link: Link
) -> None:
    owner = daily.join("demo", link(is_owner=True, user_name="Olga").partition("?t=")[2])
    ana = await browser_person(f"{daily.url}/demo")
    await ana.join()
    ana_id = id_of(daily, "Ana")
    participant = daily.rooms["demo"].participants[ana_id]
    await ana.page.click("#camera")
    await owner.sees(is_fake_camera, of=ana_id)
    daily.state.calls.mute(participant, by=owner.participant, camera=False)
    await ana.sees("Olga switched your camera off. Press Camera to switch it on again.")
    await ana.page.wait_for_selector('#camera[aria-pressed="false"]')
    await ana.page.wait_for_selector(tile(ana_id), state="detached")
    daily.state.calls.mute(participant, by=owner.participant, camera=True)
    await ana.sees("Olga asks you to show yourself: press Camera.")
    assert participant.media["camera"] == "off"
    await ana.page.click("#camera")
    await owner.sees(is_fake_camera, of=ana_id)


async def test_a_page_that_may_not_send_video_has_no_buttons(
    daily: LocalDaily, browser_person: People, link: Link
) -> None:
    rights = {"permissions": {"canSend": ["audio", "video"]}, "enable_screenshare": False}
    ana = await browser_person(link(user_name="Ana", **rights))
    await ana.join()
    assert await ana.page.is_visible("#camera")
    assert not await ana.page.is_visible("#screen")
    # A lost permission switches it off at once.
    await ana.page.click("#camera")
    script = daily.join("demo")
    participant = daily.rooms["demo"].participants[id_of(daily, "Ana")]
    await script.sees(is_fake_camera, of=participant.id)
    daily.state.calls.permit(participant.room, {participant.id: {"canSend": ["audio"]}})
    await ana.sees("You may no longer show this, so it was switched off.", "#notice")
    await ana.page.wait_for_selector("#camera", state="hidden")
    assert not await ana.page.is_visible("#stage")
    assert participant.media["camera"] == "off"


# The boxes of all tiles and of the chat's input, and whether the page is wider than the window.
BOXES = """
() => {
  const box = (element) => {
    const { left, top, right, bottom } = element.getBoundingClientRect();
    return [left, top, right, bottom];
  };
  return {
    tiles: [...document.querySelectorAll("#stage li")].map(box),
    chat: box(document.querySelector("#message")),
    leave: box(document.querySelector("#leave")),
    playing: [...document.querySelectorAll("#stage video")].filter((v) => v.videoWidth).length,
    wide: document.documentElement.scrollWidth > innerWidth,
  };
}
"""


async def test_the_grid_stays_usable_with_one_to_six_tiles(
    daily: LocalDaily, browser_person: People
) -> None:
    ana = await browser_person(f"{daily.url}/demo")
    await ana.join()
    await ana.page.click("#camera")
    for count in range(1, 7):
        if count > 1:
            other = daily.join("demo", user_name=f"A name of some length, number {count}")
            other.shows(COLOURS[count - 2])
        await ana.until(f"({BOXES})().playing === {count}", f"play {count} pictures")
        for width, height in ((1280, 800), (390, 844)):
            await ana.page.set_viewport_size({"width": width, "height": height})
            boxes = await ana.page.evaluate(BOXES)
            tiles = boxes["tiles"]
            assert len(tiles) == count
            assert not boxes["wide"]
            assert boxes["leave"][3] <= height
            for left, top, right, bottom in tiles:
                assert 0 <= left < right <= width
                assert 0 <= top < bottom <= height
                assert right - left >= 150
                assert bottom - top >= 85
            for at, (left, top, right, bottom) in enumerate(tiles):
                for left2, top2, right2, bottom2 in tiles[:at]:
                    assert right <= left2 or right2 <= left or bottom <= top2 or bottom2 <= top
            if width == 1280:
                assert boxes["chat"][3] <= boxes["leave"][1]
