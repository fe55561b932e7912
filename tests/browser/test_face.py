# SPDX-License-Identifier: BSD-2-Clause
"""The page of the local Daily in Chromium: rooms, timelines, requests, and what it can do."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.face.routes import LOCKED
from pipecat_daily_rest.local.face.shown import PAGE
from pipecat_daily_rest.local.rest.journal import Request

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

WAIT = 40.0  # seconds; only a failure takes that long
HOSTILE = "<img src=x onerror=alert(1)>"
People = Any  # `BrowserPeople` of conftest.py


@pytest_asyncio.fixture(loop_scope="session")
async def local_daily() -> AsyncIterator[LocalDaily]:
    async with LocalDaily(control=True) as daily:
        yield daily


@pytest_asyncio.fixture(loop_scope="session")
async def face(daily: LocalDaily, browser_person: People) -> Any:
    """The page, opened by its link."""
    face = await browser_person(daily.face_url)
    await face.page.wait_for_selector("body[data-state=live]", timeout=WAIT * 1000)
    await face.page.wait_for_selector("#rooms-list li", timeout=WAIT * 1000)
    return face


async def api(daily: LocalDaily, method: str, path: str, body: Any = None) -> Any:
    key = {"Authorization": f"Bearer {daily.api_key}"}
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, f"{daily.api_url}{path}", json=body, headers=key) as response,
    ):
        return await response.json()


async def texts(face: Any, selector: str) -> list[str]:
    return list(await face.page.locator(selector).all_inner_texts())


async def expected(face: Any, status: str) -> None:
    """Wait until Chromium has logged a refused request, and forgive that one."""
    async with asyncio.timeout(WAIT):
        while not face.errors:  # noqa: ASYNC110 (it is elsewhere)
            await asyncio.sleep(0.05)
    (error,) = face.errors
    assert status in error
    face.errors.clear()


async def choose(face: Any, name: str) -> None:
    await face.page.click(f".row:has-text({name!r})")
    await face.page.wait_for_selector(f"#life-name:text-is({name!r})", timeout=WAIT * 1000)
    await face.page.wait_for_selector("#timeline li", timeout=WAIT * 1000)


@asynccontextmanager
async def slow_life(face: Any) -> AsyncIterator[None]:
    """Hold up what a chosen room is shown from, while the block runs."""
    go = asyncio.Event()

    async def wait(route: Any) -> None:
        await go.wait()
        await route.continue_()

    await face.page.route("**/.face/rooms/*", wait)
    yield
    go.set()
    await face.page.unroute_all(behavior="wait")


async def test_a_room_and_its_life_appear_without_reloading(daily: LocalDaily, face: Any) -> None:
    await face.page.evaluate("window.loaded = 1")
    await api(daily, "POST", "/rooms", {"name": "talk", "privacy": "private"})
    await face.sees("talk", "#rooms-list")
    async with slow_life(face):
        await face.page.click(".row:has-text('talk')")
        await face.sees("Loading talk…", "#life-none")
        assert not await face.page.locator("#life-room").is_visible()
    await choose(face, "talk")
    assert not await face.page.locator("#life-none").is_visible()
    token = (await api(daily, "POST", "/meeting-tokens", {"properties": {"room_name": "talk"}}))[
        "token"
    ]
    bot = daily.join("talk", token, user_name="Echo")
    bot.participant.kind = "bot"
    ana = daily.join("talk", token, user_name=HOSTILE)
    await face.sees(f"Echo, {HOSTILE}", "#rooms-list")
    ana.tone(440, 0.3)
    await face.sees(f"{HOSTILE} spoke for", "#timeline")
    bot.tone(880, 0.3)
    await face.sees("Bot Echo spoke for", "#timeline")
    await face.sees("answer after", "#timeline")
    await face.sees("after ", "#facts")
    ana.send({"text": HOSTILE})
    await face.sees(f'{{"text":"{HOSTILE}"}}', "#timeline")
    ana.leave()
    await face.sees(f"{HOSTILE} left", "#timeline")
    await api(daily, "DELETE", "/rooms/talk")
    await face.sees("Bot Echo left", "#timeline")
    await face.sees("ended", "#rooms-list")
    assert await texts(face, "#timeline .did") == [
        "Created",
        "Token created",
        # A scripted participant becomes the bot after it has joined.
        "Echo joined",
        f"{HOSTILE} joined",
        *[each for each in await texts(face, "#timeline .did") if " spoke for " in each],
        f"{HOSTILE} sent a message",
        f"{HOSTILE} left",
        "Deleted",
        "Bot Echo left",
    ]
    spoke = [each for each in await texts(face, "#timeline .did") if " spoke for " in each]
    assert [each.partition(" spoke")[0] for each in spoke] == [HOSTILE, "Bot Echo"]
    assert await face.page.locator("#timeline img").count() == 0
    assert not await face.page.locator("#life-join").is_visible()
    assert await face.page.evaluate("window.loaded") == 1


async def test_a_person_joins_by_the_link_of_a_private_room(daily: LocalDaily, face: Any) -> None:
    await api(daily, "POST", "/rooms", {"name": "private", "privacy": "private"})
    join = face.page.locator("#rooms-list li:has-text('private') a")
    await join.wait_for(timeout=WAIT * 1000)
    async with face.context.expect_page(timeout=WAIT * 1000) as opened:
        await join.click()
    page = await opened.value
    await page.fill("#name", "Ana")
    await page.click("#enter")
    await face.sees("Ana", "#rooms-list")
    assert [p.user_name for p in daily.rooms["private"].participants.values()] == ["Ana"]
    assert await page.evaluate("sessionStorage.getItem('face')") is None
    await page.close()


async def test_requests_are_filtered_and_copied_as_curl(daily: LocalDaily, face: Any) -> None:
    await face.context.grant_permissions(["clipboard-read", "clipboard-write"])
    body = {"name": "it-s", "properties": {"start_audio_off": True, "lang": "de"}}
    await api(daily, "POST", "/rooms", body)
    await api(daily, "GET", "/rooms?limit=1")
    await api(daily, "GET", "/rooms/it's")
    await face.page.keyboard.press("2")
    await face.sees("/rooms?limit=1", "#requests-list")
    await api(daily, "DELETE", "/rooms/it-s")
    await face.sees("DELETE", "#requests-list")
    paths = "#requests-list .path"
    assert await texts(face, paths) == ["/rooms/it-s", "/rooms/it's", "/rooms?limit=1", "/rooms"]
    for filled, shown in (
        (("#requests-method", "GET"), ["/rooms/it's", "/rooms?limit=1"]),
        (("#requests-status", "4"), ["/rooms/it's"]),
        (("#requests-status", "none"), []),
    ):
        await face.page.select_option(*filled)
        await face.until(f"document.querySelectorAll('{paths}').length === {len(shown)}", "filter")
        assert await texts(face, paths) == shown
    await face.sees("No requests.", "#requests")
    await face.page.select_option("#requests-status", "")
    await face.page.select_option("#requests-method", "")
    for typed, method, path, sent in (
        ("limit", "GET", "/rooms?limit=1", None),
        ("IT'S", "GET", "/rooms/it's", None),
        ("/rooms", "POST", "/rooms", body),
    ):
        await face.page.fill("#requests-text", typed)
        row = face.page.locator(f'#requests-list li:has(.method:text-is("{method}"))').filter(
            has=face.page.locator(f'.path:text-is("{path}")')
        )
        await row.first.wait_for(timeout=WAIT * 1000)
        await face.page.evaluate("document.getElementById('said').textContent = ''")
        await row.last.get_by_role("button").click()
        await face.sees("Copied", "#said")
        command = await face.page.evaluate("navigator.clipboard.readText()")
        assert "$DAILY_API_KEY" in command
        assert daily.api_key not in command
        assert shutil.which("curl"), "needs curl: install Debian's package 'curl'"
        before = len(daily.requests)
        shell = await asyncio.create_subprocess_exec(
            "sh",
            "-c",
            command.replace("curl ", "curl -s ", 1),
            env={**os.environ, "DAILY_API_KEY": daily.api_key, "NO_PROXY": "*"},
            stdout=asyncio.subprocess.PIPE,
        )
        await asyncio.wait_for(shell.communicate(), WAIT)
        (again,) = daily.requests[before:]
        assert (again.method, again.body) == (method, sent)
        assert again.path + (f"?{again.query}" if again.query else "") == path
        assert again.status != 401


async def test_each_control_does_its_thing(daily: LocalDaily, face: Any) -> None:
    page = face.page
    await page.keyboard.press("3")
    make = page.locator("form[data-action=make]")
    await make.locator("[name=name]").fill("made")
    await make.locator("[name=sip]").check()
    await make.get_by_role("button").click()
    await face.sees("Made made.", "#said")
    fail = page.locator("form[data-action=fail]")
    await fail.locator("[name=how]").select_option(label="429, retry after 2 s")
    await fail.locator("[name=times]").fill("2")
    await fail.locator("[name=path]").fill("/rooms/made")
    await fail.get_by_role("button", name="Let them fail").click()
    await face.sees("* /rooms/made: 0 of 2 failed", "#faults")
    assert (await api(daily, "GET", "/rooms/made"))["error"] == "rate-limit-error"
    await face.sees("* /rooms/made: 1 of 2 failed", "#faults")
    await page.click("#clear")
    await face.until("!document.querySelector('#faults li')", "show that nothing fails")
    assert (await api(daily, "GET", "/rooms/made"))["name"] == "made"

    token = daily.state.domain.sign({"room_name": "made"})
    ana = daily.join("made", token, user_name="Ana")
    await daily.room("made").event("dialin-ready", timeout=WAIT)
    dial = page.locator("form[data-action=dial-in]")
    await dial.locator("[name=to]").fill("+1999")
    await dial.get_by_role("button").click()
    await face.sees("Nobody has the number '+1999'", "#said")
    await expected(face, "400 (Bad Request)")
    await page.keyboard.press("Escape")
    await page.click("#views [data-view=rooms]")
    await choose(face, "made")
    await page.get_by_role("button", name="Dial in").click()
    await face.sees("+12125550199", "#inside")
    phone = page.locator("#inside li:has-text('+12125550199')")
    await phone.locator("input").fill("4#")
    await phone.get_by_role("button", name="Press").click()
    for tone in "4#":
        event = await daily.room("made").event("dtmf-event", timeout=WAIT)
        assert event["data"]["tone"] == tone
    await phone.get_by_role("button", name="Eject").click()
    await face.sees("+12125550199 left", "#timeline")
    await page.fill("#outage", "3600")
    await page.locator("#inside li:has-text('Ana')").get_by_role("button", name="Lose").click()
    await face.sees("no network", "#inside")
    assert ana.participant.outage is not None

    await page.keyboard.press("Escape")
    await page.keyboard.press("3")
    await page.locator("form[data-action=advance]").get_by_role("button", name="1 hour").click()
    await face.sees("clock 1 h 0 min ahead", "#status")
    await page.keyboard.press("1")
    await face.sees("Expired", "#timeline")
    assert "made" not in daily.rooms
    await choose(face, "demo")
    await page.get_by_role("button", name="Delete the room").click()
    await face.sees("Deleted", "#timeline")
    assert daily.rooms == {}


async def test_without_control_there_are_no_controls(browser_person: People) -> None:
    async with LocalDaily() as daily:
        daily.state.rooms.create("demo", "public", {})
        daily.join("demo", user_name="Ana")
        face = await browser_person(daily.face_url)
        await face.sees("demo", "#rooms-list")
        await choose(face, "demo")
        await face.sees("Ana", "#inside")
        assert await texts(face, "#life button:visible") == []
        await face.page.keyboard.press("3")
        assert await face.page.locator("#control").is_hidden()


async def test_without_the_secret_it_says_where_the_link_is_printed(
    daily: LocalDaily, browser_person: People
) -> None:
    face = await browser_person(daily.url)
    await face.sees(LOCKED)
    assert await face.page.locator("#rooms").is_hidden()
    await face.page.goto(f"{daily.url}/#wrong", timeout=WAIT * 1000)
    await face.until("sessionStorage.getItem('face') === null && !location.hash", "refuse it")
    await face.sees(LOCKED)
    await expected(face, "403 (Forbidden)")
    # The right link in the same tab, then a reload: the address no longer has the secret.
    await face.page.goto(daily.face_url, timeout=WAIT * 1000)
    await face.sees("demo", "#rooms-list")
    assert face.page.url == f"{daily.url}/"
    await face.page.reload()
    await face.sees("demo", "#rooms-list")
    assert await face.context.cookies() == []


async def test_the_first_paint_is_bounded_and_more_comes_on_demand(
    daily: LocalDaily, browser_person: People
) -> None:
    for number in range(1_000):
        daily.state.rooms.create(f"room-{number:03}", "private", {})
    for number in range(10_000):
        request = Request("GET", f"/rooms/{number}", None, 200, 0.0)
        daily.parts.requests.append(request)
    sizes: dict[str, int] = {}
    face = await browser_person("about:blank")

    async def note(response: Any) -> None:
        if "/.face/" in response.url and "events" not in response.url:
            sizes[response.url] = len(await response.body())

    face.page.on("response", note)
    await face.page.goto(daily.face_url, timeout=WAIT * 1000)
    names = "#rooms-list .name"
    await face.until(f"document.querySelectorAll('{names}').length > 0", "show rooms")
    assert await texts(face, names) == [f"room-{n:03}" for n in range(999, 999 - PAGE, -1)]
    await face.sees("1001 rooms open, 0 are in", "#status")
    await face.page.click("#rooms-more")
    await face.until(f"document.querySelectorAll('{names}').length === {2 * PAGE}", "show more")
    assert (await texts(face, names))[-1] == f"room-{1000 - 2 * PAGE:03}"
    # What changes far below is not added; what is new comes first, and the list stays as long.
    daily.state.rooms.update(daily.rooms["room-000"], "public", {})
    daily.state.rooms.create("new", "public", {})
    await face.until(f"document.querySelector('{names}').textContent === 'new'", "show the new one")
    assert len(await texts(face, names)) == 2 * PAGE
    await face.page.fill("#rooms-text", "room-00")
    await face.until(f"document.querySelectorAll('{names}').length === 10", "filter")
    await face.page.keyboard.press("Escape")
    await face.page.keyboard.press("2")
    paths = "#requests-list .path"
    await face.until(f"document.querySelectorAll('{paths}').length > 0", "show requests")
    assert await texts(face, paths) == [f"/rooms/{n}" for n in range(9_999, 9_999 - PAGE, -1)]
    await face.page.click("#requests-more")
    await face.until(f"document.querySelectorAll('{paths}').length === {2 * PAGE}", "show more")
    assert max(sizes.values()) < 60_000
    assert len([url for url in sizes if "/page/" not in url]) <= 6


async def test_the_keyboard_reaches_rooms_and_their_lives(
    daily: LocalDaily, browser_person: People
) -> None:
    daily.state.rooms.create("second", "public", {})
    face = await browser_person(daily.face_url)
    await face.page.set_viewport_size({"width": 390, "height": 844})
    await face.sees("second", "#rooms-list")
    for _ in range(2):
        await face.page.keyboard.press("ArrowDown")
    await face.page.keyboard.press("Enter")
    await face.sees("Created", "#timeline")
    assert await face.page.inner_text("#life-name") == "demo"
    assert await face.page.locator("#rooms-list").is_hidden()
    wide = await face.page.evaluate("document.documentElement.scrollWidth")
    assert wide == 390
    await face.page.keyboard.press("Escape")
    assert await face.page.locator("#life").is_hidden()
    assert await face.page.evaluate("document.activeElement.textContent.includes('demo')")
    await face.page.keyboard.press("ArrowUp")
    assert await face.page.evaluate("document.activeElement.textContent.includes('second')")
    await face.page.keyboard.press("/")
    await face.page.keyboard.type("dem")
    await face.until("document.querySelectorAll('#rooms-list li').length === 1", "filter")


async def test_a_hidden_page_costs_nothing_and_a_stopped_local_daily_is_told(
    browser_person: People,
) -> None:
    async with LocalDaily() as daily:
        daily.state.rooms.create("demo", "public", {})
        face = await browser_person(daily.face_url)
        await face.sees("demo", "#rooms-list")
        viewers = daily._timelines.viewers
        assert len(viewers) == 1
        hide = """(hidden) => {
          Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
        await face.page.evaluate(hide, True)
        async with asyncio.timeout(WAIT):
            while viewers:  # noqa: ASYNC110 (it is the browser that ends it)
                await asyncio.sleep(0.05)
        daily.state.rooms.create("made-1", "public", {})
        await face.page.evaluate(hide, False)
        await face.sees("made-1", "#rooms-list")
        assert len(viewers) == 1
    await face.sees("Connecting…", "#status")
    await face.page.close()
    face.errors.clear()  # of connections that were refused
