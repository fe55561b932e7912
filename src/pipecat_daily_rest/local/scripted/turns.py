# SPDX-License-Identifier: BSD-2-Clause
"""Turns of a conversation: a person asks or interrupts, and the bot answers."""

import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.arguments import must_be
from pipecat_daily_rest.local.call.budget import BUDGET, DEFAULT
from pipecat_daily_rest.local.call.mixer import TICK, Block
from pipecat_daily_rest.local.call.room import Participant
from pipecat_daily_rest.local.scripted.ear import Ear, Phrase, Utterance
from pipecat_daily_rest.local.scripted.speaking import Speaking
from pipecat_daily_rest.local.scripted.words import words

SHARE = 0.06
"""Seconds of a latency that are the local room's own, and constant: `make proof ONLY=turns`."""

_QUESTION = 0.5  # seconds of a tone that is asked
_LONGEST = 60.0  # seconds that an answer may take
_LISTENS = 3.0  # seconds that a bot may take until it asks for somebody's sound
_STOPPED = 0.5  # seconds of silence after which an interrupted bot has stopped

Question = float | str | Path | bytes | Block
Transcribe = Callable[[Block], Awaitable[str]]


@dataclass(frozen=True)
class Reply:
    """What a bot answered.

    Parameters:
        latency: Seconds from the last sound of the question to the first sound of the answer, as the
            person heard it, without the local room's own share. Negative if the bot began too early.
        duration: Seconds from the first sound of the answer to its last.
        text: The words that the bot reports by RTVI, or else those that faster-whisper heard,
            where it is installed; else "".
        audio: The sound: 48 kHz, 16 bit, mono.
    """

    latency: float
    duration: float
    text: str
    audio: Block = field(repr=False)


@dataclass(frozen=True)
class Interruption:
    """How a bot was interrupted.

    Parameters:
        went_on: Seconds for which the bot went on, from the first sound of the interruption to the
            last sound of the bot, as the person heard it, without the local room's own share.
        audio: What it said meanwhile: 48 kHz, 16 bit, mono.
    """

    went_on: float
    audio: Block = field(repr=False)


class Turns(Speaking):
    """The part of `Scripted` for conversations with a bot."""

    _transcribe: Transcribe | None
    # What the bot said and sent before belongs to an earlier turn.
    _heard_until = 0.0  # by `time.monotonic`
    _read_until = 0  # events
    _asked: set[str | None]

    async def asks(
        self,
        what: Question,
        *,
        within: float | None = None,
        pause: float = 1.0,
        voice: str | None = None,
        timeout: float = DEFAULT,  # noqa: ASYNC109
    ) -> Reply:
        """Ask something once the bot is silent, and wait for the end of its answer.

        For instance::

            reply = await ana.asks("question.wav", within=1.5)
            assert "Paris" in reply.text

        Args:
            what: As in `says`; or a tone's frequency in Hz, which lasts half a second.
            within: Seconds after which the answer must have begun; None for any.
            pause: Seconds of silence after which the answer is over. A bot that pauses longer, as
                to call a function, needs more.
            voice: Who must answer, a session id; the bots when None. Nobody else counts.
            timeout: Seconds to wait for silence, and again for the first sound of the answer; 10 s,
                or what the ini file says. The answer itself may take a minute.

        Returns:
            The answer. Its latency is one of `RoomHandle.latency`.

        Raises:
            AssertionError: The answer began later than ``within``; says when.
            TimeoutError: There was no answer; says what came instead.
            DailyConfigError: The question is silent, the microphone is off, the file cannot be read,
                or an argument has the wrong type.
        """
        self._check(pause, within, voice)
        ear = self._ear(voice)
        silent = round(pause / TICK)
        failed = f"{self._name} could not ask, since {self._whose(voice)} did not stop speaking"
        threshold = 0.0

        def is_silent() -> bool:
            nonlocal threshold
            threshold = ear.threshold()
            return ear.quiet_for(threshold) >= silent

        await self._until(is_silent, timeout, failed)
        await self._is_heard(voice)
        self._account(ear)
        phrase = self._say(what)
        # The loudness up to which it was silent still counts as silence: a hole in a bot's music
        # must not make an answer of the music.
        return await self._answer(phrase, within, pause, voice, timeout, threshold)

    async def listens(
        self,
        *,
        within: float | None = None,
        pause: float = 1.0,
        voice: str | None = None,
        timeout: float = DEFAULT,  # noqa: ASYNC109
    ) -> Reply:
        """Wait for the end of what the bot says next: its greeting, or its answer to what was said.

        For instance::

            greeting = await ana.listens()

        Args:
            within: As in `asks`.
            pause: As in `asks`.
            voice: As in `asks`.
            timeout: As in `asks`.

        Returns:
            The answer, since the last turn. Its latency counts from the last sound that the
            participant said, or from its join.

        Raises:
            AssertionError: It began later than ``within``; says when.
            TimeoutError: It did not begin; says what came instead.
            DailyConfigError: An argument has the wrong type or value.
        """
        self._check(pause, within, voice)
        phrase = self._seat.phrases[-1] if self._seat.phrases else None
        threshold = self._ear(voice).threshold()
        return await self._answer(phrase, within, pause, voice, timeout, threshold)

    async def interrupts(
        self,
        what: Question,
        *,
        after: float = 0.5,
        voice: str | None = None,
        timeout: float = DEFAULT,  # noqa: ASYNC109
    ) -> Interruption:
        """Talk over the bot, and wait until it is silent.

        For instance::

            ana.says("question.wav")
            stopped = await ana.interrupts("wait.wav")
            assert stopped.went_on < 0.6

        A bot that speaks on to its end is measured to its end. `listens` waits for what the bot
        answers to the interruption.

        Args:
            what: As in `asks`.
            after: Seconds that the bot has spoken by then.
            voice: Whom it interrupts, a session id; the bots when None.
            timeout: Seconds to wait until the bot speaks; 10 s, or what the ini file says.

        Returns:
            How long the bot went on, and what it said.

        Raises:
            TimeoutError: The bot did not speak, or not for long enough; says what came instead.
            DailyConfigError: As in `asks`.
        """
        must_be(float, after=after)
        must_be(str | None, voice=voice)
        bot, ear = self._whose(voice), self._ear(voice)
        with self._hearing(ear, Utterance(ear.threshold(), _LONGEST)) as before:
            spoke = lambda: before.speaks and before.ended - (before.began or 0.0) >= after
            failed = f"{self._name} could not interrupt, since {bot} did not speak for {after:g} s"
            await self._until(spoke, timeout, failed)
        phrase = self._say(what)
        self._account(ear)
        # It has stopped if it is silent at the end of the words, too: a bot may take a breath.
        with self._hearing(ear, Utterance(ear.threshold(), _LONGEST), self._heard_until) as rest:
            silent = lambda: (
                phrase.ended is not None
                and ear.moments[-1].time > phrase.ended
                and ear.quiet_for(rest.threshold) * TICK >= _STOPPED
            )
            failed = f"{bot} did not stop when {self._name} interrupted it"
            await self._until(silent, _LONGEST, failed)
        self._heard_until = ear.moments[-1].time
        went_on = rest.ended - (phrase.began or 0.0) - self._share(voice)
        return Interruption(max(0.0, went_on), rest.audio)

    # -- How a turn is measured ------------------------------------------------------------

    async def _answer(
        self,
        phrase: Phrase | None,
        within: float | None,
        pause: float,
        voice: str | None,
        timeout: float,  # noqa: ASYNC109
        threshold: float,
    ) -> Reply:
        ear, bot = self._ear(voice), self._whose(voice)
        utterance = Utterance(threshold, pause, phrase)
        with self._hearing(ear, utterance, since=self._heard_until):
            if phrase is not None:
                await self._until(lambda: phrase.ended is not None, None, "")
            answers = lambda: utterance.began is not None and utterance.counts
            await self._until(answers, timeout, f"{self._name} got no answer from {bot}")
            await self._until(lambda: utterance.over, _LONGEST, f"{bot} did not stop answering")
        self._heard_until = utterance.ended
        asked = (self._seat.joined_at if phrase is None else phrase.ended) or 0.0
        latency = (utterance.began or 0.0) - asked - self._share(voice)
        self.participant.room.latencies.append(latency)
        if within is not None and latency > (allowed := within * BUDGET.factor):
            msg = (
                f"{bot} answered {self._name} after {latency:.2f} s, "
                f"where {allowed:g} s are allowed."
            )
            raise AssertionError(msg)
        audio = utterance.audio
        events = self._seat.events
        text = words(events[self._read_until :], voice)
        self._read_until = len(events)
        if not text and self._transcribe is not None:
            text = await self._transcribe(audio)
        return Reply(latency, utterance.ended - (utterance.began or 0.0), text, audio)

    async def _is_heard(self, voice: str | None) -> None:
        """Wait until the bot has asked for this person's sound, a while after the join."""
        # A bot that takes its words from elsewhere, as from Daily's transcription, never asks.
        people, told = self.participant.room.participants, self.participant.room.told

        def listens() -> bool:
            bots = [p.seat for id, p in people.items() if self._is(p, voice)]
            return any(not hasattr(s, "listens_to") or s.listens_to(self.id) for s in bots) or any(
                event["event"] == "transcription-started" for event in told.events
            )

        with suppress(TimeoutError):
            await self._until(listens, 0.0 if voice in self._asked else _LISTENS, "")
        self._asked.add(voice)

    def _say(self, what: Question) -> Phrase:
        if not self.participant.sends("microphone"):
            msg = (
                f"Nobody would hear {self._name}: its microphone is off, or it may not send audio."
            )
            raise DailyConfigError(msg)
        before = self._seat.phrases[-1] if self._seat.phrases else None
        if isinstance(what, int | float):
            self.tone(what, _QUESTION)
        else:
            self.says(what)
        said = self._seat.phrases[-1] if self._seat.phrases else None
        if said is None or said is before:
            msg = "what must have a sound in it: this is silence."
            raise DailyConfigError(msg)
        return said

    async def _until(self, check: Callable[[], bool], timeout: float | None, failed: str) -> None:  # noqa: ASYNC109
        waits = lambda: check() or self.left_reason is not None
        await self._seat.until(waits, timeout, lambda: failed, instead=self._instead)
        if self.left_reason is not None:
            msg = f"{self._name} is no longer in the room: {self.left_reason}."
            raise RuntimeError(msg)

    def _account(self, ear: Ear) -> None:
        self._heard_until = ear.moments[-1].time if ear.moments else 0.0
        self._read_until = len(self._seat.events)

    def _ear(self, voice: str | None) -> Ear:
        return self._seat.ears.setdefault(voice, Ear())

    @contextmanager
    def _hearing(
        self, ear: Ear, utterance: Utterance, since: float = math.inf
    ) -> Iterator[Utterance]:
        for moment in ear.moments:
            if moment.time > since:
                utterance.hear(moment)
        ear.listeners.append(utterance.hear)
        try:
            yield utterance
        finally:
            ear.listeners.remove(utterance.hear)

    def _check(self, pause: float, within: float | None, voice: str | None) -> None:
        must_be(float, pause=pause)
        must_be(float | None, within=within)
        must_be(str | None, voice=voice)

    @staticmethod
    def _is(participant: Participant, voice: str | None) -> bool:
        return participant.kind == "bot" if voice is None else participant.id == voice

    def _whose(self, voice: str | None) -> str:
        """Name the bot."""
        people = self.participant.room.participants.values()
        names = [p.user_name or p.id for p in people if self._is(p, voice)]
        return " or ".join(names) or (
            "the bot, which is not in the room," if voice is None else voice
        )

    def _share(self, voice: str | None) -> float:
        people = self.participant.room.participants
        other = None if voice is None else people.get(voice)
        return SHARE if other is None or other.kind == "bot" else 0.0
