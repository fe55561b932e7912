# SPDX-License-Identifier: BSD-2-Clause
"""The page of a local room in Chromium, on real audio."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest

from chromium import WAIT
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.browser import webrtc
from pipecat_daily_rest.local.call.log import LogEntry
from pipecat_daily_rest.local.call.mixer import SAMPLE_RATE
from pipecat_daily_rest.local.scripted.hearing import tone_level

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

Link = Callable[..., str]
People = Any  # `BrowserPeople` of conftest.py


async def logged(daily: LocalDaily, what: str, count: int = 1) -> LogEntry:
    return await asyncio.wait_for(daily.state.log.wait_for(what, count=count), WAIT)


def id_of(daily: LocalDaily, name: str) -> str:
    """Give the participant of that name."""
    people = daily.rooms["demo"].participants.values()
    return next(p.id for p in people if p.user_name == name)


async def test_two_browsers_and_a_script_hear_each_other(
    daily: LocalDaily, browser_person: People
) -> None:
    script = daily.join("demo", user_name="Script")
    script.tone(3000, 120)
    url = f"{daily.url}/demo"
    ana, bo = await asyncio.gather(
        browser_person(url, tone_hz=500, name="Ana"), browser_person(url, tone_hz=1500, name="Bo")
    )
    await asyncio.gather(ana.join(), bo.join())
    ana_id, bo_id = id_of(daily, "Ana"), id_of(daily, "Bo")
    await asyncio.gather(ana.hears(1500), ana.hears(3000), bo.hears(500), bo.hears(3000))
    await asyncio.gather(
        script.hears(500, voice=ana_id, timeout=WAIT),
        script.hears(1500, voice=bo_id, timeout=WAIT),
    )
    assert await ana.level(500) == 0
    assert await bo.level(1500) == 0
    assert tone_level(script.heard_from(ana_id), 1500) == 0
    assert tone_level(script.heard_from(bo_id), 500) == 0
    for person in (ana, bo):
        await person.sees("Joined: 2 others are here", "#status")
        await person.page.wait_for_selector(f'[data-id="{script.id}"][data-speaking=true]')
    level = "document.getElementById('level').ariaValueNow"
    await ana.until(f"{level} > 0.5 && {level} <= 1", "show the level of the microphone")


async def test_a_reload_joins_again_and_a_closed_tab_is_noticed(
    daily: LocalDaily, browser_person: People, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webrtc, "PING_TIMEOUT", 10_000)  # missing pings do not end a connection
    daily.rooms["demo"].privacy = "private"
    script = daily.join("demo", link().partition("?t=")[2])
    ana = await browser_person(link(user_name="Ana of the token"), name="ignored")
    await ana.join()
    first = id_of(daily, "Ana of the token")
    await ana.page.reload()
    await logged(daily, "person joined", count=2)
    assert (await logged(daily, "person left")).detail == f"{first}: leftCall"
    await ana.state("joined")
    second = id_of(daily, "Ana of the token")
    assert second != first
    await script.hears(500, voice=second, timeout=WAIT)
    await ana.context.new_page()
    await ana.page.close()
    assert (await logged(daily, "person left", count=2)).detail == f"{second}: leftCall"


async def test_leave_and_join_again(daily: LocalDaily, browser_person: People) -> None:
    ana = await browser_person(f"{daily.url}/demo")
    await ana.join()
    await ana.page.click("#leave")
    await ana.state("left")
    await ana.sees("You left the room.")
    await logged(daily, "person left")
    await ana.page.reload()  # a reload joins only those who have not left
    await ana.state("idle")
    await ana.join()
    await logged(daily, "person joined", count=2)
    script = daily.join("demo", user_name="Script")
    script.tone(900, 60)
    await ana.hears(900)


async def test_mute_by_key_and_by_an_owner(
    daily: LocalDaily, browser_person: People, link: Link
) -> None:
    owner = daily.join("demo", link(is_owner=True, user_name="Olga").partition("?t=")[2])
    ana = await browser_person(f"{daily.url}/demo")
    await ana.join()
    ana_id = id_of(daily, "Ana")
    participant = daily.rooms["demo"].participants[ana_id]

    def is_off(event: dict[str, Any]) -> bool:
        return event["participant"]["media"]["microphone"]["state"] == "off"

    await owner.hears(500, voice=ana_id, timeout=WAIT)
    await ana.page.keyboard.press("m")
    await owner.event("participant-updated", is_off, timeout=WAIT)
    owner.forget()
    await owner.hears(lambda audio: len(audio) > SAMPLE_RATE // 2)
    assert not owner.heard.any()
    await ana.sees("Microphone off", "#microphone")
    assert await ana.page.inner_text("#mute") == "UnmuteM"

    await ana.page.click("#mute")
    await owner.hears(500, voice=ana_id, timeout=WAIT)
    daily.state.calls.mute(participant, by=owner.participant, microphone=False)
    await ana.sees("Olga muted your microphone. Press Unmute, or M, to speak.")
    daily.state.calls.mute(participant, by=owner.participant, microphone=True)
    await ana.sees("Olga asks you to speak: press Unmute, or M.")
    assert participant.media["microphone"] == "off"
    await ana.page.fill("#message", "")
    await ana.page.type("#message", "mm")  # a letter in a message is no command
    assert participant.media["microphone"] == "off"
    await ana.page.press("#message", "Enter")
    assert (await owner.message())["message"] == "mm"
    await ana.page.focus("#leave")
    await ana.page.keyboard.press("m")
    owner.forget()
    await owner.hears(500, voice=ana_id, timeout=WAIT)


async def test_without_a_microphone_a_person_listens_and_writes(
    daily: LocalDaily, browser_person: People
) -> None:
    script = daily.join("demo", user_name="Script")
    script.tone(900, 120)
    ana = await browser_person(f"{daily.url}/demo", may_use_microphone=False)
    await ana.join()
    await ana.sees("you are only listening. Allow it in the address bar")
    assert await ana.page.inner_text("#mute") == "Use microphone"
    media = daily.rooms["demo"].participants[id_of(daily, "Ana")].media
    assert media["microphone"] == "off"
    await ana.hears(900)
    # The permission comes later.
    await ana.context.grant_permissions(["microphone"])
    await ana.page.click("#mute")
    await script.hears(500, voice=id_of(daily, "Ana"), timeout=WAIT)
    assert await ana.page.inner_text("#mute") == "MuteM"


@pytest.mark.proves("CallClient.send_prebuilt_chat_message")
async def test_the_conversation(daily: LocalDaily, browser_person: People) -> None:
    bot = daily.join("demo", user_name="Robin")
    bot.participant.kind = "bot"
    ana = await browser_person(f"{daily.url}/demo")
    await ana.join()
    ana_id = id_of(daily, "Ana")
    ready = await bot.message()
    assert (ready["label"], ready["type"]) == ("rtvi-ai", "client-ready")
    assert ready["data"]["version"].startswith("2.")

    def rtvi(kind: str, **data: Any) -> None:
        bot.send({"label": "rtvi-ai", "type": kind, "id": "1", "data": data})

    rtvi("user-transcription", text="Good", final=False, user_id=ana_id)
    rtvi("user-transcription", text="Good morning", final=True, user_id=ana_id)
    for status in ("new", "in-progress", "completed"):
        output = {"will_be_spoken": True, "spoken_status": status, "segment_id": 4}
        rtvi("bot-output", text="You said good morning.", **output)
    rtvi("bot-transcription", text="You said good morning.")
    rtvi("metrics", processing=[])
    rtvi("error", error="no key", fatal=False)
    bot.send("a plain text")
    bot.send({"event": "chat-msg", "message": "from Prebuilt", "name": "Pia", "date": "x"})
    bot.send({"step": 2})
    await ana.page.fill("#message", "hello all")
    await ana.page.press("#message", "Enter")
    chat = await bot.message()
    date = chat.pop("date")
    assert chat == {
        "event": "chat-msg",
        "message": "hello all",
        "name": "Ana",
        "room": "main-room-main",
    }
    assert datetime.fromisoformat(date).tzinfo is not None
    await ana.sees("hello all", "#log")
    lines = await ana.page.evaluate(
        "[...document.querySelectorAll('#log li')].map((line) => [...line.children].map("
        "(part) => part.textContent).join(': '))"
    )
    assert lines == [
        "Ana: Good morning",
        "Robin: You said good morning.",
        "Robin reports an error: no key",
        "Robin: a plain text",
        "Pia: from Prebuilt",
        'Robin sent data: {"step":2}',
        "Ana: hello all",
    ]
    late = daily.join("demo", user_name="Late")
    await ana.sees("Late joined", "#log")
    late.leave()
    await ana.sees("Late left", "#log")
    await ana.sees("Joined: one other is here", "#status")


async def test_markup_is_shown_as_text(
    daily: LocalDaily, browser_person: People, link: Link
) -> None:
    markup = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    script = daily.join("demo", link(user_name=markup).partition("?t=")[2])
    ana = await browser_person(f"{daily.url}/demo", name="<b>Ana</b>")
    await ana.join()
    script.send(markup)
    script.send({"event": "chat-msg", "message": markup, "name": markup})
    script.send({markup: markup})
    rtvi = {"label": "rtvi-ai", "type": "bot-output", "data": {"text": markup, "segment_id": 1}}
    script.send(rtvi)
    owner = daily.join("demo", link(is_owner=True, user_name=markup).partition("?t=")[2])
    person = daily.rooms["demo"].participants[id_of(daily, "<b>Ana</b>")]
    daily.state.calls.mute(person, by=owner.participant, microphone=False)
    await ana.sees("muted your microphone", "#notice")
    assert markup in await ana.page.inner_text("#notice")
    assert "<b>Ana</b>" in await ana.page.inner_text("#people")
    assert (await ana.page.inner_text("#log")).count(markup) >= 8
    assert await ana.page.locator("main :is(img, script, b)").count() == 0


async def test_a_long_message_comes_in_pieces_and_a_longer_one_is_refused(
    daily: LocalDaily, browser_person: People
) -> None:
    people = [daily.join("demo", user_name="ö" * 200, keep=0.1) for _ in range(40)]
    ana = await browser_person(f"{daily.url}/demo", name="Ana")
    await ana.join()
    await ana.sees("Joined: 40 others are here", "#status")
    long = "€" * 5000 + "end"
    people[0].send(long)
    people[0].send("next")
    await ana.sees("end\n", "#log")
    await ana.sees("next", "#log")
    assert long in await ana.page.inner_text("#log")
    object.__setattr__(daily.state.choices, "app_message_limit", 300)
    await ana.page.fill("#message", "x" * 400)
    await ana.page.press("#message", "Enter")
    await ana.sees("300 bytes of JSON", "#notice")
    assert not people[0].received


@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        (lambda state, room, who: state.rooms.delete(room), "The room was deleted"),
        (lambda state, room, who: state.calls.eject(who), "You were removed from the room."),
        (lambda state, room, who: state.clock.advance(600), "The room has expired."),
        (lambda state, room, who: state.close(), "The local Daily was stopped."),
    ],
    ids=["deleted", "ejected", "expired", "stopped"],
)
async def test_the_page_says_why_it_ended(
    daily: LocalDaily, browser_person: People, end: Callable[..., None], sentence: str
) -> None:
    room, state = daily.rooms["demo"], daily.state
    config = {"exp": state.clock.now() + 300, "eject_at_room_exp": True}
    state.rooms.update(room, None, config)
    ana = await browser_person(f"{daily.url}/demo")
    await ana.join()
    end(state, room, next(iter(room.participants.values())))
    await ana.state("left")
    await ana.sees(sentence, "#reason")
    assert await ana.page.evaluate("document.querySelector('audio').srcObject") is None
    await logged(daily, "person left")


async def no_room(daily: LocalDaily, link: Link) -> str:
    return f"{daily.url}/nowhere"


async def no_token(daily: LocalDaily, link: Link) -> str:
    daily.rooms["demo"].privacy = "private"
    return f"{daily.url}/demo"


async def expired(daily: LocalDaily, link: Link) -> str:
    return link(exp=int(daily.state.clock.now()) - 1)


async def full(daily: LocalDaily, link: Link) -> str:
    daily.rooms["demo"].config["max_participants"] = 1
    daily.join("demo")
    return f"{daily.url}/demo"


@pytest.mark.parametrize(
    ("arrange", "sentence"),
    [
        (no_room, "There is no room 'nowhere' here"),
        (no_token, "This room is private"),
        (expired, "token has expired. Ask for a new link."),
        (full, "The room is full (1 participants)"),
    ],
)
async def test_a_refused_join_shows_the_reason(
    daily: LocalDaily,
    browser_person: People,
    link: Link,
    arrange: Callable[..., Awaitable[str]],
    sentence: str,
) -> None:
    ana = await browser_person(await arrange(daily, link))
    await ana.page.click("#enter")
    await ana.state("refused")
    await ana.sees(sentence, "#reason")
    assert all("Failed to load resource" in error for error in ana.errors)
    ana.errors.clear()
    await ana.page.reload()
    await ana.state("idle")


async def test_what_to_do_when_media_cannot_connect(
    daily: LocalDaily, browser_person: People
) -> None:
    relay = """
    {  // what it waits ten seconds for takes one
      const wait = window.setTimeout;
      window.setTimeout = (run, ms, ...rest) => wait(run, ms / 10, ...rest);
    }
    window.RTCPeerConnection = class extends RTCPeerConnection {
      constructor() { super({ iceTransportPolicy: "relay" }); }
    };
    """
    ana = await browser_person(f"{daily.url}/demo", init_script=relay)
    await ana.page.click("#enter")
    await ana.state("refused")
    await ana.sees("Switch off a VPN or a firewall", "#reason")
    assert not daily.rooms["demo"].participants


async def test_by_keyboard_alone(daily: LocalDaily, browser_person: People) -> None:
    ana = await browser_person(f"{daily.url}/demo")
    keyboard = ana.page.keyboard
    await keyboard.type("Ana")
    await keyboard.press("Enter")
    await ana.state("joined")
    assert await ana.page.evaluate("document.activeElement.id") == "mute"
    for button in ("camera", "screen", "leave"):
        await keyboard.press("Tab")
        assert await ana.page.evaluate("document.activeElement.id") == button
    await keyboard.press("Enter")
    await ana.state("left")
    assert await ana.page.evaluate("document.activeElement.id") == "enter"
    await keyboard.press("Enter")
    await ana.state("joined")
    unlabelled = """
    [...document.querySelectorAll("input, button")].filter((element) =>
      !element.labels?.length && !element.textContent.trim()).map((element) => element.id)
    """
    assert await ana.page.evaluate(unlabelled) == []


async def test_transcripts_and_a_lost_network(daily: LocalDaily, browser_person: People) -> None:
    bot = daily.join("demo", user_name="Robin")
    bot.participant.is_owner = True
    ana = await browser_person(f"{daily.url}/demo")
    await ana.join()
    room = daily.room("demo")
    settings = {"includeRawResponse": True, "extra": {"interim_results": True}}
    daily.transcriber.start(bot.participant, settings)
    room.transcribe("Ana", "Good", final=False)
    room.transcribe("Ana", "Good morning")
    room.transcribe("Robin", "<b>hello</b>")
    await ana.sees("<b>hello</b>", "#log")
    lines = await ana.page.evaluate(
        "[...document.querySelectorAll('#log li[data-kind=speech]')].map((line) => line.innerText)"
    )
    assert [line.replace("\n", " ") for line in lines] == ["Ana Good morning", "Robin <b>hello</b>"]
    room.lose_network("Robin", seconds=10)
    await ana.sees("no network", "#people")
    daily.advance(11)
    room.lose_network("Ana", seconds=20)
    await ana.sees("Connection interrupted", "#status")
    bot.send("late")
    daily.advance(21)
    await ana.sees("late", "#log")
    await ana.sees("Joined: one other is here", "#status")
    room.lose_network("Ana", seconds=60)
    daily.advance(61)
    await ana.sees("no network for too long", "#reason")
