# SPDX-License-Identifier: BSD-2-Clause
"""Chromium for tests: one for each sound at the microphone, with contexts of its own for each test."""

import asyncio
import os
import shutil
import signal
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from pipecat_daily_rest.local.browser import webrtc

WAIT = 100.0  # seconds; only a failure takes that long
RATE = 48_000
WITHOUT = (
    "AutofillServerCommunication",  # it asks about the fields of a page
    # Two pages below the address bar, which nobody sees: most of the CPU of a small page.
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
    "WebUIOmniboxPopup",
)
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(WITHOUT)}",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    # For a machine without any network interface.
    "--allow-loopback-in-peer-connection",
)

# On a busy machine a page gets to nothing for seconds: what it waits ten seconds for takes longer.
PATIENT = """
{
  const wait = setTimeout.bind(window);
  const patient = (ms) => (ms >= 10_000 ? 10 * ms : ms);
  window.setTimeout = (run, ms, ...rest) => wait(run, patient(ms), ...rest);
  const abort = AbortSignal.timeout.bind(AbortSignal);
  AbortSignal.timeout = (ms) => abort(patient(ms));
}
"""


def wait_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The room waits longer for a page, too."""
    for name in ("PING_TIMEOUT", "OPEN_TIMEOUT"):
        monkeypatch.setattr(webrtc, name, 10 * getattr(webrtc, name))


def executable() -> str:
    """Find the system's Chromium; skips the test with a reason where there is none."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        missing = pytest.fail if os.environ.get("REQUIRE_CHROMIUM") else pytest.skip
        missing("needs Chromium: install Debian's package 'chromium'")
    return chromium


def microphone(path: Path, hz: float | None, says: bytes | None) -> Path:
    """1.5 s of silence, since the first moments of a connection are lost; then the sound."""
    time = np.arange(RATE * 30) / RATE
    wave_form = np.sin(2 * np.pi * (hz or 0) * time) * 0.4 * 32767
    if says is not None:
        wave_form = np.concatenate([np.zeros(RATE * 3 // 2), np.frombuffer(says, np.int16)])
    wave_form[: RATE * 3 // 2] = 0
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(wave_form.astype(np.int16).tobytes())
    return path


class Browsers:
    """The Chromiums of some tests, one for each microphone; started when they are needed."""

    def __init__(
        self, chromium: Any, executable: str, folder: Path, flags: tuple[str, ...]
    ) -> None:
        self._chromium = chromium
        self._flags = flags
        self._executable = executable
        self._folder = folder
        self._started: dict[Any, asyncio.Future[Any]] = {}

    @classmethod
    @asynccontextmanager
    async def running(cls, folder: Path, *flags: str) -> AsyncIterator[Self]:
        """Give Chromiums with further flags; skips the test with a reason where there are none."""
        reason = "needs playwright: pip install it"
        api = pytest.importorskip("playwright.async_api", reason=reason)
        chromium = executable()
        async with api.async_playwright() as playwright:
            browsers = cls(playwright.chromium, chromium, folder, flags)
            yield browsers
            await browsers.close()

    async def context(
        self,
        sound: tuple[float | None, bytes | None],
        *,
        asks: bool,
        profile: Path | None = None,
        login: tuple[str, str] | None = None,
        proxy: dict[str, str] | None = None,
    ) -> Any:
        """Give a new context of the Chromium with this microphone: a tone's Hz, or samples."""
        if profile is not None:
            options = self._options(sound, asks=asks, folder=profile.parent)
            context = await self._chromium.launch_persistent_context(
                profile, proxy=proxy, **options
            )
            return await self._patient(context)
        key = (sound, asks)
        if key not in self._started:
            folder = self._folder / f"browser-{len(self._started)}"
            folder.mkdir()
            launched = self._chromium.launch(**self._options(sound, asks=asks, folder=folder))
            self._started[key] = asyncio.ensure_future(launched)
        given = login and {"username": login[0], "password": login[1]}
        browser = await self._started[key]
        context = await browser.new_context(http_credentials=given, proxy=proxy)
        return await self._patient(context)

    @staticmethod
    async def _patient(context: Any) -> Any:
        context.set_default_timeout(WAIT * 1000)
        await context.add_init_script(PATIENT)
        return context

    def _options(self, sound: Any, *, asks: bool, folder: Path) -> dict[str, Any]:
        sound_file = microphone(folder / "microphone.wav", *sound)
        flags = [*FLAGS, *self._flags, f"--use-file-for-fake-audio-capture={sound_file}"]
        if not asks:
            flags.append("--use-fake-ui-for-media-stream")
        return {"executable_path": self._executable, "args": flags, "timeout": WAIT * 1000}

    async def close(self) -> None:
        for browser in self._started.values():
            await (await browser).close()


def kill(folder: Path) -> int:
    """Kill every process of the browser whose profile is in a folder; give their number."""
    parents: dict[int, int] = {}
    family: set[int] = set()
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().split(b"\0")
            parents[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
        if f"--user-data-dir={folder}".encode() in words:
            family.add(int(path.name))
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    for process in family:
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it ended with another
    return len(family)
