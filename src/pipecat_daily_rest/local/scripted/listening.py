# SPDX-License-Identifier: BSD-2-Clause
"""What a participant that a test drives hears, and what it heard instead."""

import time
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipecat_daily_rest.local.arguments import must_be
from pipecat_daily_rest.local.call.budget import DEFAULT
from pipecat_daily_rest.local.call.inbox import Waiters, tell
from pipecat_daily_rest.local.call.mixer import Block, voice_of
from pipecat_daily_rest.local.call.rtvi_loops import is_rtvi
from pipecat_daily_rest.local.scripted.hearing import (
    WINDOW,
    describe,
    is_in,
    read_wav,
    tone_level,
)
from pipecat_daily_rest.local.scripted.joining import Joining
from pipecat_daily_rest.local.scripted.seat import ScriptedSeat
from pipecat_daily_rest.local.scripted.words import error_of


class Listening(Joining):
    """The part of `Scripted` for sound that it hears, and messages that it gets."""

    _seat: ScriptedSeat

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every event that the room told it, in order (see `Seat`)."""
        return self._seat.events

    @property
    def left_reason(self) -> str | None:
        """Why it is no longer in (``leftCall``, or as in `Seat.close`); None while it is."""
        return self._seat.left_reason

    def forget(self) -> None:
        """Forget what it heard: only what comes from here on counts."""
        self._seat.mix.clear()
        self._seat.voices.clear()
        self._seat.heard_at.clear()

    @property
    def heard(self) -> Block:
        """What it heard: everybody else, mixed, at 48 kHz."""
        return _join(self._seat.mix)

    def heard_from(self, id: str, track: str = "microphone") -> Block:
        """Give what one participant said, without its silences.

        Args:
            id: The session id.
            track: Which of its tracks: ``microphone``, ``screenAudio`` or a custom one's name.

        Returns:
            Samples at 48 kHz.

        Raises:
            DailyConfigError: An argument has the wrong type.
        """
        must_be(str, id=id, track=track)
        return _join(self._seat.voices.get(voice_of(id, track), ()))

    @property
    def received(self) -> list[Any]:
        """The app messages that it got, in order."""
        return [event["message"] for event in self.events if event["event"] == "app-message"]

    async def hears(
        self,
        what: float | Path | Callable[[Block], bool] | dict[str, Any] | list[Any] | str,
        *,
        voice: str | None = None,
        track: str = "microphone",
        timeout: float = DEFAULT,  # noqa: ASYNC109
    ) -> None:
        """Wait until it has heard something since it joined, or since `forget`.

        Args:
            what: A tone's frequency in Hz; the `Path` of a WAV file, as in `says`; a function that
                tells by what it heard; or an app message, which may have come earlier.
            voice: Whom it must hear, a session id; anybody when None.
            track: Which of that participant's tracks, as in `heard_from`.
            timeout: Seconds to wait; 10 s, or what the ini file says.

        Raises:
            DailyConfigError: The file cannot be read, or an argument has the wrong type.
            TimeoutError: It did not hear it.
        """
        must_be(float | Path | Callable | dict | list | str, what=what)
        must_be(str | None, voice=voice)
        must_be(str, track=track)
        if isinstance(what, dict | list | str):
            await self.message(lambda message: bool(message == what), timeout=timeout)
            return
        fits = partial(is_in, read_wav(what)) if isinstance(what, Path) else what
        looked = 0

        def heard() -> bool:
            nonlocal looked
            audio = self.heard if voice is None else self.heard_from(voice, track)
            if callable(fits):
                return fits(audio)
            # Only what is new: to search all of it each time would hold up the event loop.
            new = audio[min(looked, max(0, len(audio) - 2 * WINDOW)) :]
            looked = max(0, len(audio) - WINDOW)
            return tone_level(new, fits) > 0

        failed = f"{self._name} did not hear {what if isinstance(what, Path) else 'what it should'}"
        if not callable(what) and not isinstance(what, Path):
            failed = f"{self._name} heard no {what:g} Hz tone"
        if voice is not None:
            failed += f" from {self._called(voice_of(voice, track))}"
        await self._seat.until(heard, timeout, lambda: failed, instead=self._instead, pause=0.1)

    async def event(
        self,
        name: str,
        where: Callable[[dict[str, Any]], bool] | None = None,
        *,
        timeout: float = DEFAULT,  # noqa: ASYNC109
    ) -> dict[str, Any]:
        """Wait for an event, or take one that is there. Each is given once.

        Args:
            name: Its name, as in ``participant-joined``.
            where: Which one; the next when None.
            timeout: Seconds to wait; 10 s, or what the ini file says.

        Returns:
            The event.

        Raises:
            TimeoutError: There was none; the message says what came.
            DailyConfigError: An argument has the wrong type.
        """
        return await self._seat.take(name, where, timeout, self._name)

    async def message(
        self,
        where: Callable[[Any], bool] | None = None,
        *,
        timeout: float = DEFAULT,  # noqa: ASYNC109
    ) -> Any:
        """Wait for an app message, or take one that is there. Each is given once.

        Args:
            where: Which one; the next when None.
            timeout: Seconds to wait; 10 s, or what the ini file says.

        Returns:
            The message. (``event("app-message")`` gives the sender too.)

        Raises:
            TimeoutError: There was none; the message says what came.
            DailyConfigError: An argument has the wrong type.
        """
        must_be(Callable | None, where=where)

        def fits(event: dict[str, Any]) -> bool:
            return where is None or where(event["message"])

        return (await self.event("app-message", fits, timeout=timeout))["message"]

    def _instead(self) -> str:
        """Say what it heard and got, for a message."""
        parts = [self._heard_of(voice) for voice in self._seat.voices]
        sounds = ", ".join(text for _, text in sorted(filter(None, parts)))
        plain = [message for message in self.received if not is_rtvi(message)]
        kinds = Counter(message["type"] for message in self.received if is_rtvi(message))
        rtvi = ", ".join(f"{kind} ({count})" for kind, count in kinds.items())
        if errors := [error_of(message) for message in self.received if error_of(message)]:
            rtvi += f"; errors: {tell(errors)}"
        gone = "" if self.left_reason is None else f"It is no longer in: {self.left_reason}. "
        return f"{gone}{self._name} heard {sounds or 'nothing'}; messages: {tell(plain)}" + (
            f"; RTVI: {rtvi}" if rtvi else ""
        )

    def _heard_of(self, voice: str) -> tuple[float, str] | None:
        """Describe the last sound of a voice, with the seconds since then."""
        blocks, times = self._seat.voices[voice], self._seat.heard_at[voice]
        if (found := describe(blocks)) is None:
            return None
        index, sound = found
        ago = time.monotonic() - times[index]
        when = "just now" if ago < 0.5 else f"{ago:.0f} s ago"
        return ago, f"{sound} from {self._called(voice)} {when}"

    def _called(self, voice: str) -> str:
        """Name a voice: its participant, who may have left, and its track."""
        id, _, track = voice.partition("/")
        joined = (event.get("participant") or {} for event in self.events)
        names = {each.get("id"): each.get("info", {}).get("userName") for each in joined}
        here = self.participant.room.participants.get(id)
        name = (here.user_name if here else names.get(id)) or id
        return f"{name} ({track})" if track else name

    @property
    def _waiters(self) -> Waiters:
        return self._seat

    @property
    def _name(self) -> str:
        return self.user_name or self.id


def _join(blocks: "deque[Block] | tuple[Block, ...]") -> Block:
    return np.concatenate(blocks) if blocks else np.zeros(0, np.int16)
