# SPDX-License-Identifier: BSD-2-Clause
"""The recordings that were made, and the recordings and transcripts that a test added. No HTTP."""

import math
import re
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.arguments import must_be
from pipecat_daily_rest.local.call.domain import Domain
from pipecat_daily_rest.local.call.log import Log
from pipecat_daily_rest.local.call.mixer import Block
from pipecat_daily_rest.local.call.room import Room
from pipecat_daily_rest.local.recording.sound_file import read_sound
from pipecat_daily_rest.local.scripted.hearing import is_in, read_wav, tone_level

RecordingStatus = Literal["finished", "in-progress", "canceled"]
TranscriptStatus = Literal["t_finished", "t_in_progress", "t_error", "t_deleted"]

T = TypeVar("T", bound="Recording | Transcript")

_BUCKET = {"bucket_name": "daily-meeting-recordings", "bucket_region": "us-west-2"}
VTT = "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n<v>Hello.\n"


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A recording.

    Reference: https://docs.daily.co/reference/rest-api/recordings

    Parameters:
        room: The room's name.
        content: The bytes of its file, if a test has added it.
        content_type: The file's type.
        status: ``finished``, ``in-progress`` or ``canceled``.
        start: When it began, in unix seconds.
        duration: Seconds; the API leaves it out while the recording is in progress.
        max_participants: How many people were in the call at most.
        meeting_id: The meeting session.
        tracks: For raw tracks: ``{"type", "size", "s3key"}`` of each file.
        bucket: ``bucket_name`` and ``bucket_region``.
        s3key: Where it is in the bucket.
        paths: Its files, if a call was recorded: one, or one for each raw track.
        why: Why it ended, if a call was recorded; "" while it runs.
        id: UUID.
        share_token: Deprecated by Daily.
    """

    room: str
    content: bytes = field(repr=False)
    content_type: str
    status: RecordingStatus
    start: float
    duration: float
    max_participants: int
    meeting_id: str
    tracks: Sequence[Mapping[str, Any]] | None
    bucket: Mapping[str, str]
    s3key: str
    paths: tuple[Path, ...] = ()
    why: str = ""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    share_token: str = field(default_factory=lambda: secrets.token_urlsafe(9), repr=False)

    def has(self, what: float | Path) -> bool:
        """Tell whether something was said in the call that was recorded.

        Args:
            what: A tone's frequency in Hz, or the `Path` of a WAV file, as in `Scripted.hears`.

        Returns:
            Whether it is in one of the files.

        Raises:
            DailyConfigError: A file cannot be read, or the argument has the wrong type.
        """
        must_be(float | Path, what=what)
        if isinstance(what, Path):
            wanted = read_wav(what)
            return any(is_in(wanted, sound) for sound in self.sounds)
        return any(tone_level(sound, what) > 0 for sound in self.sounds)

    @property
    def sounds(self) -> list[Block]:
        """The sound of each file: samples at 48 kHz, mono; raises `DailyConfigError` without one."""
        return [read_sound(path) for path in self.paths]


@dataclass(frozen=True, kw_only=True)
class Transcript:
    """A transcript.

    Reference: https://docs.daily.co/reference/rest-api/transcript

    Parameters:
        room: The room's name.
        room_id: The room's id.
        content: The WebVTT of its file; None when no file was stored.
        status: ``t_finished``, ``t_in_progress``, ``t_error`` or ``t_deleted``.
        start: When it began, in unix seconds.
        updated: When it last changed, in unix seconds.
        duration: Seconds.
        meeting_id: The meeting session.
        error: What failed, with ``t_error``.
        bucket: ``bucket_name`` and ``bucket_region`` of the room's ``transcription_bucket``, if it
            has one.
        s3key: Where it is in the bucket.
        id: UUID.
    """

    room: str
    room_id: str
    content: str | None = field(repr=False)
    status: TranscriptStatus
    start: float
    updated: float
    duration: float
    meeting_id: str
    error: str | None
    bucket: Mapping[str, str] | None
    s3key: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


class Stored:
    """The recordings and transcripts of one local Daily."""

    def __init__(self, domain: Domain, log: Log) -> None:
        self._domain = domain
        self._log = log
        self.recordings: dict[str, Recording] = {}
        self.transcripts: dict[str, Transcript] = {}

    def add_recording(
        self,
        room: str,
        content: bytes = b"",
        *,
        content_type: str = "video/mp4",
        status: RecordingStatus = "finished",
        start: float | None = None,
        duration: float = 60.0,
        max_participants: int = 2,
        meeting_id: str | None = None,
        tracks: Sequence[Mapping[str, Any]] | None = None,
    ) -> Recording:
        """Add a recording; see `LocalDaily.add_recording`."""
        must_be(bytes | bytearray | memoryview, content=content)
        must_be(str, content_type=content_type)
        must_be(int, max_participants=max_participants)
        must_be(str | None, meeting_id=meeting_id)
        must_be(list[Mapping[str, Any]] | tuple[Mapping[str, Any], ...] | None, tracks=tracks)
        _check_room(room)
        must_be(RecordingStatus, status=status)
        _check_times(start, duration)
        recording = self._new(
            room,
            content=bytes(content),
            content_type=content_type,
            status=status,
            start=self._start(start, duration),
            duration=duration,
            max_participants=max_participants,
            meeting_id=meeting_id,
            tracks=tracks,
        )
        self.recordings[recording.id] = recording
        self._log.record(room, "recording added", recording.id)
        return recording

    def record(self, room: Room, content_type: str) -> Recording:
        """Add a recording that begins now."""
        recording = self._new(room.name, content_type=content_type, status="in-progress")
        self.recordings[recording.id] = recording
        return recording

    def finish(self, recording: Recording, **members: Any) -> Recording:
        """Note what has become of a recording; one that was deleted meanwhile loses its files."""
        finished = replace(recording, **members)
        there = recording.id in self.recordings
        self.recordings[recording.id] = finished
        if not there:
            self.delete_recording(finished)
        return finished

    def delete_recording(self, recording: Recording) -> None:
        """Delete a recording and its files."""
        del self.recordings[recording.id]
        for path in recording.paths:
            path.unlink(missing_ok=True)

    def add_transcript(
        self,
        room: str,
        content: str | None = VTT,
        *,
        status: TranscriptStatus = "t_finished",
        start: float | None = None,
        duration: float = 60.0,
        meeting_id: str | None = None,
        error: str | None = None,
    ) -> Transcript:
        """Add a transcript; see `LocalDaily.add_transcript`."""
        must_be(str | None, content=content, meeting_id=meeting_id, error=error)
        _check_room(room)
        must_be(TranscriptStatus, status=status)
        _check_times(start, duration)
        if content is not None and not content.startswith("WEBVTT"):
            msg = "A transcript's content must be WebVTT: its first line is WEBVTT."
            raise DailyConfigError(msg)
        if (error is not None) != (status == "t_error"):
            msg = "A transcript needs an error with status='t_error', and with no other status."
            raise DailyConfigError(msg)
        start = self._start(start, duration)
        there = self._domain.rooms.get(room)
        transcript = Transcript(
            room=room,
            # The same id for every transcript of a deleted room.
            room_id=there.id if there else str(uuid.uuid5(uuid.UUID(self._domain.id), room)),
            content=content,
            status=status,
            start=start,
            updated=start + (0 if status == "t_in_progress" else duration),
            duration=duration,
            meeting_id=meeting_id or self._meeting(room),
            error=error,
            bucket=self._config(room).get("transcription_bucket"),
            s3key=f"{self._domain.name}/{room}/{int(start * 1000)}.vtt",
        )
        self.transcripts[transcript.id] = transcript
        self._log.record(room, "transcript added", transcript.id)
        return transcript

    def delete_transcript(self, transcript: Transcript) -> Transcript:
        """Delete a transcript: its file, and its entry if that does not stay."""
        now = self._domain.clock.now()
        rest = replace(transcript, status="t_deleted", content=None, updated=now)
        if self._domain.choices.deleted_transcript_stays:
            self.transcripts[transcript.id] = rest
        else:
            self.transcripts.pop(transcript.id, None)
        return rest

    def _new(
        self,
        room: str,
        *,
        content_type: str,
        status: RecordingStatus,
        content: bytes = b"",
        start: float | None = None,
        duration: float = 0.0,
        max_participants: int = 0,
        meeting_id: str | None = None,
        tracks: Sequence[Mapping[str, Any]] | None = None,
    ) -> Recording:
        start = self._domain.clock.now() if start is None else start
        return Recording(
            room=room,
            content=content,
            content_type=content_type,
            status=status,
            start=start,
            duration=duration,
            max_participants=max_participants,
            meeting_id=meeting_id or self._meeting(room),
            tracks=tracks,
            bucket={**_BUCKET, **(self._config(room).get("recordings_bucket") or {})},
            s3key=f"{self._domain.name}/{room}/{int(start * 1000)}",
        )

    def _config(self, room: str) -> Mapping[str, Any]:
        there = self._domain.rooms.get(room)
        return there.config if there is not None else {}

    def _meeting(self, room: str) -> str:
        there = self._domain.rooms.get(room)
        return (there.meeting_id if there is not None else None) or str(uuid.uuid4())

    def _start(self, start: float | None, duration: float) -> float:
        return self._domain.clock.now() - duration if start is None else start


def newest_first(items: Mapping[str, T]) -> list[T]:
    """Sort recordings or transcripts."""
    return sorted(items.values(), key=lambda item: (int(item.start), item.id), reverse=True)


def _check_room(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", name):
        msg = "Pass the name or URL of the room of the recording or transcript."
        raise DailyConfigError(msg)


def _check_times(start: float | None, duration: float) -> None:
    must_be(float | None, start=start)
    must_be(float, duration=duration)
    if not (0 <= duration < math.inf) or not (start is None or 0 <= start < math.inf):
        msg = "start must be unix seconds and duration seconds: neither is negative."
        raise DailyConfigError(msg)
