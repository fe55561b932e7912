# SPDX-License-Identifier: BSD-2-Clause
"""What a session's bot has measured: latencies, who was there, what its services used."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_MOST = 10_000  # latencies, participants and services that are kept of a session


@dataclass(kw_only=True)
class Participant:
    """Somebody's stay in the room; the instants are seconds of the event loop."""

    id: str
    user_id: str | None
    bot: bool
    joined_at: datetime
    joined: float
    left: float | None = None


class Measures:
    """The measures of one session, as they come in."""

    def __init__(self) -> None:
        """Initialize; there are none yet."""
        self.latencies: list[float] = []
        self.participants: dict[str, Participant] = {}
        self._used: dict[tuple[str, str | None], dict[str, float]] = {}

    def note(self, what: Mapping[str, Any], now: float) -> None:
        """Note a message of the bot; ``now`` is in seconds of the event loop."""
        if "latency" in what and len(self.latencies) < _MOST:
            self.latencies.append(what["latency"])
        elif "joined" in what and len(self.participants) < _MOST:
            self.participants[what["joined"]] = Participant(
                id=what["joined"],
                user_id=what["userId"],
                bot=what["bot"],
                joined_at=datetime.now(UTC),
                joined=now,
            )
        elif (who := self.participants.get(what.get("left", ""))) is not None:
            who.left = now
        elif "used" in what and len(self._used) < _MOST:
            key = what["used"]["service"], what["used"]["model"]
            numbers = self._used.setdefault(key, {})
            for name, number in what["used"]["numbers"].items():
                numbers[name] = numbers.get(name, 0) + number

    def end(self, now: float) -> None:
        """Note the session's end: nobody is there any more."""
        for who in self.participants.values():
            who.left = now if who.left is None else who.left

    def describe(self, now: float) -> dict[str, Any]:
        """Give what a report tells of them, as JSON."""
        stays = [
            (who, (now if who.left is None else who.left) - who.joined)
            for who in self.participants.values()
        ]
        return {
            "participants": [
                {
                    "id": who.id,
                    "userId": who.user_id,
                    "bot": who.bot,
                    "joinedAt": who.joined_at.isoformat(),
                    "seconds": round(seconds, 3),
                }
                for who, seconds in stays
            ],
            "participantMinutes": round(sum(seconds for _, seconds in stays) / 60, 3),
            "latency": latency(self.latencies),
            "usage": [
                {"service": service, "model": model, **numbers}
                for (service, model), numbers in self._used.items()
            ],
        }


def latency(seconds: Sequence[float]) -> dict[str, Any] | None:
    """Give the count, the percentiles (each a latency that was measured) and the maximum."""
    if not seconds:
        return None
    parts = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    found = {name: round(percentile(seconds, part), 3) for name, part in parts.items()}
    return {"count": len(seconds), **found}


def percentile(values: Sequence[float], part: float) -> float:
    """Give the value that this part of the values does not exceed; it is one of them."""
    return sorted(values)[math.ceil(part * len(values)) - 1]
