# SPDX-License-Identifier: BSD-2-Clause
"""The page of a private room: knocking, and what permissions change."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from pipecat_daily_rest.local import LocalDaily

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

Link = Callable[..., str]
People = Any  # `BrowserPeople` of conftest.py


@pytest.fixture
def door(daily: LocalDaily) -> LocalDaily:
    room = daily.rooms["demo"]
    daily.state.rooms.update(room, "private", {"enable_knocking": True})
    return daily


async def knock(person: Any) -> None:
    await person.page.fill("#name", person.name)
    await person.page.click("#enter")
    await person.state("waiting")


async def test_waiting_and_being_let_in(
    door: LocalDaily, browser_person: People, link: Link
) -> None:
    olga, ana = await asyncio.gather(
        browser_person(link(is_owner=True), tone_hz=1500, name="Olga"),
        browser_person(f"{door.url}/demo", tone_hz=500, name="Ana <b>"),
    )
    await olga.join()
    assert not await olga.page.is_visible("#knocks")
    await knock(ana)
    await ana.sees("Waiting to be let in", "#lobby-title")
    await ana.sees("You have knocked.", "#reason")
    assert not await ana.page.is_visible("#enter")
    await olga.sees("Ana <b>", "#waiting")
    await olga.sees("Ana <b> waits to be let in", "#log")
    await olga.page.get_by_role("button", name="Let in: Ana <b>").click()
    await ana.state("joined")
    await asyncio.gather(ana.hears(1500), olga.hears(500))
    await olga.page.wait_for_selector("#knocks", state="hidden")
    # Only those who may let others in see who waits.
    bo = await browser_person(f"{door.url}/demo", name="Bo")
    await knock(bo)
    await olga.sees("Bo", "#waiting")
    assert not await ana.page.is_visible("#knocks")
    # It sees them once it may.
    [ana_id] = [p.id for p in door.rooms["demo"].participants.values() if not p.is_owner]
    door.state.calls.permit(door.rooms["demo"], {ana_id: {"canAdmin": ["participants"]}})
    await ana.sees("Bo", "#waiting")
    await bo.page.click("#giveup")
    await bo.state("left")
    await bo.sees("You stopped waiting.", "#reason")
    await asyncio.gather(
        *(p.page.wait_for_selector("#knocks", state="hidden") for p in (ana, olga))
    )


async def test_a_refused_knock_and_another_one(
    door: LocalDaily, browser_person: People, link: Link
) -> None:
    ana = await browser_person(f"{door.url}/demo", name="Ana")
    await knock(ana)
    olga = await browser_person(link(is_owner=True), name="Olga")
    await olga.join()
    await olga.page.get_by_role("button", name="Deny: Ana").click()
    await ana.state("refused")
    await ana.sees("An owner of the call did not let you in.", "#reason")
    await knock(ana)
    await olga.sees("Ana", "#waiting")
    door.state.rooms.delete(door.rooms["demo"])
    await ana.state("refused")
    await ana.sees("The room was deleted.", "#reason")


async def test_a_person_who_may_no_longer_speak_is_muted(
    daily: LocalDaily, browser_person: People
) -> None:
    ana = await browser_person(f"{daily.url}/demo", tone_hz=500)
    await ana.join()
    script = daily.join("demo", user_name="Script")
    room = daily.rooms["demo"]
    me = next(each for each in room.participants.values() if each.id != script.id)
    await script.hears(500)
    daily.state.calls.permit(room, {me.id: {"canSend": False}})
    await ana.sees("no longer speak", "#notice")
    await ana.sees("Unmute", "#mute")
    await script.event(
        "participant-updated", lambda e: not e["participant"]["info"]["permissions"]["canSend"]
    )
    await ana.page.click("#mute")
    await ana.sees("but not speak.", "#notice")
    script.forget()
    await script.hears(lambda audio: len(audio) >= 24_000)
    assert not script.heard.any()
    # It may speak again, but only the person switches the microphone on.
    daily.state.calls.permit(room, {me.id: {"canSend": True}})
    await ana.sees("You may speak now: press Unmute", "#notice")
    assert me.media["microphone"] == "off"
    await ana.page.click("#mute")
    await script.hears(500)
