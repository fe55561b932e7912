# SPDX-License-Identifier: BSD-2-Clause
"""When a participant spoke, and when it heard the bot: what a turn is measured by. No I/O."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pipecat_daily_rest.local.call.mixer import BLOCK, SAMPLE_RATE, TICK, Block, loudness_of, mixed

QUIET = 10 ** (-50 / 20)  # loudness (1 is full scale) up to which it is silence
_SOFT = 10 ** (-35 / 20)  # of the loudest part of a recording: softer is its noise
_BREATH = round(0.2 / TICK)  # quiet ticks after which a bot no longer speaks
_MEMORY = round(60 / TICK)  # ticks that are remembered
_ENOUGH = round(5 / TICK)  # ticks that show whether a bot plays music behind its voice
_EVER = 0.02  # the share of quiet ticks in these; with fewer, it does
_SILENCE = np.zeros(BLOCK, np.int16)


@dataclass(eq=False)
class Phrase:
    """What it says at once.

    Parameters:
        first: The place of its first sound, in samples since it joined.
        last: The same of its last one.
        began: When the first one was said, by `time.monotonic`; None before.
        ended: The same of the last one.
    """

    first: int
    last: int
    began: float | None = None
    ended: float | None = None

    @classmethod
    def of(cls, samples: Block, start: int) -> "Phrase | None":
        """Find the sound in samples that begin at a place; None if they are silent."""
        loudness = np.abs(samples.astype(np.float32)) / 32768
        loud = np.flatnonzero(loudness > max(QUIET, _SOFT * float(loudness.max(initial=0.0))))
        return cls(start + int(loud[0]), start + int(loud[-1])) if len(loud) else None

    def said(self, number: int, now: float) -> None:
        """Take note that a block is said, by its number since it joined."""
        if number == self.first // BLOCK:
            self.began = now + self.first % BLOCK / SAMPLE_RATE
        if number == self.last // BLOCK:
            self.ended = now + self.last % BLOCK / SAMPLE_RATE


class Moment(NamedTuple):
    """20 ms of what a bot said: when they were heard, how loud they are, and the sound if any."""

    time: float
    loudness: float
    block: Block | None


class Ear:
    """What was heard of one participant, or of all bots together."""

    def __init__(self) -> None:
        self.moments: deque[Moment] = deque(maxlen=_MEMORY)
        self.listeners: list[Callable[[Moment], None]] = []

    def hear(self, now: float, blocks: list[Block]) -> None:
        """Take 20 ms."""
        block = mixed(blocks) if blocks else None
        moment = Moment(now, 0.0 if block is None else loudness_of(block), block)
        self.moments.append(moment)
        for listener in list(self.listeners):
            listener(moment)

    def threshold(self) -> float:
        """Give the loudness above which it speaks: louder than the music that a bot may play."""
        levels = np.array([moment.loudness for moment in self.moments][-_ENOUGH:])
        if len(levels) < _ENOUGH or (levels <= QUIET).mean() > _EVER:
            return QUIET
        return max(QUIET, 3 * float(np.percentile(levels, 30)))

    def quiet_for(self, threshold: float) -> int:
        """Count the ticks since it spoke last."""
        for count, moment in enumerate(reversed(self.moments)):
            if moment.loudness > threshold:
                return count
        return _MEMORY


class Utterance:
    """What a bot says after a phrase, or while it is said; fed with one moment after the other.

    What the bot said before the phrase was over counts only if it speaks on: then it began too early.

    Parameters:
        began: When its first sound was heard, by `time.monotonic`; None before.
        ended: The same of the last sound so far.
        over: Whether it has ended.
        threshold: The loudness above which the bot speaks.
    """

    def __init__(self, threshold: float, pause: float, phrase: Phrase | None = None) -> None:
        """Wait for it; ``pause`` is the silence in seconds after which it is over."""
        self.began: float | None = None
        self.ended = 0.0
        self.over = False
        self.threshold = threshold
        self._pause = max(1, round(pause / TICK))
        self._phrase = phrase
        self._quiet = 0
        self._blocks: list[Block] = []

    def hear(self, moment: Moment) -> None:
        """Take 20 ms."""
        if self.over:
            return
        if self._phrase is not None:
            if self._phrase.ended is not None and moment.time + TICK > self._phrase.ended:
                self._phrase = None  # from here on it is an answer
            if self._quiet >= _BREATH:
                self.began, self._quiet, self._blocks = None, 0, []
        loud = moment.loudness > self.threshold
        if self.began is None and not loud:
            return
        block = _SILENCE if moment.block is None else moment.block
        if loud:
            sounds = np.flatnonzero(np.abs(block.astype(np.int32)) > self.threshold * 32768)
            if self.began is None:
                self.began = moment.time + int(sounds[0]) / SAMPLE_RATE
            self.ended = moment.time + int(sounds[-1]) / SAMPLE_RATE
        self._quiet = 0 if loud else self._quiet + 1
        self._blocks.append(block)
        self.over = self._phrase is None and self._quiet >= self._pause

    @property
    def counts(self) -> bool:
        """Whether the phrase is over, so that this is an answer to it."""
        return self._phrase is None

    @property
    def speaks(self) -> bool:
        """Whether it has begun and is not followed by silence."""
        return self.began is not None and self._quiet < _BREATH

    @property
    def audio(self) -> Block:
        """Its sound, without the silence after it."""
        blocks = self._blocks[: len(self._blocks) - self._quiet]
        return np.concatenate(blocks) if blocks else np.zeros(0, np.int16)
