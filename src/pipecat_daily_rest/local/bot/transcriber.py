# SPDX-License-Identifier: BSD-2-Clause
"""Transcriptions of the calls: who started them, and what they tell of what was said.

Reference: https://docs.daily.co/reference/daily-js/events/transcription-events and
https://reference-python.daily.co/types.html#transcriptionmessage
"""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.call.calls import Calls
from pipecat_daily_rest.local.call.room import Participant, Room
from pipecat_daily_rest.local.rules.schema import invalid


@dataclass(eq=False)
class Transcription:
    """One transcription of a call.

    Parameters:
        id: Its ``instanceId``.
        status: As ``transcription-started`` tells it.
        raw: Whether its messages carry ``rawResponse``.
        interim: Whether it tells what is not final yet.
        participants: Whom it transcribes, by session id; everybody when None.
    """

    id: str
    status: dict[str, Any]
    raw: bool
    interim: bool
    participants: list[str] | None = None


class Transcriber:
    """The transcriptions of one local Daily. It hears nothing by itself: it is told."""

    def __init__(self, calls: Calls) -> None:
        """Watch the rooms."""
        self.watchers: list[Callable[[Room], None]] = []  # told when one starts
        self._calls = calls
        self._running: dict[Room, dict[str, Transcription]] = {}
        calls.log.observers.append(self._observe)

    def running(self, room: Room) -> list[Transcription]:
        """Give the transcriptions of a call."""
        return list(self._running.get(room, {}).values())

    def wants(self, participant: Participant) -> bool:
        """Tell whether somebody is transcribed."""
        return any(_includes(each, participant) for each in self.running(participant.room))

    def start(self, by: Participant, settings: dict[str, Any]) -> None:
        """Start a transcription."""
        self._check(by)
        id = settings.get("instanceId") or str(uuid.uuid4())
        room = by.room
        others = self._running.setdefault(room, {})
        if id in others or (others and not settings.get("instanceId")):
            raise invalid(self._calls.choices.transcription_runs_info)
        told = {name: value for name, value in settings.items() if name != "instanceId"}
        extra = settings.get("extra") or {}
        others[id] = Transcription(
            id,
            status={"instanceId": id, **told, "startedBy": by.id},
            raw=settings.get("includeRawResponse") is True,
            interim=isinstance(extra, dict) and extra.get("interim_results") is True,
        )
        self._calls.log.record(room.name, "transcription started", by.id)
        self._calls.tell(room, {"event": "transcription-started", "status": others[id].status})
        for watcher in self.watchers:
            watcher(room)

    def update(self, by: Participant, participants: Any, id: str | None) -> None:
        """Choose who is transcribed.

        Args:
            by: Who does it.
            participants: Session ids; None is everybody.
            id: The transcription's ``instanceId``; the one that runs when None.

        Raises:
            Refusal: It may not, or there is none.
        """
        self._check(by)
        if not isinstance(participants, list | None):
            raise invalid("participants is a list of session ids")
        transcription = self._find(by.room, id)
        transcription.participants = participants
        update = {
            "instanceId": transcription.id,
            "participants": participants,
            "updatedBy": by.id,
        }
        self._calls.tell(by.room, {"event": "transcription-updated", "update": update})

    def stop(self, by: Participant, id: str | None = None) -> None:
        """End a transcription.

        Args:
            by: Who does it.
            id: Its ``instanceId``; the one that runs when None.

        Raises:
            Refusal: It may not, or there is none.
        """
        self._check(by)
        self._end(by.room, self._find(by.room, id), by.id)

    def fail(self, room: Room, message: str) -> None:
        """Have every transcription of a call fail."""
        for transcription in self.running(room):
            self._calls.tell(room, {"event": "transcription-error", "message": message})
            self._end(room, transcription, None)

    def fail_all(self, message: str) -> None:
        """Have every transcription of every call fail."""
        for room in list(self._running):
            self.fail(room, message)

    def said(self, participant: Participant, text: str, *, final: bool = True) -> None:
        """Tell what somebody said, to everybody in the call."""
        room = participant.room
        if not self.running(room):
            msg = (
                f"Nobody transcribes the call in {room.name!r}: the bot has to call "
                "start_transcription first (wait for the room's 'transcription-started')."
            )
            raise DailyConfigError(msg)
        now = datetime.fromtimestamp(self._calls.log.clock.now(), UTC)
        for transcription in self.running(room):
            if not _includes(transcription, participant) or not (final or transcription.interim):
                continue
            message = {
                "instanceId": transcription.id,
                "participantId": participant.id,
                "text": text,
                "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "trackType": self._calls.choices.transcription_track_type,
                # Without Deepgram's `channel`: Pipecat reads a language out of it, and fails
                # without one.
                **({"rawResponse": {"is_final": final}} if transcription.raw else {}),
            }
            self._calls.tell(room, {"event": "transcription-message", "message": message})

    def _check(self, by: Participant) -> None:
        if not by.may_admin("transcription"):
            raise invalid(self._calls.choices.may_not_transcribe_info)

    def _find(self, room: Room, id: str | None) -> Transcription:
        running = self.running(room)
        found = [each for each in running if id in (None, each.id)]
        if not found:
            raise invalid(self._calls.choices.no_transcription_info)
        return found[-1]

    def _end(self, room: Room, transcription: Transcription, by: str | None) -> None:
        del self._running[room][transcription.id]
        self._calls.log.record(room.name, "transcription stopped", by or "an error")
        self._calls.tell(room, {"event": "transcription-stopped", "updatedBy": by})

    def _observe(self, what: str, subject: Any) -> None:
        if what == "meeting ended":
            self._running.pop(subject[0], None)
        elif what == "joined":
            for transcription in self.running(subject.room):
                # Not before the one who joined knows that it has.
                event = {"event": "transcription-started", "status": transcription.status}
                asyncio.get_running_loop().call_soon(self._calls.reach, [subject], event)


def _includes(transcription: Transcription, participant: Participant) -> bool:
    return transcription.participants is None or participant.id in transcription.participants
