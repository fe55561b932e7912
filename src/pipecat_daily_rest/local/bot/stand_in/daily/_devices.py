# SPDX-License-Identifier: BSD-2-Clause
"""Virtual devices, the voice activity detector, and the levels of the log."""

import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from daily._audio_sources import CustomAudioSource, find_track
from daily._checks import MadeByModule, need, need_count, need_samples
from daily._sound import ROOM_RATE, Resampler, mono
from daily._threads import complete

_KEPT = 2.0  # seconds of sound that a speaker buffers for its reader
_SILENCE, _VOICE = -60.0, -30.0  # dB of full scale: certainly no voice, certainly a voice

_microphones: "weakref.WeakValueDictionary[str, VirtualMicrophoneDevice]" = (
    weakref.WeakValueDictionary()
)
_speakers: "weakref.WeakValueDictionary[str, VirtualSpeakerDevice]" = weakref.WeakValueDictionary()


class LogLevel(MadeByModule):
    """How much the real module logs. Without effect: the stand-in logs with loguru."""

    __slots__ = ("_name", "_value")

    _name: str
    _value: int

    Off: "LogLevel"
    Error: "LogLevel"
    Warn: "LogLevel"
    Info: "LogLevel"
    Debug: "LogLevel"
    Trace: "LogLevel"

    def __int__(self) -> int:
        return self._value

    def __repr__(self) -> str:
        return f"LogLevel.{self._name}"


for _value, _name in enumerate(("Off", "Error", "Warn", "Info", "Debug", "Trace")):
    _level = object.__new__(LogLevel)
    _level._value, _level._name = _value, _name
    setattr(LogLevel, _name, _level)


class VirtualSpeakerDevice(MadeByModule):
    """Plays what everybody in the call says, mixed, when it is the selected one."""

    _name: str
    _sample_rate: int
    _channels: int
    _non_blocking: bool
    _resample: Resampler
    _sound: bytearray
    _news: threading.Condition
    _live: bool

    @classmethod
    def _make(cls, name: str, sample_rate: int, channels: int, non_blocking: bool) -> Self:
        need(name, str)
        need_count(sample_rate)
        need_count(channels, bits=8)
        need(non_blocking, bool)
        self = object.__new__(cls)
        self._name, self._sample_rate, self._channels = name, sample_rate, channels
        self._non_blocking = non_blocking
        self._resample = Resampler(ROOM_RATE, sample_rate)
        self._sound = bytearray()
        self._news = threading.Condition()
        self._live = False
        _speakers[name] = self
        return self

    @property
    def name(self) -> str:
        """The name that selects it."""
        return self._name

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return self._sample_rate

    @property
    def channels(self) -> int:
        """How many; all are alike."""
        return self._channels

    def read_frames(
        self, num_frames: int, completion: Callable[[bytes], None] | None = None
    ) -> bytes:
        """Read 16-bit samples of what was said.

        A blocking device waits for enough frames while there is a call. Otherwise too few give
        none. A completion is called, at once, if the device is non-blocking.
        """
        need_count(num_frames, bits=64)
        size = num_frames * self._channels * 2
        with self._news:
            while not self._non_blocking and self._live and len(self._sound) < size:
                self._news.wait()
            frames = b""
            if len(self._sound) >= size:
                frames = bytes(self._sound[:size])
                del self._sound[:size]
        if completion is not None and self._non_blocking:
            complete(completion, frames)
        return frames

    def _feed(self, samples: NDArray[np.int16]) -> None:
        with self._news:
            sound = np.repeat(self._resample(samples), self._channels)
            self._sound += sound.tobytes()
            most = int(_KEPT * self._sample_rate) * self._channels * 2
            if len(self._sound) > most:
                del self._sound[: len(self._sound) - most]
            self._news.notify_all()

    def _set_live(self, live: bool) -> None:
        with self._news:
            if live != self._live:
                self._live = live
                self._sound.clear()
                self._resample.reset()
                self._news.notify_all()


class VirtualMicrophoneDevice(MadeByModule):
    """A microphone that the bot speaks into; ``settings.deviceId`` of the inputs selects it."""

    _name: str
    _non_blocking: bool
    _source: CustomAudioSource

    @classmethod
    def _make(cls, name: str, sample_rate: int, channels: int, non_blocking: bool) -> Self:
        need(name, str)
        need(non_blocking, bool)
        self = object.__new__(cls)
        self._name, self._non_blocking = name, non_blocking
        self._source = CustomAudioSource(sample_rate, channels)
        _microphones[name] = self
        return self

    @property
    def name(self) -> str:
        """The name that selects it."""
        return self._name

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return self._source.sample_rate

    @property
    def channels(self) -> int:
        """How many."""
        return self._source.channels

    def write_frames(self, frames: bytes, completion: Callable[[int], None] | None = None) -> int:
        """Say 16-bit samples; give the number of frames, or 0, at once, if no call uses it.

        A completion gets it too, if the device is non-blocking.
        """
        need(frames, bytes)
        whole = self.channels == 0 or len(frames) % (2 * self.channels) == 0
        if whole and not self._source._sinks:
            if completion is not None and self._non_blocking:
                complete(completion, 0)
            return 0
        if not self._non_blocking:
            return self._source.write_frames(frames)
        return self._source.write_frames(frames, completion or (lambda _: None))


def find_audio(settings: Mapping[str, Any]) -> CustomAudioSource | None:
    """Give the source of an input: its ``customTrack``, or the microphone of its ``deviceId``."""
    source = find_track((settings.get("customTrack") or {}).get("id"))
    name = settings.get("deviceId")
    device = _microphones.get(name) if isinstance(name, str) else None
    return source or (None if device is None else device._source)


def find_speaker(name: str) -> VirtualSpeakerDevice | None:
    """Give a virtual speaker by its name, or None."""
    return _speakers.get(name)


class NativeVad(MadeByModule):
    """Tells speech from silence by its loudness. The real one tells speech from noise, too."""

    _reset_period_ms: int
    _sample_rate: int
    _channels: int

    @classmethod
    def _make(cls, reset_period_ms: int, sample_rate: int, channels: int) -> Self:
        need_count(reset_period_ms, sample_rate)
        need_count(channels, bits=8)
        if reset_period_ms % 10 or sample_rate % 100:
            msg = (
                "a detector needs a reset period of whole 10 ms and a sample rate of whole 100 Hz: "
                "on Daily the process would abort here"
            )
            raise ValueError(msg)
        self = object.__new__(cls)
        self._reset_period_ms = reset_period_ms
        self._sample_rate, self._channels = sample_rate, channels
        return self

    @property
    def reset_period_ms(self) -> int:
        """As it was given. Without effect: the detector has nothing to reset."""
        return self._reset_period_ms

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return self._sample_rate

    @property
    def channels(self) -> int:
        """How many."""
        return self._channels

    def analyze_frames(self, frames: bytes) -> float:
        """Give how likely 16-bit samples are speech, from 0 to 1; here by the loudness alone."""
        need(frames, bytes)
        need_samples(frames, self._channels)
        samples = mono(frames, self._channels).astype(np.float32) / 32768
        power = float(np.mean(samples**2)) if len(samples) else 0.0
        decibels = 10 * np.log10(max(power, 1e-12))
        return float(np.clip((decibels - _SILENCE) / (_VOICE - _SILENCE), 0.0, 1.0))
