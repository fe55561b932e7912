# SPDX-License-Identifier: BSD-2-Clause
"""The thread that writes one recording, so that no disk and no encoder stops the room's clock."""

import queue
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipecat_daily_rest.local.call.mixer import TICK, Block, mixed
from pipecat_daily_rest.local.recording.sound_file import AT_ONCE, SoundFile

_MOST_WAITING = round(30 / TICK / AT_ONCE)  # batches; a disk that is further behind ends it


@dataclass(frozen=True)
class Tick:
    """What was said in 20 ms.

    Parameters:
        at: How many ticks after the recording's start.
        voices: The sound, by voice; the silent are left out.
        tracks: Who sends which tracks: the voice, the session id, and the track's name.
        present: The session ids of those who are in the room.
    """

    at: int
    voices: Mapping[str, Block]
    tracks: Sequence[tuple[str, str, str]]
    present: frozenset[str]


@dataclass
class _Track:
    file: SoundFile
    participant: str
    first: int


class Writer:
    """Writes what the room's clock gives it; a thread of its own."""

    def __init__(
        self, path: Path, start: float, *, raw: bool, ended: Callable[[str | None], None]
    ) -> None:
        """Make it; `begin` starts it.

        ``path`` is that of the mix, or what the names of the raw tracks begin with. ``ended`` is
        called on the thread once the files are complete, with what went wrong.
        """
        self.paths: list[Path] = []
        self._path = path
        self._start = start
        self._raw = raw
        self._ended = ended
        self._mix: SoundFile | None = None
        self._tracks: dict[str, _Track] = {}
        self._batch: list[Tick] = []
        self._batches: queue.SimpleQueue[list[Tick] | None] = queue.SimpleQueue()
        self._late = False
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)

    def begin(self) -> None:
        """Start the thread, which may end at once."""
        self._thread.start()

    def put(self, tick: Tick) -> None:
        """Write a tick, soon; the thread wakes up for several of them at once."""
        self._batch.append(tick)
        if len(self._batch) < AT_ONCE:
            return
        if self._batches.qsize() < _MOST_WAITING:
            self._batches.put(self._batch)
        elif not self._late:
            self._late = True
            self._batches.put(None)
        self._batch = []

    def stop(self) -> None:
        """Write what waits, and end."""
        self._batches.put(self._batch)
        self._batches.put(None)

    def _run(self) -> None:
        error = None
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            while (batch := self._batches.get()) is not None:
                for tick in batch:
                    self._write(tick)
            if self._late:
                error = "the disk was too slow"
        except Exception as exc:  # PyAV raises many kinds, all of them about the file
            error = _why(exc)
        for file in [self._mix, *(track.file for track in self._tracks.values())]:
            try:
                if file is not None:
                    file.close()
            except Exception as exc:
                error = error or _why(exc)
        self._ended(error)

    def _write(self, tick: Tick) -> None:
        if not self._raw:
            if self._mix is None:
                self._mix = self._open(self._path)
            self._mix.write(tick.at, mixed(tick.voices.values()) if tick.voices else None)
            return
        for voice, participant, name in tick.tracks:
            if voice not in self._tracks:
                file = self._open(self._named(participant, name, tick.at))
                self._tracks[voice] = _Track(file, participant, tick.at)
        for voice, track in list(self._tracks.items()):
            if track.participant in tick.present:
                track.file.write(tick.at - track.first, tick.voices.get(voice))
            else:
                self._tracks.pop(voice).file.close()

    def _open(self, path: Path) -> SoundFile:
        file = SoundFile(path)
        self.paths.append(path)
        return file

    def _named(self, participant: str, track: str, at: int) -> Path:
        kinds = {"microphone": "cam-audio", "screenAudio": "screen-audio"}
        kind = kinds.get(track) or f"{len(self.paths)}-{re.sub(r'[^A-Za-z0-9_-]', '_', track)[:40]}"
        began = round((self._start + at * TICK) * 1000)
        return self._path.with_name(f"{self._path.name}-{participant}-{kind}-{began}.webm")


def _why(exc: Exception) -> str:
    if isinstance(exc, OSError) and exc.strerror:
        return f"the file cannot be written: {exc.strerror}"
    return f"the file cannot be written: {exc}"
