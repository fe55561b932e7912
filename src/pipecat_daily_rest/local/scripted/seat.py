# SPDX-License-Identifier: BSD-2-Clause
"""The seat of a participant that a test drives."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from pipecat_daily_rest.local.call.inbox import Inbox
from pipecat_daily_rest.local.call.mixer import Block
from pipecat_daily_rest.local.scripted.ear import Ear, Phrase


class ScriptedSeat(Inbox):
    """What it says, and the latest of what it hears, in blocks of 20 ms.

    Parameters:
        scripts: What it has yet to say, by track.
        phrases: What it has said with its microphone, or has yet to say, in order.
        mix: What everybody else said, mixed.
        voices: What each of them said, by voice.
        heard_at: When each block of them was heard, by `time.monotonic`.
        ears: What it heard of a participant, by session id; of all bots together under None.
        joined_at: When it heard for the first time, by `time.monotonic`; None before.
        left_reason: Why it was closed, or None.
    """

    def __init__(self, keep: int, is_bot: Callable[[str], bool] = lambda _: False) -> None:
        super().__init__()
        self.scripts: dict[str, deque[Block]] = {}
        self.phrases: deque[Phrase] = deque(maxlen=100)
        self.mix: deque[Block] = deque(maxlen=keep)
        self.voices: dict[str, deque[Block]] = {}
        self.heard_at: dict[str, deque[float]] = {}
        self.ears: dict[str | None, Ear] = {None: Ear()}
        self.joined_at: float | None = None
        self.left_reason: str | None = None
        self._keep = keep
        self._is_bot = is_bot
        self._said = 0  # blocks of the microphone

    @property
    def next_block(self) -> int:
        """The number that the next block of the microphone to be queued will have."""
        return self._said + len(self.scripts.get("microphone", ()))

    def speak(self) -> Block | None:
        """Give the next 20 ms of the microphone."""
        block = self._next("microphone")
        if block is not None:
            now = time.monotonic()
            for phrase in self.phrases:
                phrase.said(self._said, now)
            self._said += 1
        return block

    def speak_others(self) -> dict[str, Block]:
        """Give the next 20 ms of the other tracks, by name."""
        others = {name: self._next(name) for name in self.scripts if name != "microphone"}
        return {name: block for name, block in others.items() if block is not None}

    def _next(self, track: str) -> Block | None:
        script = self.scripts.get(track)
        return script.popleft() if script else None

    def hear(self, mix: Block, voices: Mapping[str, Block]) -> None:
        """Remember 20 ms."""
        now = time.monotonic()
        self.joined_at = self.joined_at or now
        self.mix.append(mix)
        for id, block in voices.items():
            self.voices.setdefault(id, deque(maxlen=self._keep)).append(block)
            self.heard_at.setdefault(id, deque(maxlen=self._keep)).append(now)
        for whose, ear in self.ears.items():
            of = [block for id, block in voices.items() if self._is_of(id.partition("/")[0], whose)]
            ear.hear(now, of)
        self.wake()

    def _is_of(self, id: str, whose: str | None) -> bool:
        return self._is_bot(id) if whose is None else id == whose

    def send(self, event: dict[str, Any]) -> None:
        """Keep an event; see `Seat.send`."""
        self.put(event)

    def close(self, reason: str) -> None:
        """Keep the reason; see `Seat.close`."""
        self.left_reason = reason
        self.wake()
