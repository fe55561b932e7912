# SPDX-License-Identifier: BSD-2-Clause
"""What takes a seat's place while its network is away."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pipecat_daily_rest.local.call.seat import Seat
from pipecat_daily_rest.local.rules.incoming import size_of

_MOST_BYTES = 16 * 1024 * 1024  # of JSON that wait for the network: beyond it is lost for good


class Outage:
    """What takes a seat's place while its network is away: nothing passes, either way."""

    def __init__(self, seat: Seat) -> None:
        """Initialize it."""
        self.seat = seat
        self.timed_out = False
        self.overflowed = False
        self._bytes = 0
        self._told: list[dict[str, Any]] = []
        self._wanted: list[tuple[Callable[[], None], bool]] = []

    def send(self, event: dict[str, Any]) -> None:
        """Keep an event until the network is back."""
        if self._has_room(size_of(event)):
            self._told.append(event)

    def close(self, reason: str) -> None:
        """Close the seat."""
        self.seat.close(reason)

    def speak(self) -> None:
        """Lose what is said."""
        for name in ("speak", "speak_others"):
            if (speak := getattr(self.seat, name, None)) is not None:
                speak()

    def hear(self, mix: Any, voices: Mapping[str, Any]) -> None:
        """Give silence, as WebRTC does."""
        if (hear := getattr(self.seat, "hear", None)) is not None:
            hear(np.zeros_like(mix), {})

    def hold(self, act: Callable[[], None], *, message: bool = False, size: int = 1000) -> None:
        """Keep what the participant wants to do until the network is back.

        Args:
            act: Does it.
            message: Whether it sends a message, which may be lost.
            size: How much it holds, in bytes.
        """
        if self._has_room(size):
            self._wanted.append((act, message))

    def _has_room(self, size: int) -> bool:
        self._bytes += size
        if self._bytes > _MOST_BYTES:
            self.overflowed = True
            self._told.clear()
            self._wanted.clear()
        return not self.overflowed

    def catch_up(self, *, messages: bool) -> None:
        """Tell what it has missed, and do what it wanted to."""
        for event in self._told:
            self.seat.send(event)
        for act, message in self._wanted:
            if messages or not message:
                act()
