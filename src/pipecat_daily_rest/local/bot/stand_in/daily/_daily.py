# SPDX-License-Identifier: BSD-2-Clause
"""The module's own switches, and its virtual devices."""

from daily._checks import MadeByModule, need, need_count
from daily._devices import (
    LogLevel,
    NativeVad,
    VirtualMicrophoneDevice,
    VirtualSpeakerDevice,
)
from daily._output import output
from daily._pictures import VirtualCameraDevice


class _Context:
    """Whether the module is in use; the real one ends the process where this one raises."""

    def __init__(self) -> None:
        self._exists = False

    def begin(self) -> None:
        """Begin.

        Raises:
            RuntimeError: For the second time.
        """
        if self._exists:
            msg = "Daily.init() was called twice: on Daily the process would abort here"
            raise RuntimeError(msg)
        self._exists = True

    def end(self) -> None:
        """End, if it has begun."""
        self._exists = False

    def need(self) -> None:
        """Check that it has begun."""
        if not self._exists:
            msg = "call Daily.init() first: on Daily the process would abort here"
            raise RuntimeError(msg)


context = _Context()


class Daily(MadeByModule):
    """What is there once in a process."""

    @staticmethod
    def init(worker_threads: int = 2, log_level: LogLevel = LogLevel.Off) -> None:
        """Begin to use the module, once in a process."""
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
        """Make a camera for the bot; `CallClient.update_inputs` selects it by its name.

        Args:
            device_name: Its name.
            width: In pixels.
            height: In pixels.
            color_format: How a pixel is written.

        Returns:
            The device. It lives as long as somebody holds it.
        """
        return VirtualCameraDevice._make(device_name, width, height, color_format)

    @staticmethod
    def create_microphone_device(
        device_name: str, sample_rate: int = 16000, channels: int = 1, non_blocking: bool = False
    ) -> VirtualMicrophoneDevice:
        """Make a microphone for the bot; `CallClient.update_inputs` selects it by its name.

        Args:
            device_name: Its name.
            sample_rate: In Hz.
            channels: 1 or 2.
            non_blocking: Whether a write returns at once.

        Returns:
            The device. It lives as long as somebody holds it.
        """
        return VirtualMicrophoneDevice._make(device_name, sample_rate, channels, non_blocking)

    @staticmethod
    def create_speaker_device(
        device_name: str, sample_rate: int = 16000, channels: int = 1, non_blocking: bool = False
    ) -> VirtualSpeakerDevice:
        """Make a speaker, through which the bot hears everybody; it has to be selected.

        Args:
            device_name: Its name.
            sample_rate: In Hz.
            channels: 1 or 2, both alike.
            non_blocking: Whether a read returns at once.

        Returns:
            The device. It lives as long as somebody holds it.
        """
        return VirtualSpeakerDevice._make(device_name, sample_rate, channels, non_blocking)

    @staticmethod
    def create_native_vad(
        reset_period_ms: int = 1000, sample_rate: int = 16000, channels: int = 1
    ) -> NativeVad:
        """Make a voice activity detector.

        Args:
            reset_period_ms: Without effect.
            sample_rate: In Hz.
            channels: 1 or 2.

        Returns:
            The detector.
        """
        return NativeVad._make(reset_period_ms, sample_rate, channels)

    @staticmethod
    def select_speaker_device(device_name: str) -> None:
        """Let a call of this process be heard through a speaker.

        It is the next one that is joined in the same task or thread; without it, the last one.
        """
        output.select(device_name)
