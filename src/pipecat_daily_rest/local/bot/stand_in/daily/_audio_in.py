# SPDX-License-Identifier: BSD-2-Clause
"""Sound in: from the room to the bot's audio renderers and its speaker."""

import threading
from collections import deque
from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from daily._sound import ROOM_RATE, AudioData, Resampler
from daily._speaker import Source, speaker
from daily._threads import Worker

_SILENCE = np.zeros(ROOM_RATE // 50, np.int16)
_MOST_WAITING = 50  # blocks of each voice that wait for a slow bot; older ones are dropped

Callback = Callable[[str, AudioData, str], None]  # with a session id, sound, and its track


class _Renderer:
    """Gives one track to the bot, in the rate and the block size that it asked for."""

    def __init__(self, id: str, source: str, callback: Callback, rate: int, interval_ms: int):
        self._id, self._source, self._callback = id, source, callback
        self._rate = rate
        self._piece = max(1, rate * max(10, interval_ms) // 1000)
        self._resample = Resampler(ROOM_RATE, rate)
        self._samples: NDArray[np.int16] = np.zeros(0, np.int16)

    def feed(self, samples: NDArray[np.int16]) -> None:
        self._samples = np.concatenate([self._samples, self._resample(samples)])
        while len(self._samples) >= self._piece:
            piece, self._samples = np.split(self._samples, [self._piece])
            self._give(piece)

    def end(self) -> None:
        """Give the rest, padded with silence: it must not wait for the next sound."""
        rest, self._samples = self._samples, self._samples[:0]
        self._resample.reset()
        if len(rest):
            self._give(np.pad(rest, (0, self._piece - len(rest))))

    def _give(self, piece: NDArray[np.int16]) -> None:
        self._callback(self._id, AudioData._of(piece.tobytes(), self._rate), self._source)


class AudioIn:
    """The audio renderers of a call, and the thread that feeds them and the speaker."""

    def __init__(self, call: Source) -> None:
        """Initialize without renderers; `call` is what the speaker knows the call by."""
        self._call = call
        self._lock = threading.Lock()
        self._worker = Worker("daily-audio")
        self._renderers: dict[tuple[str, str], _Renderer] = {}
        self._waiting: deque[tuple[str, str, bytes | None]] = deque()

    def render(self, id: str, callback: Callback, source: str, rate: int, interval_ms: int) -> None:
        """Give a participant's track to the bot: at a rate in Hz, in blocks of milliseconds."""
        with self._lock:
            self._renderers[id, source] = _Renderer(id, source, callback, rate, interval_ms)

    def wanted(self, present: Collection[str]) -> list[tuple[str, str]]:
        """Give the session id and the track of each renderer whose participant is present."""
        with self._lock:
            return sorted(key for key in self._renderers if key[0] in present)

    def forget(self, id: str | None = None) -> None:
        """Remove the renderers of a participant, or all of them."""
        with self._lock:
            gone = [key for key in self._renderers if id in (None, key[0])]
            for key in gone:
                del self._renderers[key]
        if id is None:
            self._waiting.clear()

    def stop(self) -> None:
        """End the thread."""
        self._worker.stop()

    def take(self, id: str, source: str, sound: bytes | None) -> None:
        """Queue 20 ms from the room; the mix has no id, silence no bytes, a track that ends None.

        Must return at once.
        """
        full = len(self._waiting) >= _MOST_WAITING * (1 + len(self._renderers))
        if full:
            self._waiting.popleft()
        self._waiting.append((id, source, sound))
        if not full:  # else the worker's call for the dropped block takes this one
            self._worker.call(self._hear)

    def _hear(self) -> None:
        try:
            id, source, sound = self._waiting.popleft()
        except IndexError:
            return  # the bot has left since
        samples: NDArray[np.int16] = np.frombuffer(sound, np.int16) if sound else _SILENCE
        if not id:
            speaker.feed(self._call, samples)
            return
        with self._lock:
            renderer = self._renderers.get((id, source))
        if renderer is None:
            return
        if sound is None:
            renderer.end()
        else:
            renderer.feed(samples)
