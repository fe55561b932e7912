# SPDX-License-Identifier: BSD-2-Clause
"""A person in a real Chromium, for the tests in this folder.

::

    async def test_something(daily: LocalDaily, browser_person: BrowserPeople) -> None:
        ana = await browser_person(f"{daily.url}/demo", tone_hz=500, name="Ana")
        await ana.join()
        await ana.hears(3000)

``browser_person`` skips the test with a reason where there is no Chromium or no Playwright.

The tests of this folder share one event loop, and with it the browsers: people with the same sound
at their microphone are contexts of one Chromium.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray

from chromium import WAIT, Browsers, wait_longer
from pipecat_daily_rest.local import LocalDaily
from tokens import token

# Runs before the page: notes violations of its policy for the end of the test.
WATCH_POLICY = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) =>
  violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""

# Gives the loudness of a tone at an analyser, in dB over the median of all frequencies; 0 when
# another is louder by more than 25 dB.
LOUDNESS = """
(analyser, hz) => {
  const levels = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(levels);
  const bin = (f) => Math.round((f * analyser.fftSize) / analyser.context.sampleRate);
  const peak = Math.max(...levels.subarray(bin(hz) - 2, bin(hz) + 3));
  const heard = levels.subarray(bin(100), bin(12000));
  const loudest = Math.max(...heard);
  if (!Number.isFinite(peak) || peak < -75 || peak < loudest - 25) return 0;
  return peak - [...heard].sort((a, b) => a - b)[heard.length >> 1];
}
"""

# The same of what the page plays now. Reads the stream that the <audio> element plays.
TONE = """
(hz) => {
  const stream = document.querySelector("audio").srcObject;
  if (!stream) return 0;
  if (window.listening?.stream !== stream) {
    window.listening?.context.close();
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0.3 });
    context.createMediaStreamSource(stream).connect(analyser);
    window.listening = { stream, context, analyser };
  }
  return LOUDNESS(window.listening.analyser, hz);
}
""".replace("LOUDNESS", f"({LOUDNESS})")

# Runs before the page: remembers whether it ever played a tone, from the first moment on. A sound
# of half a second has ended before a busy machine has looked; the analyser has the last 0.7 s.
REMEMBER = """
{
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 32768, smoothingTimeConstant: 0 });
  let played;
  setInterval(() => {
    const stream = document.querySelector("audio")?.srcObject;
    if (stream !== played && stream?.getAudioTracks().length) {
      context.createMediaStreamSource(stream).connect(analyser);
      played = stream;
    }
    if (played && LOUDNESS(analyser, HZ) > 20) window.remembered = true;
  }, 50);
}
""".replace("LOUDNESS", f"({LOUDNESS})")


class BrowserPerson:
    """One page in a context of its own, a fake microphone and what a test wants to know about it.

    Parameters:
        page: Playwright's page, for whatever has no method here.
        context: Playwright's browser context.
        errors: Console errors, exceptions and violations of the content security policy so far.
            The fixture fails a test that leaves any; clear the list where one is expected
            (Chromium logs one for each refused offer).
    """

    def __init__(self, context: Any, page: Any, name: str) -> None:
        self.page = page
        self.context = context
        self.name = name
        self.errors: list[str] = []
        page.on("console", lambda m: m.type == "error" and self.errors.append(m.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    async def join(self) -> None:
        """Type the name, press Join, and wait until the page says that it is in."""
        await self.page.fill("#name", self.name)
        await self.page.click("#enter")
        await self.state("joined")

    async def state(self, state: str) -> None:
        """Wait for a state of the page: ``idle``, ``joining``, ``joined``, ``left``, ``refused``."""
        body = f"body[data-state={state}]"
        try:
            await self.page.wait_for_selector(body, timeout=WAIT * 1000)
        except Exception as exc:
            shown = await self.page.inner_text("body")
            msg = f"{self.name}'s page is not {state!r} but shows: {shown!r} {self.errors}"
            raise AssertionError(msg) from exc

    async def level(self, hz: float) -> float:
        """Measure a tone in what the page plays right now: dB over the median, or 0."""
        return float(await self.page.evaluate(TONE, hz))

    async def hears(self, hz: float) -> None:
        """Wait until the page plays a tone. Measured by an AnalyserNode on the remote track."""
        await self.until(f"({TONE})({hz}) > 20", f"play {hz} Hz")

    async def hears_no(self, hz: float) -> None:
        """Wait until a tone has faded from what the page plays."""
        await self.until(f"({TONE})({hz}) === 0", f"stop playing {hz} Hz")

    async def has_heard(self) -> None:
        """Wait until the page has played the tone that it remembers, be it long ago."""
        await self.until("window.remembered", "play what it was to remember")

    async def until(self, expression: str, what: str) -> None:
        """Wait until a JavaScript expression is true in the page.

        Args:
            expression: The expression.
            what: What the page does then, for the message of a failure.
        """
        try:
            async with asyncio.timeout(WAIT):
                while not await self.page.evaluate(expression):  # noqa: ASYNC110 (it is elsewhere)
                    await asyncio.sleep(0.05)
        except TimeoutError as exc:
            msg = f"{self.name}'s page did not {what} within {WAIT} s"
            raise AssertionError(msg) from exc

    async def sees(self, text: str, where: str = "body") -> None:
        """Wait until an element shows a text."""
        found = self.page.locator(where).get_by_text(text).filter(visible=True).first
        try:
            await found.wait_for(timeout=WAIT * 1000)
        except Exception as exc:
            shown = await self.page.inner_text(where)
            msg = f"{self.name}'s page does not show {text!r} but: {shown!r}"
            raise AssertionError(msg) from exc

    async def close(self) -> None:
        """Close the page and all that belongs to it."""
        if not self.page.is_closed():
            self.errors += await self.page.evaluate("window.violations")
        await self.context.close()


class BrowserPeople(Protocol):
    """The fixture ``browser_person``."""

    async def __call__(
        self,
        url: str,
        *,
        tone_hz: float | None = 500,
        name: str = "Ana",
        may_use_microphone: bool = True,
        init_script: str = "",
        remembers: float | None = None,
        says: NDArray[np.int16] | None = None,
        profile: Path | None = None,
        login: tuple[str, str] | None = None,
    ) -> BrowserPerson:
        """Open a page; `BrowserPerson.join` then joins.

        Args:
            url: The page, with its token.
            tone_hz: What the fake microphone hears after 1.5 s of silence, again and again;
                silence when None.
            name: The name to join by.
            may_use_microphone: Whether the browser allows the microphone.
            init_script: JavaScript that runs before the page's own.
            remembers: A tone, in Hz, that it plays only once: for `BrowserPerson.has_heard`.
            says: What the fake microphone hears instead of a tone: 48 kHz, again and again.
            profile: The folder of a Chromium of its own; a shared one when None.
            login: The name and the password that are given where the page asks for them.
        """


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_longer(monkeypatch)


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def browsers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browsers]:
    elsewhere = "--host-resolver-rules=MAP elsewhere.example 127.0.0.1"
    async with Browsers.running(tmp_path_factory.mktemp("browsers"), elsewhere) as browsers:
        yield browsers


@pytest_asyncio.fixture(loop_scope="session")
async def browser_person(browsers: Browsers) -> AsyncIterator[BrowserPeople]:
    """Open pages in Chromium; see `BrowserPeople`. A console error fails the test."""
    people: list[BrowserPerson] = []

    async def open_page(
        url: str,
        *,
        tone_hz: float | None = 500,
        name: str = "Ana",
        may_use_microphone: bool = True,
        init_script: str = "",
        remembers: float | None = None,
        says: NDArray[np.int16] | None = None,
        profile: Path | None = None,
        login: tuple[str, str] | None = None,
    ) -> BrowserPerson:
        sound = (tone_hz, None if says is None else says.tobytes())
        context = await browsers.context(
            sound, asks=not may_use_microphone, profile=profile, login=login
        )
        page = context.pages[0] if context.pages else await context.new_page()
        person = BrowserPerson(context, page, name)
        people.append(person)
        ear = "" if remembers is None else REMEMBER.replace("HZ", str(remembers))
        await person.page.add_init_script(WATCH_POLICY + init_script + ear)
        await person.page.goto(url, timeout=WAIT * 1000)
        return person

    yield open_page
    for person in people:
        await person.close()
    errors = [error for person in people for error in person.errors]
    # Chromium warns of its own sound on a busy machine.
    assert [error for error in errors if "error from the audio device" not in error] == []


@pytest_asyncio.fixture(loop_scope="session")
async def local_daily() -> AsyncIterator[LocalDaily]:
    async with LocalDaily() as daily:
        yield daily


@pytest_asyncio.fixture(loop_scope="session")
async def daily(local_daily: LocalDaily) -> LocalDaily:
    """A local Daily with a public room ``demo``."""
    local_daily.state.rooms.create("demo", "public", {})
    return local_daily


@pytest.fixture
def link(daily: LocalDaily) -> Callable[..., str]:
    """Give the link to ``demo`` with a token of the properties that are passed."""

    def make(**properties: Any) -> str:
        return f"{daily.url}/demo?t={token(daily, **properties)}"

    return make
