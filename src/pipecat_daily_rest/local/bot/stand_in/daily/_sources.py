# SPDX-License-Identifier: BSD-2-Clause
"""What a bot says: sources, and the tracks that carry them into a call."""

import threading
import time
import uuid
import weakref
from collections.abc import Callable
from typing import Any, Protocol

from daily._checks import need, need_count
from daily._sound import ROOM_RATE, Resampler, mono
from daily._threads import Worker, complete

_LOWEST_RATE = 100  # Hz: below it 10 ms hold no sample
_SHORTEST = 0.01  # seconds; what is shorter is taken at once
_LATE = 0.04  # seconds that a write may be late without a gap: the room's cushion covers it

_tracks: "weakref.WeakValueDictionary[str, CustomAudioTrack]" = weakref.WeakValueDictionary()


class Sink(Protocol):
    """Where the samples of a source go."""

    def sound(self, source: "CustomAudioSource", samples: bytes) -> None:
        """Take samples: 48 kHz, 16 bit, mono. Must not block or raise."""


class CustomAudioSource:
    """Sound that the bot makes, written in real time.

    A write completes when its time is over, in a call or not, which is what paces a bot. The
    samples go to the room at once, and the room plays them about 40 ms later, so that the next
    write comes before the last one has been played out.
    """

    def __init__(self, sample_rate: int, channels: int, auto_silence: bool = True) -> None:
        """Initialize the source.

        Args:
            sample_rate: In Hz.
            channels: 1 or 2; a local room mixes them into one.
            auto_silence: Without effect: a local room is silent where nothing is written.
        """
        need_count(sample_rate)
        need_count(channels, bits=8)
        need(auto_silence, bool)
        self._sample_rate = sample_rate
        self._channels = channels
        self._lock = threading.Lock()
        self._resample = Resampler(sample_rate, ROOM_RATE)
        self._played = 0.0  # when all that was written is over, in seconds of time.monotonic
        self._sinks: weakref.WeakSet[Any] = weakref.WeakSet()
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
        """Say something, after whatever was written before.

        Args:
            frames: 16-bit samples, channels interleaved.
            completion: Called with the number of frames when their time is over, on a thread of
                the source. Without it the call waits until then.

        Returns:
            The number of frames.

        Raises:
            ValueError: The bytes are no 16-bit samples, or the source can say nothing.
        """
        need(frames, bytes)
        if self._sample_rate < _LOWEST_RATE or not self._channels:
            shape = f"{self._sample_rate} Hz and {self._channels} channels"
            msg = f"a source of {shape} can say nothing: on Daily the process would abort here"
            raise ValueError(msg)
        if len(frames) % (2 * self._channels):
            msg = "frames bytestring should contain 16-bit samples"
            raise ValueError(msg)
        count = len(frames) // (2 * self._channels)
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
                    sink.sound(self, samples)
        if duration < _SHORTEST:
            if completion is not None:
                complete(completion, count)
        elif completion is not None:
            self._worker.call(complete, completion, count, at=due)
        else:
            time.sleep(max(0.0, due - time.monotonic()))
        return count

    def _attach(self, sink: Sink, attached: bool) -> None:
        with self._lock:
            if attached:
                self._sinks.add(sink)
            else:
                self._sinks.discard(sink)


class CustomAudioTrack:
    """A source as `CallClient.join` and `CallClient.update_inputs` name it."""

    def __init__(self, audio_source: CustomAudioSource) -> None:
        """Initialize the track."""
        need(audio_source, CustomAudioSource)
        self._source = audio_source
        self._id = str(uuid.uuid4())
        _tracks[self._id] = self

    @property
    def id(self) -> str:
        """A UUID."""
        return self._id


def find_source(track_id: Any) -> CustomAudioSource | None:
    """Look up the source of a track.

    Args:
        track_id: The track's id.

    Returns:
        The source, or None when there is no such track.
    """
    track = _tracks.get(track_id) if isinstance(track_id, str) else None
    return None if track is None else track._source
