# SPDX-License-Identifier: BSD-2-Clause
"""The one selected speaker of the process, and the call that it plays."""

import threading
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from daily._checks import need
from daily._devices import VirtualSpeakerDevice, find_speaker


class Source(Protocol):
    """A call that a speaker can play."""

    def listen(self) -> None:
        """Look at `wants` again. Must not block."""


class _Selection:
    """One selection of a speaker, and the call that the bot joined after it."""

    def __init__(self) -> None:
        self._call: weakref.ref[Source] | None = None

    @property
    def call(self) -> Source | None:
        return None if self._call is None else self._call()

    def take(self, call: Source) -> None:
        if self._call is None:
            self._call = weakref.ref(call)


_mine: ContextVar[_Selection | None] = ContextVar("selection", default=None)


class _Speaker:
    """Plays the call of the bot that selected it, even if another bot of the process joins later.

    Each bot runs in a task or thread of its own, and chance decides which one joins first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._device: VirtualSpeakerDevice | None = None
        self._selection = _Selection()
        self._calls: list[Source] = []  # that are in a room

    def select(self, name: str) -> None:
        """Select a virtual speaker."""
        need(name, str)
        device = find_speaker(name)
        if device is None:
            msg = "unable to select virtual speaker device"
            raise RuntimeError(msg)
        with self._lock:
            before, self._device = self._device, device
            self._selection = selection = _Selection()
            calls = list(self._calls)
            device._set_live(bool(calls))
        _mine.set(selection)
        if before is not None and before is not device:
            before._set_live(False)
        for call in calls:
            call.listen()

    def joins(self, call: Source) -> None:
        """Note that a call is about to join, in the context of the bot."""
        if (selection := _mine.get()) is not None:
            selection.take(call)

    def joined(self, call: Source) -> None:
        """Note that a call is in a room."""

        def change() -> None:
            self._calls.append(call)
            if self._device is not None and self._selection.call is call:
                self._device._set_live(False)  # drops what it buffers of another call

        self._change(change)

    def left(self, call: Source) -> None:
        """Note that a call has left its room."""
        self._change(lambda: self._calls.remove(call) if call in self._calls else None)

    def wants(self, call: Source) -> bool:
        """Tell whether the speaker plays a call: its own, or the last one if its own is not in."""
        with self._lock:
            if self._device is None or call not in self._calls:
                return False
            chosen = self._selection.call
            return call is (chosen if chosen in self._calls else self._calls[-1])

    def feed(self, call: Source, samples: NDArray[np.int16]) -> None:
        """Play the mix of a call, 48 kHz, if the speaker wants that call."""
        if self.wants(call) and self._device is not None:
            self._device._feed(samples)

    def _change(self, change: Callable[[], None]) -> None:
        with self._lock:
            change()
            calls = list(self._calls)
            if self._device is not None:
                self._device._set_live(bool(calls))
        for call in calls:
            call.listen()


speaker = _Speaker()
