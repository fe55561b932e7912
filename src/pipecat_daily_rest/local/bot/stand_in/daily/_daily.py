# SPDX-License-Identifier: BSD-2-Clause
"""The class `Daily`: the module's own switches, and its virtual devices."""

from daily._checks import MadeByModule, need, need_count
from daily._devices import LogLevel, NativeVad, VirtualMicrophoneDevice, VirtualSpeakerDevice
from daily._speaker import speaker
from daily._video_sources import VirtualCameraDevice


class _Context:
    """Whether `Daily.init` was called. daily-python aborts the process where this raises."""

    def __init__(self) -> None:
        self._exists = False

    def begin(self) -> None:
        if self._exists:
            msg = "Daily.init() was called twice: on Daily the process would abort here"
            raise RuntimeError(msg)
        self._exists = True

    def end(self) -> None:
        self._exists = False

    def need(self) -> None:
        if not self._exists:
            msg = "call Daily.init() first: on Daily the process would abort here"
            raise RuntimeError(msg)


context = _Context()


class Daily(MadeByModule):
    """The switches and the devices of a process."""

    @staticmethod
    def init(worker_threads: int = 2, log_level: LogLevel = LogLevel.Off) -> None:
        """Begin to use the module, once in a process.

        `worker_threads` and `log_level` have no effect.
        """
        need_count(worker_threads, bits=64)
        need(log_level, LogLevel)
        context.begin()

    @staticmethod
    def deinit() -> None:
        """End the use of the module."""
        context.end()

    @staticmethod
    def set_log_level(log_level: LogLevel) -> None:
        """Log more or less. Without effect: the stand-in logs with loguru."""
        need(log_level, LogLevel)

    @staticmethod
    def create_camera_device(
        device_name: str, width: int, height: int, color_format: str = "RGBA"
    ) -> VirtualCameraDevice:
        """Create a camera for `CallClient.update_inputs`; it lives while somebody holds it."""
        return VirtualCameraDevice._make(device_name, width, height, color_format)

    @staticmethod
    def create_microphone_device(
        device_name: str, sample_rate: int = 16000, channels: int = 1, non_blocking: bool = False
    ) -> VirtualMicrophoneDevice:
        """Create a microphone for `CallClient.update_inputs`; it lives while somebody holds it."""
        return VirtualMicrophoneDevice._make(device_name, sample_rate, channels, non_blocking)

    @staticmethod
    def create_speaker_device(
        device_name: str, sample_rate: int = 16000, channels: int = 1, non_blocking: bool = False
    ) -> VirtualSpeakerDevice:
        """Create a speaker for `select_speaker_device`; it lives while somebody holds it."""
        return VirtualSpeakerDevice._make(device_name, sample_rate, channels, non_blocking)

    @staticmethod
    def create_native_vad(
        reset_period_ms: int = 1000, sample_rate: int = 16000, channels: int = 1
    ) -> NativeVad:
        """Create a voice activity detector; `reset_period_ms` has no effect."""
        return NativeVad._make(reset_period_ms, sample_rate, channels)

    @staticmethod
    def select_speaker_device(device_name: str) -> None:
        """Have a speaker play one call of this process.

        It plays the next call that the same task or thread joins, or else the last one joined.
        """
        speaker.select(device_name)
