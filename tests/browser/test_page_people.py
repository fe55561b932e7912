# SPDX-License-Identifier: BSD-2-Clause
"""The page of a local room in Chromium: names, the header, and ends without a way back."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from pipecat_daily_rest.local import LocalDaily

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

Link = Callable[..., str]
People = Any  # `BrowserPeople` of conftest.py

# Gives what is wrong with the header: it has one line, and nothing sticks out of it or the page.
HEADER = """
() => {
  const lines = (element) => element.getBoundingClientRect().height / parseFloat(getComputedStyle(element).lineHeight);
  const { scrollWidth, clientWidth } = document.documentElement;
  const [icon, room, status] = document.querySelector("header").children;
  const wrong = [room, status].filter((each) => lines(each) > 1.5).map((each) => each.id);
  if (scrollWidth > clientWidth) wrong.push("page");
  if (status.getBoundingClientRect().right > clientWidth) wrong.push("edge");
  if (room.getBoundingClientRect().width < 60) wrong.push("room is too narrow");
  return wrong;
}
"""


async def test_people_without_a_name_get_one_that_everybody_sees(
    daily: LocalDaily, browser_person: People, link: Link
) -> None:
    bot = daily.join("demo", user_name="Robin")
    pages = [await browser_person(f"{daily.url}/demo", name=name) for name in ("", "  ", "Zoe")]
    for person, name in zip(pages, ("Guest", "Guest 2", "Zoe"), strict=True):
        await person.join()
        event = await bot.event("participant-joined")  # what a bot is told
        bot.forget()
        assert event["participant"]["info"]["userName"] == name
        await person.sees(name, "#people")
    await pages[0].sees("Guest 2 joined", "#log")
    await pages[0].page.fill("#message", "hello")
    await pages[0].page.press("#message", "Enter")
    assert (await bot.message())["name"] == "Guest"
    # The name is free again.
    await pages[0].page.click("#leave")
    await bot.event("participant-left")
    await pages[0].join()
    await pages[1].sees("Guest joined", "#log")
    # What is typed while the page loads stays.
    early = """new MutationObserver((_, observer) => {
      const name = document.getElementById("name");
      if (name) { name.value = "Early"; observer.disconnect(); }
    }).observe(document, { childList: true, subtree: true });"""
    eve = await browser_person(f"{daily.url}/demo", init_script=early)
    await eve.state("idle")
    await eve.page.wait_for_function("document.title !== 'Local room'")  # its script has run
    assert await eve.page.input_value("#name") == "Early"
    # A token's name is in the field before the person joins.
    bo = await browser_person(link(user_name="Bo ✓"), name="")
    assert await bo.page.input_value("#name") == "Bo ✓"
    await bo.sees("The others see the name in your link.", "#given")
    await bo.page.click("#enter")
    await bo.sees("Bo ✓", "#people")
    await pages[1].sees("Bo ✓ joined", "#log")


@pytest.mark.parametrize("width", [1280, 390])
async def test_the_header_never_wraps(
    daily: LocalDaily, browser_person: People, width: int
) -> None:
    name = "long-name-of-a-room_" * 6
    daily.state.rooms.create(name, "public", {})
    ana = await browser_person(f"{daily.url}/{name}")
    await ana.page.set_viewport_size({"width": width, "height": 844})
    assert await ana.page.evaluate(HEADER) == []
    assert await ana.page.get_attribute("#room", "title") == name
    await ana.join()
    assert await ana.page.evaluate(HEADER) == []
    for status in ("Waiting for the microphone", "Connection interrupted…", "x" * 200):
        await ana.page.evaluate(
            "(text) => document.getElementById('status').innerText = text", status
        )
        assert await ana.page.evaluate(HEADER) == [], status
    # Without a microphone, with captions and a camera, nothing is wider than the page, either.
    await ana.page.click("#captions")
    await ana.page.click("#camera")
    await ana.page.wait_for_selector("#stage video")
    await ana.page.evaluate("document.getElementById('instead').hidden = false")
    assert await ana.page.evaluate(HEADER) == []


@pytest.mark.parametrize(
    ("end", "again"),
    [
        (lambda state, room, who: state.rooms.delete(room), False),
        (lambda state, room, who: state.clock.advance(600), False),
        (lambda state, room, who: state.close(), False),
        (lambda state, room, who: state.calls.eject(who), True),
    ],
    ids=["deleted", "expired", "stopped", "ejected"],
)
async def test_nobody_is_asked_to_join_a_room_that_is_gone(
    daily: LocalDaily, browser_person: People, end: Callable[..., None], again: bool
) -> None:
    room, state = daily.rooms["demo"], daily.state
    config = {"exp": state.clock.now() + 300, "eject_at_room_exp": True}
    state.rooms.update(room, None, config)
    ana = await browser_person(f"{daily.url}/demo")
    await ana.join()
    end(state, room, next(iter(room.participants.values())))
    await ana.state("left")
    for part in ("#enter", "#name", "#check"):
        assert await ana.page.is_visible(part) is again, part
    focus = await ana.page.evaluate("document.activeElement.id")
    assert focus == ("enter" if again else "lobby-title")
    await ana.sees("You are not in the room" if again else "The call is over", "#lobby-title")


async def test_nobody_is_asked_to_join_again_where_there_is_no_room(
    daily: LocalDaily, browser_person: People, link: Link
) -> None:
    ana, bo = await asyncio.gather(
        browser_person(f"{daily.url}/nowhere"),
        browser_person(link(exp=int(daily.state.clock.now()) - 1)),
    )
    for person in (ana, bo):
        await person.page.click("#enter")
        await person.state("refused")
        assert not await person.page.is_visible("#enter")
        person.errors.clear()  # Chromium logs the refusal
