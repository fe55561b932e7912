# SPDX-License-Identifier: BSD-2-Clause
"""How the voices of a call reach the bot."""

import threading
from collections import deque
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daily._output import Source, output
from daily._sound import ROOM_RATE, AudioData, Resampler
from daily._threads import Worker

_SILENCE = np.zeros(ROOM_RATE // 50, np.int16)
_MOST_WAITING = 50  # blocks of each voice that wait for a slow bot; older ones are dropped


class _Renderer:
    """Gives one participant's voice to the bot, in the rate and the pieces it asked for."""

    def __init__(self, id: str, source: str, callback: Any, rate: int, interval_ms: int) -> None:
        self._id, self._source, self._callback = id, source, callback
        self._rate = rate
        self._piece = max(1, rate * max(10, interval_ms) // 1000)
        self._resample = Resampler(ROOM_RATE, rate)
        self._samples = np.zeros(0, np.int16)

    def feed(self, samples: NDArray[np.int16]) -> None:
        self._samples = np.concatenate([self._samples, self._resample(samples)])
        while len(self._samples) >= self._piece:
            piece, self._samples = np.split(self._samples, [self._piece])
            self._give(piece)

    def end(self) -> None:
        """Give what is left, filled up with silence: it must not wait for what comes next."""
        rest, self._samples = self._samples, self._samples[:0]
        self._resample.reset()
        if len(rest):
            self._give(np.pad(rest, (0, self._piece - len(rest))))

    def _give(self, piece: NDArray[np.int16]) -> None:
        self._callback(self._id, AudioData._of(piece.tobytes(), self._rate), self._source)


class Ears:
    """The renderers of a call, and the thread that feeds them and the speaker."""

    def __init__(self, call: Source) -> None:
        """Initialize ears that hear nobody."""
        self._call = call
        self._lock = threading.Lock()
        self._worker = Worker("daily-audio")
        self._renderers: dict[tuple[str, str], _Renderer] = {}
        self._waiting: deque[tuple[str, str, bytes | None]] = deque()

    def render(self, id: str, callback: Any, source: str, rate: int, interval_ms: int) -> None:
        """Give a participant's voice to the bot from now on.

        Args:
            id: The participant's session id.
            callback: Called with the id, `AudioData` and the source.
            source: ``microphone``, ``screenAudio`` or the name of a custom track.
            rate: In Hz.
            interval_ms: How much sound in a call, in milliseconds.
        """
        with self._lock:
            self._renderers[id, source] = _Renderer(id, source, callback, rate, interval_ms)

    def wanted(self, present: Collection[str]) -> list[tuple[str, str]]:
        """Tell whose voices are wanted."""
        with self._lock:
            return sorted(key for key in self._renderers if key[0] in present)

    def forget(self, id: str | None = None) -> None:
        """Hear somebody no longer.

        Args:
            id: The session id; everybody when None.
        """
        with self._lock:
            gone = [key for key in self._renderers if id in (None, key[0])]
            for key in gone:
                del self._renderers[key]
        if id is None:
            self._waiting.clear()

    def stop(self) -> None:
        """Hear nothing any more."""
        self._worker.stop()

    def take(self, id: str, source: str, sound: bytes | None) -> None:
        """Take 20 ms from the room, and come back at once.

        Args:
            id: Whose; nothing for everybody, mixed.
            source: Which of its tracks.
            sound: 16-bit samples, or nothing for silence; None once the track has ended.
        """
        full = len(self._waiting) >= _MOST_WAITING * (1 + len(self._renderers))
        if full:
            self._waiting.popleft()
        self._waiting.append((id, source, sound))
        if not full:  # else the call for the one that went is this one's
            self._worker.call(self._hear)

    def _hear(self) -> None:
        try:
            id, source, sound = self._waiting.popleft()
        except IndexError:
            return  # left since
        samples = np.frombuffer(sound, np.int16) if sound else _SILENCE
        if not id:
            output.feed(self._call, samples)
            return
        with self._lock:
            renderer = self._renderers.get((id, source))
        if renderer is None:
            return
        if sound is None:
            renderer.end()
        else:
            renderer.feed(samples)
