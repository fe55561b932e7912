# SPDX-License-Identifier: BSD-2-Clause
"""What a bot says: audio sources, and the tracks that carry them into a call."""

import threading
import time
import uuid
import weakref
from collections.abc import Callable
from typing import Protocol

from daily._checks import need, need_count, need_samples
from daily._sound import ROOM_RATE, Resampler, mono
from daily._threads import Worker, complete

_LOWEST_RATE = 100  # Hz: below it 10 ms hold no sample
_SHORTEST = 0.01  # seconds; a shorter write completes at once
_LATE = 0.04  # seconds that a write may be late without a gap: the room buffers as much

_tracks: "weakref.WeakValueDictionary[str, CustomAudioTrack]" = weakref.WeakValueDictionary()


class Sink(Protocol):
    """What gets the samples of a source."""

    def take_samples(self, source: "CustomAudioSource", samples: bytes) -> None:
        """Take samples: 48 kHz, 16 bit, mono. Must not block or raise."""


class CustomAudioSource:
    """Sound that the bot makes, written in real time.

    A write completes when its sound has been played, in a call or not: that paces a bot. The
    samples go to the room at once, and the room plays them about 40 ms later, so the next write
    comes before the last one has been played.
    """

    def __init__(self, sample_rate: int, channels: int, auto_silence: bool = True) -> None:
        """Initialize a source of 1 or 2 channels, mixed into one; `auto_silence` has no effect."""
        need_count(sample_rate)
        need_count(channels, bits=8)
        need(auto_silence, bool)
        self._sample_rate = sample_rate
        self._channels = channels
        self._lock = threading.Lock()
        self._resample = Resampler(sample_rate, ROOM_RATE)
        self._played = 0.0  # when everything written will have been played, in time.monotonic
        self._sinks: weakref.WeakSet[Sink] = weakref.WeakSet()
        self._worker = Worker("daily-source")
        weakref.finalize(self, self._worker.stop).atexit = False

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return self._sample_rate

    @property
    def channels(self) -> int:
        """How many."""
        return self._channels

    def write_frames(self, frames: bytes, completion: Callable[[int], None] | None = None) -> int:
        """Say 16-bit samples, after those written before; give the number of frames.

        The completion gets it too, on a thread of the source. A write without one blocks.
        """
        need(frames, bytes)
        if self._sample_rate < _LOWEST_RATE or not self._channels:
            shape = f"{self._sample_rate} Hz and {self._channels} channels"
            msg = f"a source of {shape} can say nothing: on Daily the process would abort here"
            raise ValueError(msg)
        count = need_samples(frames, self._channels)
        duration = count / self._sample_rate
        with self._lock:
            now = time.monotonic()
            if now - self._played > _LATE:
                self._played = now
                self._resample.reset()
            self._played = due = self._played + duration
            if count and self._sinks:
                samples = self._resample(mono(frames, self._channels)).tobytes()
                for sink in list(self._sinks):
                    sink.take_samples(self, samples)
        if duration < _SHORTEST:
            if completion is not None:
                complete(completion, count)
        elif completion is not None:
            self._worker.call(complete, completion, count, at=due)
        else:
            time.sleep(max(0.0, due - time.monotonic()))
        return count

    def _attach(self, sink: Sink) -> None:
        with self._lock:
            self._sinks.add(sink)

    def _detach(self, sink: Sink) -> None:
        with self._lock:
            self._sinks.discard(sink)


class CustomAudioTrack:
    """An audio source as `CallClient.join` and `CallClient.update_inputs` name it."""

    def __init__(self, audio_source: CustomAudioSource) -> None:
        """Initialize a track of a source."""
        need(audio_source, CustomAudioSource)
        self._source = audio_source
        self._id = str(uuid.uuid4())
        _tracks[self._id] = self

    @property
    def id(self) -> str:
        """A UUID."""
        return self._id


def find_track(id: object) -> CustomAudioSource | None:
    """Give the source of a track, or None if no track has that id."""
    track = _tracks.get(id) if isinstance(id, str) else None
    return None if track is None else track._source
