# SPDX-License-Identifier: BSD-2-Clause
"""What the bot says: the part of `CallClient` for its tracks."""

from collections.abc import Mapping
from typing import Any

from daily._checks import need
from daily._events import EventHandler
from daily._handle import Completion, Handle
from daily._sources import CustomAudioTrack, CustomVideoTrack


class Tracks(Handle):
    """The bot's tracks."""

    def __init__(self, event_handler: EventHandler | None) -> None:
        """Initialize a client without tracks.

        Args:
            event_handler: Who is told what happens.
        """
        super().__init__(event_handler)
        self._custom: dict[tuple[str, str], Any] = {}  # keeps their sources alive

    def inputs(self) -> dict[str, Any]:
        """Tell what the bot's tracks are fed from."""
        return self._call.mouth.inputs

    def update_inputs(
        self, input_settings: Mapping[str, Any], completion: Completion = None
    ) -> None:
        """Change what the bot's tracks are fed from, or switch them.

        Args:
            input_settings: By track: a switch, or ``isEnabled`` and ``settings`` with a
                ``customTrack`` or the ``deviceId`` of a virtual microphone.
            completion: Called with an error or None.
        """
        self._update_media("updateInputs", input_settings, completion)

    def publishing(self) -> dict[str, Any]:
        """Tell how the bot's tracks are sent."""
        return self._call.mouth.publishing

    def update_publishing(
        self, publishing_settings: Mapping[str, Any], completion: Completion = None
    ) -> None:
        """Change how the bot's tracks are sent.

        Args:
            publishing_settings: By track.
            completion: Called with an error or None.
        """
        self._update_media("updatePublishing", publishing_settings, completion)

    def _update_media(self, name: str, changes: Any, completion: Completion) -> None:
        if isinstance(changes, Mapping):
            self._call.update_media(name, changes, completion)
        else:
            self._refuse(name, "the settings are no object", completion)

    def add_custom_audio_track(
        self,
        track_name: str,
        audio_track: CustomAudioTrack,
        ignore_audio_level: bool | None = None,
        completion: Completion = None,
    ) -> None:
        """Add a track. In a local room it is part of the bot's one voice.

        It is heard, as that voice, while the microphone is on.

        Args:
            track_name: Its name.
            audio_track: What it carries.
            ignore_audio_level: Without effect.
            completion: Called with an error or None.
        """
        need(audio_track, CustomAudioTrack)
        self._add("customAudio", track_name, audio_track, completion)

    def update_custom_audio_track(
        self,
        track_name: str,
        audio_track: CustomAudioTrack,
        ignore_audio_level: bool | None = None,
        completion: Completion = None,
    ) -> None:
        """Let a track carry something else.

        Args:
            track_name: Its name.
            audio_track: What it carries.
            ignore_audio_level: Without effect.
            completion: Called with an error or None.
        """
        self.add_custom_audio_track(track_name, audio_track, ignore_audio_level, completion)

    def remove_custom_audio_track(self, track_name: str, completion: Completion = None) -> None:
        """Remove a track.

        Args:
            track_name: Its name.
            completion: Called with an error or None.
        """
        self._remove("customAudio", track_name, completion)

    def add_custom_video_track(
        self, track_name: str, video_track: CustomVideoTrack, completion: Completion = None
    ) -> None:
        """Add a track that nobody sees: a local room has no video.

        Args:
            track_name: Its name.
            video_track: What it carries.
            completion: Called with an error or None.
        """
        need(video_track, CustomVideoTrack)
        self._add("customVideo", track_name, video_track, completion)

    def update_custom_video_track(
        self, track_name: str, video_track: CustomVideoTrack, completion: Completion = None
    ) -> None:
        """Let a track carry something else.

        Args:
            track_name: Its name.
            video_track: What it carries.
            completion: Called with an error or None.
        """
        self.add_custom_video_track(track_name, video_track, completion)

    def remove_custom_video_track(self, track_name: str, completion: Completion = None) -> None:
        """Remove a track.

        Args:
            track_name: Its name.
            completion: Called with an error or None.
        """
        self._remove("customVideo", track_name, completion)

    def _add(self, kind: str, name: str, track: Any, completion: Completion) -> None:
        need(name, str)
        given = {"isEnabled": True, "settings": {"customTrack": {"id": track.id}}}
        self._custom[kind, name] = track
        self._call.update_media("updateInputs", {kind: {name: given}}, completion)

    def _remove(self, kind: str, name: str, completion: Completion) -> None:
        call = self._call
        self._custom.pop((kind, name), None)
        call.mouth.remove(kind, name)
        call.update_media("updateInputs", {}, completion)
