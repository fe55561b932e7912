# SPDX-License-Identifier: BSD-2-Clause
"""The seat of a participant that a test drives."""

from collections import deque
from collections.abc import Mapping
from typing import Any

from pipecat_daily_rest.local.call.inbox import Inbox
from pipecat_daily_rest.local.call.mixer import Block


class ScriptedSeat(Inbox):
    """What it says, and the latest of what it hears, in blocks of 20 ms.

    Parameters:
        scripts: What it has yet to say, by track.
        mix: What everybody else said, mixed.
        voices: What each of them said, by voice.
        left_reason: Why it was closed, or None.
    """

    def __init__(self, keep: int) -> None:
        super().__init__()
        self.scripts: dict[str, deque[Block]] = {}
        self.mix: deque[Block] = deque(maxlen=keep)
        self.voices: dict[str, deque[Block]] = {}
        self.left_reason: str | None = None
        self._keep = keep

    def speak(self) -> Block | None:
        """Give the next 20 ms of the microphone."""
        return self._next("microphone")

    def speak_others(self) -> dict[str, Block]:
        """Give the next 20 ms of the other tracks, by name."""
        others = {name: self._next(name) for name in self.scripts if name != "microphone"}
        return {name: block for name, block in others.items() if block is not None}

    def _next(self, track: str) -> Block | None:
        script = self.scripts.get(track)
        return script.popleft() if script else None

    def hear(self, mix: Block, voices: Mapping[str, Block]) -> None:
        """Remember 20 ms."""
        self.mix.append(mix)
        for id, block in voices.items():
            self.voices.setdefault(id, deque(maxlen=self._keep)).append(block)
        self.wake()

    def send(self, event: dict[str, Any]) -> None:
        """Keep an event; see `Seat.send`."""
        self.put(event)

    def close(self, reason: str) -> None:
        """Keep the reason; see `Seat.close`."""
        self.left_reason = reason
        self.wake()
