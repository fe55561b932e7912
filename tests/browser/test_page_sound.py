# SPDX-License-Identifier: BSD-2-Clause
"""The page of a local room in Chromium: devices, the sound check, and a call without a microphone."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pipecat_daily_rest.local import LocalDaily

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

People = Any  # `BrowserPeople` of conftest.py

CHOSEN = "(list) => document.getElementById(list).value"
LAST = "(list) => [...document.getElementById(list).options].at(-1).value"
# Keeps the streams that the page opens, and tells of which microphone the live ones are.
STREAMS = """
window.opened = [];
const getUserMedia = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (what) => {
  const stream = await getUserMedia(what);
  opened.push(...stream.getTracks());
  const clone = stream.clone.bind(stream);
  stream.clone = () => {
    const made = clone();
    opened.push(...made.getTracks());
    return made;
  };
  return stream;
};
window.live = () => opened.filter((track) => track.readyState === "live").map((track) => track.getSettings().deviceId);
"""


def is_loud(audio: NDArray[np.int16]) -> bool:
    return len(audio) > 0 and int(np.abs(audio).max()) > 3000


async def test_devices_are_chosen_and_tried_before_the_call_and_in_it(
    daily: LocalDaily, browser_person: People
) -> None:
    script = daily.join("demo", user_name="Script")
    ana = await browser_person(f"{daily.url}/demo", init_script=STREAMS)
    await ana.page.click("#check")
    await ana.sees("The microphone hears you.", "#sound-heard")
    assert not await ana.page.is_visible("#to-bot")
    await ana.page.evaluate(
        """() => {
          const play = HTMLMediaElement.prototype.play;
          HTMLMediaElement.prototype.play = function () {
            window.player = this;
            return play.call(this);
          };
        }"""
    )
    await ana.page.click("#try")
    await ana.until("window.player?.currentTime > 0.2", "play a sound")
    for devices in ("microphones", "speakers"):
        assert await ana.page.locator(f"#{devices} option").count() > 1
    speaker = await ana.page.evaluate(LAST, "speakers")
    await ana.page.select_option("#speakers", speaker)
    await ana.until(f"window.player.sinkId === '{speaker}'", "play on the chosen speaker")
    await ana.page.keyboard.press("Escape")
    await ana.until("live().length === 0", "close the microphone of the check")
    assert await ana.page.evaluate("document.activeElement.id") == "check"

    await ana.join()
    await ana.until(f"document.getElementById('remote').sinkId === '{speaker}'", "use the speaker")
    await ana.page.keyboard.press("m")  # a muted microphone can be tried, too
    await ana.page.click("#settings")
    await ana.sees("The microphone hears you.", "#sound-heard")
    microphone = await ana.page.evaluate(LAST, "microphones")
    assert await ana.page.evaluate(CHOSEN, "microphones") != microphone
    await ana.page.select_option("#microphones", microphone)
    await ana.until(
        f"live().length === 2 && live().every((id) => id === '{microphone}')",
        "listen to the chosen microphone",
    )
    await ana.page.keyboard.press("m")  # no command in a dialog
    await ana.page.click("#done")
    await ana.until("live().length === 1", "close the microphone of the check")
    await script.hears(lambda audio: len(audio) > 24_000)
    script.forget()
    await script.hears(lambda audio: len(audio) > 12_000)
    assert not script.heard.any()  # still muted
    await ana.page.click("#mute")
    await script.hears(500)

    await ana.page.reload()  # the browser remembers both
    await ana.state("joined")
    assert await ana.page.evaluate("live()") == [microphone]
    assert await ana.page.evaluate("document.getElementById('remote').sinkId") == speaker


async def test_without_a_microphone_a_person_types_or_plays_a_sample(
    daily: LocalDaily, browser_person: People
) -> None:
    bot = daily.join("demo", user_name="Robin")
    ana = await browser_person(f"{daily.url}/demo", may_use_microphone=False)
    await ana.join()
    await ana.sees("you are only listening", "#notice")
    await ana.page.click("#type")
    await ana.page.keyboard.type("hello")
    await ana.page.keyboard.press("Enter")
    assert (await bot.message())["message"] == "hello"
    me = next(p for p in daily.rooms["demo"].participants.values() if p.id != bot.id)
    assert me.media["microphone"] == "off"
    bot.forget()
    await ana.page.click("#play")
    await bot.hears(is_loud, voice=me.id)
    assert me.media["microphone"] == "playable"
    # Then it is off again, after the silence by which a bot notices the end.
    await bot.event(
        "participant-updated",
        lambda event: event["participant"]["media"]["microphone"]["state"] == "off",
        timeout=40,
    )
    assert not bot.heard[-12_000:].any()
    await ana.sees("microphone off", "#people")
    # In the dialog, too, which says why there is nothing to hear.
    await ana.page.click("#settings")
    await ana.sees("The browser may not use the microphone", "#sound-problem")
    bot.forget()
    await ana.page.click("#sample")
    await bot.hears(is_loud, voice=me.id)
    assert await ana.page.inner_text("#mute") == "Use microphone"


async def test_who_may_not_speak_plays_no_sample(daily: LocalDaily, browser_person: People) -> None:
    daily.state.rooms.update(daily.rooms["demo"], None, {"permissions": {"canSend": False}})
    ana = await browser_person(f"{daily.url}/demo", may_use_microphone=False)
    await ana.join()
    assert await ana.page.is_visible("#type")
    assert not await ana.page.is_visible("#play")
    await ana.page.click("#settings")
    await ana.page.wait_for_selector("#sound[open]")
    assert not await ana.page.is_visible("#sample")
