# SPDX-License-Identifier: BSD-2-Clause
"""Webhook events about people, meetings and recordings.

Reference: https://docs.daily.co/reference/rest-api/webhooks/events
"""

from typing import Any

from pipecat_daily_rest.local.call.log import Log
from pipecat_daily_rest.local.call.room import Participant, Room
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.outside.webhooks import Webhooks


class RoomWebhooks:
    """Watches the rooms and sends events about them to the webhooks."""

    def __init__(self, log: Log, choices: Choices, webhooks: Webhooks) -> None:
        self._clock = log.clock
        self._choices = choices
        self._webhooks = webhooks
        self._meetings: dict[Room, dict[str, Any]] = {}  # the running ones
        log.observers.append(self._observe)

    def _observe(self, what: str, subject: Any) -> None:
        now = self._clock.now()
        if what == "joined" and self._is_sent(subject):
            self._webhooks.emit("participant.joined", _describe(subject))
        elif what == "left" and self._is_sent(subject):
            self._webhooks.emit("participant.left", _left(subject, now))
        elif what == "waiting":
            self._webhooks.emit("waiting-participant.joined", _describe(subject))
        elif what == "waiting no more":
            self._webhooks.emit("waiting-participant.left", _left(subject, now))
        elif what == "meeting started":
            room, id = subject
            self._meetings[room] = {"room": room.name, "meeting_id": id, "start_ts": now}
            self._webhooks.emit("meeting.started", self._meetings[room])
        elif what == "meeting ended":
            room, _ = subject
            self._webhooks.emit("meeting.ended", {**self._meetings.pop(room), "end_ts": now})
        elif what == "webhook":  # a recording's
            self._webhooks.emit(*subject)

    def _is_sent(self, participant: Participant) -> bool:
        return not participant.hidden or self._choices.hidden_in_webhooks


def _left(participant: Participant, now: float) -> dict[str, Any]:
    return {**_describe(participant), "duration": round(now - participant.joined_at, 3)}


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
        "networkQualityState": "unknown",  # no network is measured
    }
