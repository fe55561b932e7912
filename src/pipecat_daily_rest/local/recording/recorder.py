# SPDX-License-Identifier: BSD-2-Clause
"""The recordings of the calls: who started them, what they write, and how they end.

Reference: https://docs.daily.co/reference/rest-api/rooms/recordings and
https://docs.daily.co/reference/daily-js/events/recording-events
"""

import asyncio
import contextlib
import importlib.util
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from loguru import logger

from pipecat_daily_rest.local.call.calls import Calls
from pipecat_daily_rest.local.call.clock import Timer
from pipecat_daily_rest.local.call.domain import Domain
from pipecat_daily_rest.local.call.mixer import TICK, Block, Mixer, voice_of
from pipecat_daily_rest.local.call.room import Participant, Room
from pipecat_daily_rest.local.recording.private_folder import PrivateFolder
from pipecat_daily_rest.local.recording.stored import Recording, Stored
from pipecat_daily_rest.local.recording.writer import Tick, Writer
from pipecat_daily_rest.local.rules.schema import Refusal, invalid, not_here, refusal

SOUND_ALONE = "the local Daily records the sound alone: this recording has no pictures"
_NO_BUCKET = (
    "the local Daily has no buckets: recordings lie in a folder on this machine, so leave out "
    "recordings_bucket"
)
_NO_FOLDER = (
    "there is no folder for recordings ({why}): give LocalDaily(recordings=…) one, or set "
    "LOCAL_DAILY_RECORDINGS"
)
_GET_IT = "the local Daily records with PyAV: pip install 'pipecat-daily-rest[local]'"
_LONGEST = 15_000.0  # seconds, as at Daily
_LAST = 10.0  # seconds that a disk has at the end

Kind = Literal["cloud", "cloud-audio-only", "raw-tracks"]
_FILES: Mapping[str, tuple[str, str]] = {  # the suffix and the type of each
    "cloud": (".mp4", "video/mp4"),
    "cloud-audio-only": (".m4a", "audio/mp4"),
    "raw-tracks": ("", "application/zip"),
}
# What a bot asks for by a layout.
_BY_LAYOUT = {"audio-only": "cloud-audio-only", "raw-tracks-audio-only": "raw-tracks"}


@dataclass(eq=False)
class Running:
    """A recording that runs.

    Parameters:
        instance: The id that its starter gave it, or a new one.
        kind: ``cloud``, ``cloud-audio-only`` or ``raw-tracks``.
        room: Where.
        recording: What is listed of it.
        status: As in ``recording-started``.
        most: How many people were in the call at most.
    """

    instance: str
    kind: str
    room: Room
    recording: Recording
    status: dict[str, Any]
    writer: Writer
    first: int  # the mixer's tick
    longest: Timer
    most: int = 0
    ticks: int = 0
    why: str = ""  # it was stopped; empty while it runs


class Recorder:
    """Records the calls of one local Daily."""

    def __init__(
        self,
        domain: Domain,
        calls: Calls,
        mixer: Mixer,
        stored: Stored,
        folder: str | Path | None = None,
    ) -> None:
        """Record into a folder; None (and "") is a private one, which goes with the local Daily."""
        self._domain = domain
        self._calls = calls
        self._mixer = mixer
        self._stored = stored
        self._choices = calls.choices
        self._folder = Path(folder) if folder else None
        self._private: PrivateFolder | None = None
        self._running: list[Running] = []
        self._ended = asyncio.Event()
        mixer.listeners.append(self._hear)
        calls.log.observers.append(self._observe)

    def start(
        self, room: Room, settings: Mapping[str, Any], by: Participant | None, *, new: bool = False
    ) -> Running:
        """Start a recording, for a participant or REST (None); ``new``: beside any that runs."""
        kind = self._kind(room, settings, by)
        bucket = "recordings_bucket"
        if room.config.get(bucket) or self._domain.properties.get(bucket):
            raise not_here(_NO_BUCKET)
        if importlib.util.find_spec("av") is None:
            raise not_here(_GET_IT)
        given = settings.get("instanceId")
        others = [each.instance for each in self._of(room)]
        beside = new or self._choices.second_recording == "beside"
        if given in others or (others and given is None and not beside):
            msg = "the call is recorded already: stop that recording, or give an instanceId"
            raise invalid(msg)
        running = self._begin(room, kind, given or str(uuid.uuid4()), settings, by)
        self._running.append(running)
        self._calls.log.record(room.name, "recording started", running.recording.id)
        if kind == "cloud":
            logger.warning("Local room {}: {}.", room.name, SOUND_ALONE)
        self._calls.tell(room, {"event": "recording-started", "status": running.status})
        self._notify("recording.started", running, action="start-cloud-recording")
        return running

    def update(self, room: Room, instance: str | None) -> None:
        """Change nothing, since there are no pictures to lay out; refuse what does not run."""
        self._find(room, instance)

    def stop(self, room: Room, instance: str | None, by: Participant | None) -> None:
        """Stop a recording, or the last one; the file is complete at ``recording-stopped``."""
        if (running := self._find(room, instance)) is not None:
            self._stop(running, f"stopped by {by.id if by else 'the API'}")

    async def aclose(self) -> None:
        """End all recordings, and remove the private folder."""
        for running in list(self._running):
            self._stop(running, "the local Daily was stopped")
        with contextlib.suppress(TimeoutError):  # a disk that hangs must not hang this program
            async with asyncio.timeout(_LAST):
                while self._running:
                    self._ended.clear()
                    await self._ended.wait()
        if self._private is not None:
            await asyncio.to_thread(self._private.remove)

    # -- A recording begins ----------------------------------------------------------------

    def _kind(self, room: Room, settings: Mapping[str, Any], by: Participant | None) -> str:
        enabled = (by.rights if by else {}).get("enable_recording")
        enabled = enabled or room.config.get("enable_recording")
        if not enabled and self._choices.recording_needs_property:
            msg = "recording is not enabled: set enable_recording of the room"
            raise invalid(msg)
        if "type" in settings:
            return str(settings["type"])
        layout = settings.get("layout") or {}
        if layout.get("preset") in _BY_LAYOUT:
            return _BY_LAYOUT[layout["preset"]]
        wanted = enabled if isinstance(enabled, list) else [enabled]
        # https://docs.daily.co/reference/rest-api/rooms/recordings: "cloud" by default over REST
        mine = [each for each in wanted if by is not None and each in get_args(Kind)]
        return str(mine[0]) if mine else "cloud"

    def _begin(
        self,
        room: Room,
        kind: str,
        instance: str,
        settings: Mapping[str, Any],
        by: Participant | None,
    ) -> Running:
        loop = asyncio.get_running_loop()
        clock, (suffix, content_type) = self._calls.log.clock, _FILES[kind]
        folder = self._where()
        recording = self._stored.record(room, content_type)
        path = folder / room.name / f"{int(recording.start * 1000)}-{recording.id[:8]}{suffix}"
        longest = float(settings.get("maxDuration") or _LONGEST)
        layout = {"layout": settings["layout"]} if settings.get("layout") else {}
        running: Running

        def ended(error: str | None) -> None:
            """Called on the thread."""
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._finish, running, error)

        running = Running(
            instance=instance,
            kind=kind,
            room=room,
            recording=recording,
            status={
                "streamId": instance,
                "recordingId": recording.id,
                "type": kind,
                **({} if by is None else {"startedBy": by.id}),
                **layout,
            },
            writer=Writer(path, recording.start, raw=kind == "raw-tracks", ended=ended),
            first=self._mixer.now,
            longest=clock.call_at(
                clock.now() + longest, lambda: self._stop(running, f"it had {longest:g} s")
            ),
        )
        running.writer.begin()
        return running

    def _where(self) -> Path:
        """Give the folder of the recordings; without a given one, a private one is made."""
        if self._folder is None:
            try:
                self._private = PrivateFolder()
            except OSError as exc:  # as in a container whose file system is read-only
                raise not_here(_NO_FOLDER.format(why=exc.strerror)) from exc
            self._folder = self._private.path
        return self._folder

    # -- A recording runs ------------------------------------------------------------------

    def _hear(self, room: Room, voices: Mapping[str, Block]) -> None:
        """Take 20 ms of a room; the mixer calls it."""
        for running in self._of(room):
            people = room.participants
            running.most = max(running.most, len(people))
            at = self._mixer.now - running.first - 1
            running.ticks = at + 1
            tracks = []
            if running.kind == "raw-tracks":
                tracks = [
                    (voice_of(id, name), id, name)
                    for id, each in people.items()
                    for name in ("microphone", "screenAudio", *each.custom_audio)
                    if each.publishes(name)
                ]
            running.writer.put(Tick(at, voices, tracks, frozenset(people)))

    # -- A recording ends ------------------------------------------------------------------

    def _stop(self, running: Running, why: str) -> None:
        if not running.why:
            running.why = why
            running.longest.cancel()
            running.writer.stop()

    def _finish(self, running: Running, error: str | None) -> None:
        """The files are complete: list the recording, and tell the room."""
        running.longest.cancel()
        self._running.remove(running)
        self._ended.set()
        sizes = {path: path.stat().st_size for path in running.writer.paths if path.exists()}
        paths = tuple(path for path, size in sizes.items() if size)
        folder = running.recording.s3key.rpartition("/")[0]
        tracks = [
            {"type": "audio", "size": sizes[path], "s3key": f"{folder}/{path.name}"}
            for path in paths
        ]
        running.recording = self._stored.finish(
            running.recording,
            status="finished" if paths else "canceled",
            duration=running.ticks * TICK if paths else 0.0,
            max_participants=running.most,
            paths=paths,
            why=error or running.why,
            tracks=tracks if running.kind == "raw-tracks" else None,
        )
        room, instance = running.room, running.instance
        if error is not None:
            text = "Local room {}: the recording has ended: {}. Its folder is {}"
            logger.error(text, room.name, error, self._folder)
            told = {"event": "recording-error", "streamId": instance, "message": error}
            self._calls.tell(room, told)
            self._notify("recording.error", running, action="cloud-recording-err", error_msg=error)
        self._calls.log.record(room.name, "recording stopped", running.recording.why)
        self._calls.tell(room, {"event": "recording-stopped", "streamId": instance})
        if paths and running.recording.id in self._stored.recordings:
            self._notify("recording.ready-to-download", running)

    def _observe(self, what: str, subject: Any) -> None:
        if what == "meeting ended":
            for running in self._of(subject[0]):
                self._stop(running, "everybody has left")
        elif what == "joined" and subject.rights.get("start_cloud_recording"):
            if not self._of(subject.room):
                asyncio.get_running_loop().call_soon(self._start_for, subject)

    def _start_for(self, owner: Participant) -> None:
        """Start what the token of somebody who has joined asks for."""
        # https://docs.daily.co/reference/rest-api/meeting-tokens/config (start_cloud_recording)
        options = owner.rights.get("start_cloud_recording_opts") or {}
        try:
            self.start(owner.room, {"type": "cloud", **options}, owner)
        except Refusal as exc:
            logger.warning("Local room {}: no recording: {}.", owner.room.name, exc)

    def _of(self, room: Room) -> list[Running]:
        return [each for each in self._running if each.room is room and not each.why]

    def _find(self, room: Room, instance: str | None) -> Running | None:
        found = [each for each in self._of(room) if instance in (None, each.instance)]
        if not found and self._choices.no_recording != 200:
            raise refusal(self._choices.no_recording, "no such recording runs in the room")
        return found[-1] if found else None

    def _notify(self, kind: str, running: Running, **more: Any) -> None:
        """Have a webhook sent."""
        # https://docs.daily.co/reference/rest-api/webhooks/events
        recording = running.recording
        payload: dict[str, Any] = {
            "type": running.kind,
            "recording_id": recording.id,
            "room_name": recording.room,
            "instance_id": running.instance,
            "started_by": running.status.get("startedBy"),
            "start_ts": int(recording.start),
            **more,
        }
        if kind == "recording.ready-to-download":
            payload |= {
                "status": recording.status,
                "max_participants": recording.max_participants,
                "duration": int(recording.duration),
                "s3_key": recording.s3key,
                **({} if recording.tracks is None else {"tracks": list(recording.tracks)}),
            }
        self._calls.log.notify("webhook", (kind, payload))


def check(by: Participant, name: str) -> None:
    """Refuse a participant who may not record; ``name`` is daily-python's for what it does."""
    if not by.may_admin("streaming"):
        msg = f"{name} needs an owner's token, or the permission canAdmin: streaming"
        raise invalid(msg)
