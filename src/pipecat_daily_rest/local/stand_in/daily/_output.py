# SPDX-License-Identifier: BSD-2-Clause
"""The one speaker of the process, and the call that is heard through it."""

import threading
from typing import Any, Protocol

import numpy as np

from daily._devices import VirtualSpeakerDevice, find_speaker


class Source(Protocol):
    """A call that a speaker can be fed from."""

    def listen(self) -> None:
        """Look at `wants` again. Must not block."""


class _Output:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._device: VirtualSpeakerDevice | None = None
        self._calls: list[Source] = []

    def select(self, name: str) -> None:
        """Let everybody be heard through a speaker.

        Args:
            name: The speaker's name.

        Raises:
            RuntimeError: There is no such speaker.
        """
        device = find_speaker(name)
        if device is None:
            msg = "unable to select virtual speaker device"
            raise RuntimeError(msg)
        with self._lock:
            before, self._device = self._device, device
            calls = list(self._calls)
            device._set_live(bool(calls))
        if before is not None and before is not device:
            before._set_live(False)
        for call in calls:
            call.listen()

    def joined(self, call: Source) -> None:
        """Note a call. With several in one process, the last is heard.

        Args:
            call: The call.
        """
        self._change(lambda: self._calls.append(call))

    def left(self, call: Source) -> None:
        """Forget a call.

        Args:
            call: The call.
        """
        self._change(lambda: self._calls.remove(call) if call in self._calls else None)

    def wants(self, call: Source) -> bool:
        """Tell whether a call is heard through the speaker.

        Args:
            call: The call.

        Returns:
            Whether it is.
        """
        with self._lock:
            return self._device is not None and self._calls[-1:] == [call]

    def feed(self, call: Source, samples: "np.ndarray[Any, np.dtype[np.int16]]") -> None:
        """Give the speaker what is heard in a call.

        Args:
            call: The call.
            samples: 48 kHz, mono.
        """
        if self.wants(call) and self._device is not None:
            self._device._feed(samples)

    def _change(self, change: Any) -> None:
        with self._lock:
            change()
            calls = list(self._calls)
            if self._device is not None:
                self._device._set_live(bool(calls))
        for call in calls:
            call.listen()


output = _Output()
