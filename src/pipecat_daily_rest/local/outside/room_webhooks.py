# SPDX-License-Identifier: BSD-2-Clause
"""What the webhooks are told about people and meetings.

Reference: https://docs.daily.co/reference/rest-api/webhooks/events
"""

from typing import Any

from pipecat_daily_rest.local.call.log import Log
from pipecat_daily_rest.local.call.room import Participant, Room
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.outside.webhooks import Hooks


class Notices:
    """Turns what happens in the rooms into events for the webhooks."""

    def __init__(self, log: Log, choices: Choices, hooks: Hooks) -> None:
        """Watch the rooms."""
        self._clock = log.clock
        self._choices = choices
        self._hooks = hooks
        self._meetings: dict[Room, dict[str, Any]] = {}  # those that run
        log.observers.append(self._observe)

    def _observe(self, what: str, subject: Any) -> None:
        now = self._clock.now()
        if what == "joined" and self._told(subject):
            self._hooks.emit("participant.joined", _describe(subject))
        elif what == "left" and self._told(subject):
            duration = round(now - subject.joined_at, 3)
            self._hooks.emit("participant.left", {**_describe(subject), "duration": duration})
        elif what == "waiting":
            self._hooks.emit("waiting-participant.joined", _describe(subject))
        elif what == "waiting no more":
            duration = round(now - subject.joined_at, 3)
            payload = {**_describe(subject), "duration": duration}
            self._hooks.emit("waiting-participant.left", payload)
        elif what == "meeting started":
            room, id = subject
            self._meetings[room] = {"room": room.name, "meeting_id": id, "start_ts": now}
            self._hooks.emit("meeting.started", self._meetings[room])
        elif what == "meeting ended":
            room, _ = subject
            self._hooks.emit("meeting.ended", {**self._meetings.pop(room), "end_ts": now})

    def _told(self, participant: Participant) -> bool:
        return not participant.hidden or self._choices.hidden_in_webhooks


def _describe(participant: Participant) -> dict[str, Any]:
    return {
        "room": participant.room.name,
        "session_id": participant.id,
        "user_id": participant.user_id,
        "user_name": participant.user_name,
        "joined_at": participant.joined_at,
        "owner": participant.is_owner,
        "will_eject_at": participant.will_eject_at,
        "permissions": participant.permissions,
        "networkQualityState": "unknown",  # nobody measures a network that is this machine
    }
