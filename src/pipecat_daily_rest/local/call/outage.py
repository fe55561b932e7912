# SPDX-License-Identifier: BSD-2-Clause
"""A participant without a network: its events and acts wait."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pipecat_daily_rest.local.call.seat import Seat
from pipecat_daily_rest.local.rules.strict_json import size_of

_MOST_BYTES = 16 * 1024 * 1024  # of JSON that wait; with more, the participant is ejected


class Outage:
    """What takes a seat's place while its network is away: nothing passes, either way.

    Parameters:
        seat: The seat.
        timed_out: Whether the participant has left because it took too long.
        overflowed: Whether more had to be held than fits: it cannot catch up.
    """

    def __init__(self, seat: Seat) -> None:
        self.seat = seat
        self.timed_out = False
        self.overflowed = False
        self._bytes = 0
        self._told: list[dict[str, Any]] = []
        self._wanted: list[tuple[Callable[[], None], bool]] = []

    def send(self, event: dict[str, Any]) -> None:
        """Hold an event until the network is back."""
        if self._has_room(size_of(event)):
            self._told.append(event)

    def close(self, reason: str) -> None:
        """Close the seat."""
        self.seat.close(reason)

    def speak(self) -> None:
        """Drop what is said."""
        for name in ("speak", "speak_others"):
            if (speak := getattr(self.seat, name, None)) is not None:
                speak()

    def hear(self, mix: Any, voices: Mapping[str, Any]) -> None:
        """Give silence, as WebRTC does."""
        if (hear := getattr(self.seat, "hear", None)) is not None:
            hear(np.zeros_like(mix), {})

    def hold(self, act: Callable[[], None], *, message: bool = False, size: int = 1000) -> None:
        """Hold what the participant does (of so many bytes; a message may be lost) until then."""
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
        """Send the events that it missed, and do what it wanted to, with or without its messages."""
        for event in self._told:
            self.seat.send(event)
        for act, message in self._wanted:
            if messages or not message:
                act()
