# SPDX-License-Identifier: BSD-2-Clause
"""The page of a local room in Chromium: what the bot does, how long it took to answer, captions."""

import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pipecat_daily_rest.local import LocalDaily
from sounds import speech

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

People = Any  # `BrowserPeople` of conftest.py
RATE = 48_000

# Runs sounds of [who, from, to] in ms through the measurement of turns, in steps of 20 ms. "p" is the
# person, "b" the bot; "gap" is a time without measurements. Gives [who, seconds] of each turn.
MEASURE = """
async (sounds) => {
  const { Turns } = await import("/.page/turns.js");
  const answers = [];
  let now = 0;
  const during = (who) => sounds.some(([whose, from, to]) => whose === who && now >= from && now < to);
  const others = ["bot", "zoe"];
  const turns = new Turns(() => others.filter(during), (who, seconds) => answers.push([who, seconds]));
  for (now = 0; now < 60_000; now += 20) {
    if (during("gap")) continue;
    turns.hearPerson(during("p"), now);
    turns.hearOthers(others.some(during), now);
  }
  return answers;
}
"""


def is_silent(audio: NDArray[np.int16]) -> bool:
    return int(np.abs(audio).max()) < 300


@pytest.mark.parametrize(
    ("sounds", "answers"),
    [
        ([("p", 1000, 2000), ("bot", 2800, 5000)], [("bot", 0.82)]),
        # A pause within the person's turn, and one within the bot's.
        ([("p", 1000, 2000), ("p", 2600, 3000), ("bot", 3500, 4000), ("bot", 4800, 6000)], [0.52]),
        (
            [("p", 1000, 2000), ("bot", 2500, 4000), ("p", 5000, 6000), ("bot", 7000, 8000)],
            [0.52, 1.02],
        ),
        # A click is no voice: neither before the answer nor as a turn of its own.
        ([("p", 1000, 2000), ("p", 2500, 2560), ("bot", 3000, 4000)], [1.02]),
        ([("p", 1000, 1060), ("bot", 2000, 3000)], []),
        # The bot's own words are no answer to themselves; a word of its while the person speaks, neither.
        ([("bot", 1000, 2000), ("bot", 3000, 4000)], []),
        ([("p", 1000, 3000), ("bot", 1500, 1700), ("bot", 3600, 4000)], [0.62]),
        # The person interrupts the bot, which stops; and says something that the bot talks over.
        ([("bot", 0, 1500), ("p", 1000, 3000), ("bot", 3900, 5000)], [0.92]),
        ([("bot", 0, 4000), ("p", 1000, 2000), ("bot", 4800, 5000)], []),
        # Somebody else answers, or both at once.
        ([("p", 1000, 2000), ("zoe", 2500, 3500)], [("zoe", 0.52)]),
        ([("p", 1000, 2000), ("bot", 2500, 3500), ("zoe", 2500, 3500)], []),
        # Too late; and with a time in which the page stood still.
        ([("p", 1000, 2000), ("bot", 40_000, 41_000)], []),
        ([("p", 1000, 2000), ("gap", 2000, 2600), ("bot", 2800, 3500)], []),
    ],
)
async def test_the_time_to_an_answer(
    daily: LocalDaily, browser_person: People, sounds: Any, answers: Any
) -> None:
    ana = await browser_person(f"{daily.url}/demo")
    measured = await ana.page.evaluate(MEASURE, sounds)
    expected = [each if isinstance(each, tuple) else ("bot", each) for each in answers]
    assert [(who, round(seconds, 2)) for who, seconds in measured] == expected


async def test_the_answer_of_a_bot_is_timed_at_the_page(
    daily: LocalDaily, browser_person: People
) -> None:
    bot = daily.join("demo", user_name="Robin")
    bot.participant.kind = "bot"
    says = np.concatenate([speech(RATE, tone_hz=3300), np.zeros(RATE * 8, np.int16)])
    ana = await browser_person(f"{daily.url}/demo", says=says)
    await ana.join()
    for pause in (0.5, 2.0):
        measured = f"parseFloat(document.querySelector('.turn')?.textContent.slice(12)) > {pause}"
        # A page that stood still for a moment does not tell of this turn; it tells of a later one.
        while not await ana.page.evaluate(measured):
            bot.forget()
            await bot.hears(3300)
            # The end of her voice: a moment of silence, which counts as well.
            await bot.hears(lambda audio: len(audio) > RATE and is_silent(audio[-RATE // 4 :]))
            bot.says(np.zeros(int(RATE * pause), np.int16))
            bot.tone(900, 1.0)
            await ana.hears(900)
            await ana.sees("speaking", "#people")
            await ana.sees("listening", "#people")
    shown = await ana.page.inner_text(".turn")
    assert re.fullmatch(r"answered in \d+\.\d\d s", shown)
    assert float(shown.split()[2]) < 8  # before she began again


async def test_what_a_bot_does_is_shown(daily: LocalDaily, browser_person: People) -> None:
    bot = daily.join("demo", user_name="Robin")
    bot.participant.kind = "bot"
    ana = await browser_person(f"{daily.url}/demo", tone_hz=None)
    await ana.join()

    async def after(kind: str, state: str) -> None:
        bot.send({"label": "rtvi-ai", "type": kind, "id": "1", "data": {}})
        await ana.page.wait_for_selector(f'#people [data-kind=bot][data-does="{state}"]')
        await ana.sees(f"bot · {state}", "#people")

    await ana.sees("bot · joining", "#people")
    await after("bot-ready", "listening")
    await after("user-started-speaking", "listening")
    await after("user-stopped-speaking", "thinking")
    await after("bot-llm-started", "thinking")
    await after("bot-started-speaking", "speaking")
    await after("bot-llm-stopped", "speaking")
    await after("bot-llm-started", "speaking")  # it thinks ahead
    await after("bot-stopped-speaking", "listening")
    await after("llm-function-call-started", "thinking")
    await after("bot-interrupted", "listening")
    await after("user-stopped-speaking", "thinking")
    bot.tone(900, 1)  # a bot that does not say when it speaks
    await ana.page.wait_for_selector("#people [data-kind=bot][data-does=speaking]")
    await ana.page.wait_for_selector("#people [data-kind=bot][data-does=listening]")
    await after("user-stopped-speaking", "thinking")
    bot.leave()
    await ana.sees("Robin left", "#log")
    assert await ana.page.locator("#people li").count() == 1
    # One that says nothing of itself.
    quiet = daily.join("demo", user_name="Quiet")
    quiet.participant.kind = "bot"
    await ana.page.reload()
    await ana.sees("bot · joining", "#people")
    quiet.tone(900, 1)
    await ana.sees("bot · speaking", "#people")
    await ana.sees("bot · listening", "#people")


async def test_captions_show_what_is_said_now(daily: LocalDaily, browser_person: People) -> None:
    bot = daily.join("demo", user_name="Robin")
    bot.participant.kind = "bot"
    ana = await browser_person(f"{daily.url}/demo", name="<b>Ana</b>")
    await ana.join()
    ana_id = next(p.id for p in daily.rooms["demo"].participants.values() if p.kind == "person")
    assert not await ana.page.is_visible("#caption")
    await ana.page.keyboard.press("c")
    assert await ana.page.get_attribute("#captions", "aria-pressed") == "true"

    def rtvi(kind: str, **data: Any) -> None:
        bot.send({"label": "rtvi-ai", "type": kind, "id": "1", "data": data})

    async def shows(who: str, words: str) -> None:
        await ana.until(
            f"document.getElementById('caption').textContent.trim() === `{who} {words}`",
            f"caption {words!r}",
        )

    rtvi("user-transcription", text="Good", final=False, user_id=ana_id)
    await shows("<b>Ana</b>", "Good")
    rtvi("user-transcription", text="Good <i>morning</i>", final=True, user_id=ana_id)
    await shows("<b>Ana</b>", "Good <i>morning</i>")
    words = [f"word{number:02}" for number in range(60)]
    text = " ".join(words)
    output = {"text": text, "segment_id": 1, "will_be_spoken": True}
    rtvi("bot-output", **output, spoken_status="new")
    await shows("Robin", " ".join(words[:20]))
    said = {"accumulated_text": " ".join(words[:40]), "remaining_text": " ".join(words[40:])}
    rtvi("bot-output", **output, spoken_status="in-progress", spoken_progress=said)
    await shows("Robin", " ".join(words[20:40]))
    assert await ana.page.locator("#log li[data-kind=speech]").count() == 2
    # What is written only is no caption.
    rtvi("bot-output", text="a link", segment_id=2, will_be_spoken=False, spoken_status="new")
    await ana.sees("a link", "#log")
    await shows("Robin", " ".join(words[20:40]))
    rtvi("bot-output", text="Bye", segment_id=3, will_be_spoken=True, spoken_status="new")
    await shows("Robin", "Bye")
    await ana.until("document.querySelector('#caption span').textContent === ''", "end the caption")
    await ana.page.reload()  # the browser remembers that they are on
    await ana.state("joined")
    assert await ana.page.is_visible("#caption")
    await ana.page.click("#captions")
    assert not await ana.page.is_visible("#caption")
    await ana.page.click("#leave")
    await ana.state("left")
    assert not await ana.page.is_visible("#caption")


async def test_what_is_typed_reaches_an_rtvi_bot_as_its_clients_send_it(
    daily: LocalDaily, browser_person: People
) -> None:
    bot = daily.join("demo", user_name="Robin")
    bot.participant.kind = "bot"
    ana, bo = [await browser_person(f"{daily.url}/demo", name=name) for name in ("Ana", "Bo")]
    await ana.join()
    await bo.join()
    assert [(await bot.message())["type"] for _ in (ana, bo)] == ["client-ready"] * 2
    bot.send({"label": "rtvi-ai", "type": "bot-ready", "id": "1", "data": {"version": "2.0.0"}})
    await ana.sees("bot · listening", "#people")
    await ana.page.fill("#message", "hello")
    await ana.page.press("#message", "Enter")
    message = await bot.message()
    assert (message["label"], message["type"]) == ("rtvi-ai", "send-text")
    assert message["data"] == {"content": "hello"}
    assert (message["event"], message["message"], message["name"]) == ("chat-msg", "hello", "Ana")
    await bo.sees("hello", "#log")
    line = await bo.page.inner_text("#log li[data-kind=chat]")
    assert line.split("\n") == ["Ana", "hello"]
