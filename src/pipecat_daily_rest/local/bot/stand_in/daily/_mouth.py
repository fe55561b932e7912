# SPDX-License-Identifier: BSD-2-Clause
"""How what the bot says reaches its call: inputs, publishing settings, and the sources."""

import copy
import threading
from collections.abc import Callable, Mapping
from typing import Any

from daily import _settings
from daily._devices import find_microphone
from daily._sources import CustomAudioSource, find_source


class Mouth:
    """The tracks of a call that are heard, each by its name."""

    def __init__(self, say: Callable[[str, bytes], None]) -> None:
        """Initialize a mouth that is shut.

        Args:
            say: Takes the name of a track and its samples; must not block or raise.
        """
        self._say = say
        self._lock = threading.RLock()
        self._inputs = _settings.inputs()
        self._publishing = _settings.publishing()
        self._sources: dict[str, CustomAudioSource] = {}  # by track

    @property
    def inputs(self) -> dict[str, Any]:
        """As `CallClient.inputs` gives them."""
        with self._lock:
            return copy.deepcopy(self._inputs)

    @property
    def publishing(self) -> dict[str, Any]:
        """As `CallClient.publishing` gives them."""
        with self._lock:
            return copy.deepcopy(self._publishing)

    @property
    def media(self) -> dict[str, Any]:
        """``media`` of the local participant."""
        with self._lock:
            return _settings.local_media(self._inputs, self._publishing)

    def update(self, name: str, changes: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Change the inputs or the publishing settings."""
        with self._lock:
            if name == "updatePublishing":
                _settings.merge(self._publishing, changes, _settings.publishing())
                return "on_publishing_updated", self.publishing
            _settings.merge(self._inputs, changes, _settings.inputs())
            self._connect()
            return "on_inputs_updated", self.inputs

    def start_off(self, media: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
        """Switch off what the room or the token says is off at the start."""
        off = {
            name: {"isEnabled": False}
            for name in ("microphone", "camera")
            if "user" in media[name]["offReasons"] and self.media[name]["state"] != "off"
        }
        return [self.update("updateInputs", off)] if off else []

    def remove(self, name: str) -> None:
        """Remove a custom track; the next `update` tells it."""
        with self._lock:
            self._inputs["customAudio"].pop(name, None)

    def close(self) -> None:
        """Let go of the sources."""
        with self._lock:
            for source in self._sources.values():
                source._attach(self, False)
            self._sources = {}

    def sound(self, source: CustomAudioSource, samples: bytes) -> None:
        """Take what a source says, on the thread that writes it (`Sink`).

        Args:
            source: The source.
            samples: 48 kHz, 16 bit, mono.
        """
        for name, fed in self._sources.items():  # no lock: the source holds its own
            if fed is source:
                self._say(name, samples)

    def _connect(self) -> None:
        wanted: dict[str, CustomAudioSource] = {}
        tracks = {name: self._inputs[name] for name in ("microphone", "screenAudio")}
        for name, track in (tracks | self._inputs["customAudio"]).items():
            settings = track.get("settings") or {}
            source = find_source((settings.get("customTrack") or {}).get("id"))
            source = source or find_microphone(settings.get("deviceId"))
            if track.get("isEnabled") and source is not None:
                wanted[name] = source
        before, self._sources = self._sources, wanted
        for source in {*before.values()} - {*wanted.values()}:
            source._attach(self, False)
        for source in wanted.values():
            source._attach(self, True)
