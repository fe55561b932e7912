# SPDX-License-Identifier: BSD-2-Clause
"""Transcriptions of the calls: who started them, and what they report.

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
        status: The status in ``transcription-started``.
        raw: Whether its messages have a ``rawResponse``.
        interim: Whether it reports text that is not final yet.
        participants: The session ids of those it transcribes; everybody when None.
    """

    id: str
    status: dict[str, Any]
    raw: bool
    interim: bool
    participants: list[str] | None = None


class Transcriber:
    """The transcriptions of one local Daily. A test or `Speech` tells it what was said."""

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
        """Tell whether a transcription includes a participant."""
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
        """Choose who is transcribed (None: everybody) by a transcription (None: the last one)."""
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
        """Stop a transcription, by its ``instanceId``; None is the last one."""
        self._check(by)
        self._end(by.room, self._find(by.room, id), by.id)

    def fail(self, room: Room, message: str) -> None:
        """End every transcription of a call with an error."""
        for transcription in self.running(room):
            self._calls.tell(room, {"event": "transcription-error", "message": message})
            self._end(room, transcription, None)

    def fail_all(self, message: str) -> None:
        """End every transcription of every call with an error."""
        for room in list(self._running):
            self.fail(room, message)

    def said(self, participant: Participant, text: str, *, final: bool = True) -> None:
        """Tell everybody in the call what a participant said."""
        room = participant.room
        if not self.running(room):
            msg = (
                f"No transcription runs in {room.name!r}: the bot has to call "
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
                # Deepgram's `channel` is left out: Pipecat fails if it has no language.
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
                # After the reply to the join.
                event = {"event": "transcription-started", "status": transcription.status}
                asyncio.get_running_loop().call_soon(self._calls.reach, [subject], event)


def _includes(transcription: Transcription, participant: Participant) -> bool:
    return transcription.participants is None or participant.id in transcription.participants
