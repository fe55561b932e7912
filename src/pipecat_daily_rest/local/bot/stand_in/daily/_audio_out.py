# SPDX-License-Identifier: BSD-2-Clause
"""Sound out: from the bot's sources to the room."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from daily._audio_sources import CustomAudioSource
from daily._devices import find_audio


class AudioOut:
    """The bot's audio tracks, each with its source."""

    def __init__(self, say: Callable[[str, bytes], None]) -> None:
        """Initialize without tracks; `say` takes a track and samples, and must not block."""
        self._say = say
        self._lock = threading.Lock()
        self._sources: dict[str, CustomAudioSource] = {}  # by track

    def connect(self, inputs: Mapping[str, Any]) -> None:
        """Take the sound of the sources in the inputs, and of no others."""
        wanted = {}
        tracks = {name: inputs[name] for name in ("microphone", "screenAudio")}
        for name, track in (tracks | inputs["customAudio"]).items():
            source = find_audio(track.get("settings") or {})
            if track.get("isEnabled") and source is not None:
                wanted[name] = source
        self._replace(wanted)

    def close(self) -> None:
        """Let go of the sources."""
        self._replace({})

    def take_samples(self, source: CustomAudioSource, samples: bytes) -> None:
        """Send what a source says, on the thread that writes it (`Sink`)."""
        for name, mine in self._sources.items():  # without the lock: the source holds its own
            if mine is source:
                self._say(name, samples)

    def _replace(self, sources: dict[str, CustomAudioSource]) -> None:
        with self._lock:
            before, self._sources = self._sources, sources
            for source in {*before.values()} - {*sources.values()}:
                source._detach(self)
            for source in sources.values():
                source._attach(self)
