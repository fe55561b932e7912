# SPDX-License-Identifier: BSD-2-Clause
"""A participant that a test drives, without a browser or a network."""

import json
import math
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.arguments import must_be
from pipecat_daily_rest.local.call.app_messages import AppMessages, TooLarge
from pipecat_daily_rest.local.call.calls import Calls
from pipecat_daily_rest.local.call.inbox import Waiters
from pipecat_daily_rest.local.call.lobby import Lobby
from pipecat_daily_rest.local.call.mixer import BLOCK, SAMPLE_RATE, TICK, Block, voice_of
from pipecat_daily_rest.local.call.room import JoinRefused, Newcomer, Participant
from pipecat_daily_rest.local.rules.strict_json import parse
from pipecat_daily_rest.local.scripted.hearing import WINDOW, is_in, read_wav, tone_level
from pipecat_daily_rest.local.scripted.joining import Joining
from pipecat_daily_rest.local.scripted.seat import ScriptedSeat
from pipecat_daily_rest.local.scripted.video import Video


class Scripted(Joining, Video):
    """A participant that a test drives: it says, hears, shows, sees, sends and receives.

    It joins when it is made, and is in until `leave`, or until Daily ejects it::

        ana = daily.join("demo", token, user_name="Ana")
        ana.tone(500)
        await bot.hears(500)
        ana.shows((255, 0, 0))
        await bot.sees((255, 0, 0), of=ana.id)
        await ana.message(lambda message: message == "hello")

    Parameters:
        id: Its session id.
        user_name: Its display name when it joined.
        refused: Why it was refused after a knock, or None.
    """

    def __init__(
        self,
        lobby: Lobby,
        calls: Calls,
        messages: AppMessages,
        room_name: str,
        token: str | None = None,
        *,
        user_name: str = "",
        keep: float = 30.0,
        kind: str = "scripted",
        knock: bool = False,
    ) -> None:
        """Join.

        Args:
            lobby: Where it joins.
            calls: Where it is then.
            messages: Where its app messages go.
            room_name: The room.
            token: The meeting token, or None.
            user_name: Display name when the token has none.
            keep: How much of what it heard it keeps, in seconds.
            kind: As in `Participant.kind`.
            knock: Whether it knocks where it has to, and waits to be let in, see `is_in`. If not, it
                is refused.

        Raises:
            JoinRefused: It may not join, and why.
            DailyConfigError: An argument has the wrong type or value.
        """
        must_be(str, user_name=user_name)
        must_be(float, keep=keep)
        must_be(bool, knock=knock)
        if not 0 <= keep < math.inf:
            msg = f"keep must be a number of seconds, not {keep}."
            raise DailyConfigError(msg)
        self._seat = ScriptedSeat(round(keep / TICK))
        self._calls = calls
        self._messages = messages
        newcomer = Newcomer(self._seat, kind, user_name, {"microphone": "playable"})
        super().__init__(lobby, room_name, token, newcomer, knock=knock)

    def __repr__(self) -> str:
        # A traceback may show one that has not joined yet.
        participant: Participant | None = vars(self).get("_participant")
        if participant is None:
            return "<somebody who is not in a room>"
        state = "in" if self.left_reason is None else f"out ({self.left_reason}) of"
        return f"<{participant.user_name or self.id!r}, {state} room {participant.room.name!r}>"

    # -- What a test does ------------------------------------------------------------------

    def says(self, what: str | Path | bytes | Block, *, track: str = "microphone") -> None:
        """Say something, after what it is saying already.

        Args:
            what: The path of a WAV file of 16 bit, of any sample rate and number of channels; or
                PCM: 48 kHz, 16 bit, mono. The last block is filled up with silence.
            track: ``microphone``, or the name of a custom audio track, which it has from then on.

        Raises:
            DailyConfigError: The file cannot be read, or this is not PCM.
        """
        must_be(str | Path | bytes | np.ndarray, what=what)
        must_be(str, track=track)
        if isinstance(what, str | Path):
            what = read_wav(what)
        odd = isinstance(what, bytes) and len(what) % 2
        samples = np.frombuffer(what[odd:], np.int16) if isinstance(what, bytes) else what
        if odd or samples.ndim != 1 or samples.dtype.kind not in "iu":
            msg = "what must be PCM: whole numbers of 16 bit, of one channel."
            raise DailyConfigError(msg)
        padded = np.pad(samples.astype(np.int16), (0, -len(samples) % BLOCK))
        self._seat.scripts.setdefault(track, deque()).extend(padded.reshape(-1, BLOCK))
        custom = dict.fromkeys(self._seat.scripts.keys() - {"microphone"}, "playable")
        if custom != self.participant.custom_audio and self.left_reason is None:
            self._calls.update(self.participant, custom_audio=custom)

    def tone(
        self,
        hz: float,
        seconds: float = 2.0,
        amplitude: float = 0.3,
        *,
        track: str = "microphone",
    ) -> None:
        """Say a tone, after what it is saying already.

        Args:
            hz: Its frequency.
            seconds: How long.
            amplitude: How loud, up to 1.
            track: As in `says`.

        Raises:
            DailyConfigError: There is no such tone.
        """
        must_be(float, hz=hz, seconds=seconds, amplitude=amplitude)
        if not (0 < hz < SAMPLE_RATE / 2 and 0 <= seconds < math.inf and 0 <= amplitude <= 1):
            msg = f"A tone of {hz} Hz, {seconds} s and amplitude {amplitude} cannot be said."
            raise DailyConfigError(msg)
        time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
        edge = np.clip(np.minimum(time, time[::-1]) / 0.005, 0, 1)  # no click
        wave = np.sin(2 * np.pi * hz * time) * edge * amplitude * 32767
        self.says(wave.astype(np.int16), track=track)

    def send(self, message: Any, recipient: str | None = None) -> None:
        """Send an app message.

        Args:
            message: Anything that JSON can hold.
            recipient: A session id; everybody else when None.

        Raises:
            DailyConfigError: JSON cannot hold it, it is too large, or an argument has the wrong type.
        """
        must_be(str | None, recipient=recipient)
        try:
            parse(json.dumps(message, allow_nan=False))
        except (TypeError, ValueError, RecursionError) as exc:
            msg = "message must be what JSON can hold."
            raise DailyConfigError(msg) from exc
        try:
            self._messages.check(self.participant.room, message)
        except TooLarge as exc:
            msg = f"message is too large: {exc}."
            raise DailyConfigError(msg) from exc
        self._messages.send(self.participant.room, message, sender=self.id, recipient=recipient)

    def mute(self, muted: bool = True) -> None:
        """Switch its microphone.

        Args:
            muted: Off when True, on when False.
        """
        must_be(bool, muted=muted)
        microphone = "off" if muted else "playable"
        self._calls.update(self.participant, media={"microphone": microphone})

    def leave(self) -> None:
        """Leave, or stop waiting. A second time does nothing."""
        if self._knock is not None:
            self._lobby.stop_waiting(self._knock)
        if self._participant is not None:
            self._calls.leave(self._participant)
        if self.left_reason is None:
            self._seat.close("leftCall")

    def forget(self) -> None:
        """Forget what it heard: only what comes from here on counts."""
        self._seat.mix.clear()
        self._seat.voices.clear()

    # -- What a test sees ------------------------------------------------------------------

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every event that the room told it, in order (see `Seat`)."""
        return self._seat.events

    @property
    def left_reason(self) -> str | None:
        """Why it is no longer in (``leftCall``, or as in `Seat.close`); None while it is."""
        return self._seat.left_reason

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
        timeout: float = 60.0,  # noqa: ASYNC109
    ) -> None:
        """Wait until it has heard something since it joined, or since `forget`.

        Args:
            what: A tone's frequency in Hz; the `Path` of a WAV file, as in `says`; a function that
                tells by what it heard; or an app message, which may have come earlier.
            voice: Whom it must hear, a session id; anybody when None.
            track: Which of that participant's tracks, as in `heard_from`.
            timeout: Seconds to wait.

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

        wanted = "what it should" if callable(what) else f"{what} Hz"
        failed = f"{self._name} did not hear {what if isinstance(what, Path) else wanted}"
        await self._seat.until(heard, timeout, lambda: failed, pause=0.1)

    async def event(
        self,
        name: str,
        where: Callable[[dict[str, Any]], bool] | None = None,
        *,
        timeout: float = 60.0,  # noqa: ASYNC109
    ) -> dict[str, Any]:
        """Wait for an event, or take one that is there. Each is given once.

        Args:
            name: Its name, as in ``participant-joined``.
            where: Which one; the next when None.
            timeout: Seconds to wait.

        Returns:
            The event.

        Raises:
            TimeoutError: There was none.
        """
        return await self._seat.take(name, where, timeout, self._name)

    async def message(
        self,
        where: Callable[[Any], bool] | None = None,
        *,
        timeout: float = 60.0,  # noqa: ASYNC109
    ) -> Any:
        """Wait for an app message, or take one that is there. Each is given once.

        Args:
            where: Which one; the next when None.
            timeout: Seconds to wait.

        Returns:
            The message. (``event("app-message")`` gives the sender too.)

        Raises:
            TimeoutError: There was none.
        """
        must_be(Callable | None, where=where)

        def fits(event: dict[str, Any]) -> bool:
            return where is None or where(event["message"])

        return (await self.event("app-message", fits, timeout=timeout))["message"]

    async def is_in(self, *, timeout: float = 60.0) -> None:  # noqa: ASYNC109
        """Wait until it is let in, after a knock.

        Args:
            timeout: Seconds to wait.

        Raises:
            JoinRefused: It was refused, and why.
            TimeoutError: Nobody has answered.
        """
        failed = f"{self._name} was not let in"
        came_or_left = lambda: self._participant or self.left_reason
        await self._seat.until(came_or_left, timeout, lambda: failed)
        if self._participant is None:
            raise self.refused or JoinRefused("not-allowed", "It stopped waiting.")

    async def left(self, *, timeout: float = 60.0) -> str:  # noqa: ASYNC109
        """Wait until it is no longer in.

        Args:
            timeout: Seconds to wait.

        Returns:
            Why, as in `left_reason`.

        Raises:
            TimeoutError: It is still in.
        """
        failed = f"{self._name} did not leave"
        return await self._seat.until(lambda: self.left_reason, timeout, lambda: failed)

    @property
    def _waiters(self) -> Waiters:
        return self._seat

    @property
    def _name(self) -> str:
        return self.user_name or self.id


def _join(blocks: "deque[Block] | tuple[Block, ...]") -> Block:
    return np.concatenate(blocks) if blocks else np.zeros(0, np.int16)
